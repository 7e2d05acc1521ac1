/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_orders.h"
#include "ctl/backup/backup_postgresql.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"
#include "queue/audit.h"
#include "queue/copy_end.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LEAVES_UNSURE (64LL << 20) /* octets that stay free where it may not fit */

#define POLL_MS 20
#define LIST_BEGUN BACKUP_LIST ".begun"
#define DATABASE "state/queue/queue.db"

DEFINE_CLEANUP(FILE *, fclose)

static int failed(const char *what, int error)
{
	fprintf(stderr, "sealgate: %s: %s\n", what, strerror(-error));
	return EXIT_INTERNAL;
}

/* How far queued is with its copy. NULL after *ret_status, which was said. */
static json_t *state_of(struct queue_session *s, int *ret_status)
{
	int fd, r = queue_backup_state(s->queue, &fd);
	json_t *state;

	*ret_status = EXIT_INTERNAL;
	if (r == QUEUE_STALE)
		fputs("sealgate: queued gave the copy up, as its database had to be "
		      "opened anew: try again\n",
			stderr);
	else if (r != QUEUE_DONE)
		*ret_status = queue_session_explain(r, NULL);
	if (r != QUEUE_DONE)
		return NULL;
	state = queue_session_json(fd);
	if (state)
		*ret_status = EXIT_CLEAN;
	return state;
}

static int begin_copy(struct queue_session *s, int *ret_copy)
{
	int r = queue_backup_start(s->queue, ret_copy);

	if (r != QUEUE_ILLEGAL)
		return r == QUEUE_DONE ? EXIT_CLEAN : queue_session_explain(r, NULL);
	fputs("sealgate: the database is being copied for another backup: try again\n",
		stderr);
	return EXIT_NOT_PASSED;
}

/* What is to be in a backup of the database. */
struct content {
	int copy;   /* queued's, to be read; -1: the server's is dumped */
	char *mark; /* POSITION:CHAIN of what is in it */
};

static void content_done(struct content *c)
{
	closep(&c->copy);
	free(c->mark);
}

/* Have queued make its copy. */
static int copy_database(struct queue_session *s, struct content *ret)
{
	_cleanup_json_ json_t *state = NULL;
	const char *mark;
	int status = begin_copy(s, &ret->copy);

	if (status != EXIT_CLEAN)
		return status;
	state = state_of(s, &status);
	while (state && json_is_true(json_object_get(state, "running"))) {
		poll(NULL, 0, POLL_MS);
		json_decref(state);
		state = state_of(s, &status);
	}
	if (!state)
		return status;
	mark = json_string_of(state, "head");
	if (!mark) {
		fputs("sealgate: the copy could not be written: is there room beside the "
		      "database?\n",
			stderr);
		return EXIT_INTERNAL;
	}
	ret->mark = strdup(mark);
	return ret->mark ? EXIT_CLEAN : EXIT_INTERNAL;
}

/* The end of the chain as it is now: a copy of a server's database is begun after it. */
static int mark_now(struct queue_session *s, char **ret_mark)
{
	_cleanup_json_ json_t *figures = NULL;
	const json_t *head;
	const char *chain;
	int fd, r = queue_stats(s->queue, &fd);

	if (r != QUEUE_DONE)
		return queue_session_explain(r, NULL);
	figures = queue_session_json(fd);
	head = json_object_get(figures, "audit");
	chain = json_string_of(head, "chain");
	if (!chain ||
		asprintf(ret_mark, "%lld:%s",
			(long long)json_integer_value(json_object_get(head, "position")),
			chain) < 0)
		return EXIT_INTERNAL;
	return EXIT_CLEAN;
}

static int make_folders(const char *dir, const char *files)
{
	static const char *const BELOW[] = { "", "/state", "/state/queue" };
	char path[PATH_MAX];

	if (mkdir(dir, 0700) < 0)
		return -errno;
	for (size_t i = 0; i < 3; i++)
		if (snprintf(path, sizeof(path), "%s%s", files, BELOW[i]) >= PATH_MAX ||
			mkdir(path, 0700) < 0)
			return -errno;
	return 0;
}

/* A server's database before anything else, the signer's count above all. */
static int dump_first(const struct instance *i, const struct backup_tree *t)
{
	char dump[PATH_MAX];
	int r;

	if (!backup_is_postgresql(i))
		return 0;
	if (snprintf(dump, sizeof(dump), "%s/.dump", t->files) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = backup_dump(i, dump, t->leaves);
	return r == -EEXIST ? -ECANCELED : r; /* said */
}

/* What lies in the backup has to end where queued said. */
static int check_database(const struct backup_tree *t, const char *mark)
{
	uint8_t chain[SHA256_SIZE], end[SHA256_SIZE];
	int64_t position, last;
	char path[PATH_MAX];
	int r = audit_head_read(span_str(mark), &position, chain);

	if (r == 0 && snprintf(path, sizeof(path), "%s/" DATABASE, t->files) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (r == 0)
		r = copy_end(path, &last, end);
	if (r == 0 && (last != position || memcmp(end, chain, SHA256_SIZE) != 0))
		r = -EBADMSG;
	if (r != -EBADMSG)
		return r;
	fprintf(stderr, "sealgate: %s does not end at record %s\n", path, mark);
	return -ECANCELED;
}

static int add_database(const struct backup_tree *t, const struct content *c)
{
	char from[PATH_MAX];
	int r;

	if (c->copy >= 0) {
		r = backup_add_opened(t, c->copy, DATABASE);
		return r < 0 ? r : check_database(t, c->mark);
	}
	if (snprintf(from, sizeof(from), "%s/.dump", t->files) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = backup_add_file(t, from, BACKUP_DUMP);
	unlink(from);
	return r;
}

/* The database's copy, its folder, the head that it must have, and what was sealed up to
 * there. */
static int add_queue(
	const struct instance *i, const struct backup_tree *t, const struct content *c)
{
	char from[PATH_MAX], text[128];
	uint8_t chain[SHA256_SIZE];
	int64_t position = 0;
	struct stat st;
	int r = instance_path(i, "state/queue", from);

	if (r < 0 || stat(from, &st) < 0)
		return r < 0 ? r : -errno;
	fprintf(t->list, "- %o %u %u 0 state/queue\n", st.st_mode & 07777, st.st_uid,
		st.st_gid);
	r = add_database(t, c);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%s\n", c->mark);
	st.st_mode = S_IFREG | 0644;
	r = backup_add_text(t, text, &st, "state/queue/head");
	if (r == 0)
		r = audit_head_read(span_str(text), &position, chain);
	return r < 0 ? r : backup_add_heads(t, position);
}

/* On the disk, and under its name: without its list a folder is no backup. */
static int end_list(FILE *list, int folder)
{
	if (fflush(list) != 0 || ferror(list) || fsync(fileno(list)) < 0 ||
		renameat(folder, LIST_BEGUN, folder, BACKUP_LIST) < 0 ||
		fsync(folder) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int write_all(const struct instance *i, const struct backup_tree *t, int folder,
	const struct content *c)
{
	char at[CLOCK_TEXT_SIZE];
	int r;

	clock_format(clock_now(), at);
	fprintf(t->list, BACKUP_HEAD "\n" BACKUP_MARK "%s\n" BACKUP_AT "%s\n", c->mark,
		at);
	r = dump_first(i, t);
	if (r == 0)
		r = backup_add_all(t);
	if (r == 0)
		r = add_queue(i, t, c);
	return r < 0 ? r : end_list(t->list, folder);
}

/* The list may be larger than memory: an archive has no end. */
static int write_backup(const struct instance *i, const char *dir,
	const struct backup_bounds *bounds, const struct content *c)
{
	_cleanup_(closep) int folder = -1;
	_cleanup_(fclosep) FILE *list = NULL;
	char files[PATH_MAX];
	struct backup_tree t = { .instance = i->dir,
		.files = files,
		.leaves = bounds->leaves,
		.without_archive = bounds->without_archive,
		.patience = BACKUP_PATIENCE_MS,
		.share = BACKUP_SHARE };
	int fd, r = snprintf(files, sizeof(files), "%s/files", dir) < PATH_MAX
			    ? make_folders(dir, files)
			    : -ENAMETOOLONG;

	if (r < 0)
		return r;
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	fd = openat(folder, LIST_BEGUN, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	list = fdopen(fd, "w");
	if (!list) {
		close(fd);
		return -ENOMEM;
	}
	t.list = list;
	return write_all(i, &t, folder, c);
}

/* Before anything is written: what a copy would take, where it is to be. Return: 0,
 * 1 it may not fit, -ENOSPC, -errno, each after it was said. */
static int see_room(
	const struct instance *i, const char *dir, const struct backup_bounds *bounds)
{
	static const struct backup_share share = BACKUP_SHARE;
	_cleanup_(freep) char *beside = strdup(dir);
	_cleanup_(closep) int folder =
		beside ? open(dirname(beside), O_PATH | O_CLOEXEC) : -1;
	long long size = 0, database = 0;
	int r = folder < 0 ? -errno : backup_database_size(i, &database);

	if (r == 0)
		r = backup_measure(i->dir, &share, bounds->without_archive, &size);
	if (r == 0)
		r = backup_room_about(folder, size, database);
	if (r > 0)
		fprintf(stderr,
			"sealgate: %s: a backup takes up to %lld MB, less where the "
			"database is compressed well: there may not be room\n",
			dir, (size + database) / 1000000 + 1);
	if (r == -ENOSPC)
		fprintf(stderr,
			"sealgate: %s: a backup takes up to %lld MB, and there is less "
			"room: make room, name a folder elsewhere, or leave the archive "
			"out (--without-archive)\n",
			dir, (size + database) / 1000000 + 1);
	else if (r < 0)
		(void)failed(dir, r);
	return r;
}

int backup_copy(const char *dir, const struct backup_bounds *bounds, char **ret_mark)
{
	_cleanup_session_ struct queue_session s = { 0 };
	_cleanup_(content_done) struct content c = { .copy = -1 };
	struct backup_bounds watched = *bounds;
	int r, status = queue_session_open(&s);

	if (status != EXIT_CLEAN)
		return status;
	/* who leaves room has seen to it */
	r = bounds->leaves ? 0 : see_room(&s.instance, dir, bounds);
	if (r < 0)
		return r == -ENOSPC ? r : EXIT_INTERNAL;
	if (r > 0)
		watched.leaves = LEAVES_UNSURE;
	status = backup_is_postgresql(&s.instance) ? mark_now(&s, &c.mark)
						   : copy_database(&s, &c);
	if (status != EXIT_CLEAN)
		return status;
	r = write_backup(&s.instance, dir, &watched, &c);
	if (r == 0)
		*ret_mark = TAKE(c.mark);
	if (r == -ECANCELED)
		return EXIT_INTERNAL;
	status = r < 0 ? failed(dir, r) : EXIT_CLEAN;
	return r == -ENOSPC ? r : status;
}

int cmd_backup(int argc, char **argv)
{
	static const struct option options[] = {
		{ "without-archive", no_argument, NULL, 'w' }, { 0 }
	};
	struct backup_bounds bounds = { 0 };
	_cleanup_(freep) char *mark = NULL;
	int c, status;

	if (backup_verb(argc, argv, &status))
		return status;
	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c != 'w')
			return command_usage("backup");
		bounds.without_archive = true;
	}
	if (command_arguments(argc, argv, 1, 1, "the folder to make") < 0)
		return command_usage("backup");
	status = backup_copy(argv[optind], &bounds, &mark);
	if (status == EXIT_CLEAN)
		printf("backup: everything up to record %s\n", mark);
	return status < 0 ? EXIT_INTERNAL : status;
}
