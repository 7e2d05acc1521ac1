/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/restore.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/folder_each.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/restore_paths.h"
#include "ctl/appliance/restore_proven.h"
#include "ctl/appliance/swap.h"
#include "ctl/backup/backup_tree.h"
#include "queue/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD "restored"
#define RECORD_MAX 512u

DEFINE_CLEANUP(FILE *, fclose)

int restore_path(const char *folder, const char *name, char ret_path[PATH_MAX])
{
	return snprintf(ret_path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int restore_fail(char **ret_error, int error, const char *where, const char *what)
{
	free(*ret_error);
	return appliance_fail(ret_error, error, where, what);
}

/* Return: 1, 0, -errno. */
static int is_there(const char *folder, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int r = restore_path(folder, name, path);

	if (r < 0)
		return r;
	return lstat(path, &st) == 0 ? 1 : errno == ENOENT ? 0 : -errno;
}

/* Return: 1 something is in it, 0 nothing, or it is not there, -errno. */
static int has_entries(const char *folder, const char *name)
{
	const struct dirent *e;
	char path[PATH_MAX];
	DIR *d;
	int r = restore_path(folder, name, path);

	if (r < 0)
		return r;
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	errno = 0;
	while (r == 0 && (e = readdir(d)))
		r = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (r == 0 && errno)
		r = -errno;
	(void)closedir(d);
	return r;
}

/* What others left beside it is no note: they could keep a machine from being restored.
 */
static int is_noted(const struct restore_places *p, const char *name)
{
	const struct swap_place place = { .instance = p->instance, .work = p->work };
	int r = is_there(p->work, name);

	return r > 0 ? swap_is_ours(&place, name) : r;
}

/* No program of ours starts before a configuration is there, so that one that never was
 * is enough. */
static int has_configuration(const struct restore_places *p)
{
	int r = is_there(p->instance, "sealgate.conf");

	return r == 0 ? is_noted(p, "serial") : r;
}

/* To be sure, by who may look there: what cannot be looked at is not taken for nothing.
 */
static int has_served(const struct restore_places *p)
{
	int r = has_configuration(p);

	if (r == 0)
		r = has_entries(p->instance, "state/queue");
	return r == 0 ? is_there(p->instance, "state/signer/count.log") : r;
}

static int judge_machine(const struct restore_places *p, int r, char **ret_error)
{
	if (r > 0)
		return restore_fail(ret_error, -EEXIST, p->instance,
			"this machine has a configuration or a ledger of its own, and no "
			"backup is put over it: take it to a new machine, or reset this "
			"one "
			"first");
	return r < 0 ? restore_fail(ret_error, r, p->instance, strerror(-r)) : 0;
}

struct record {
	char at[CLOCK_TEXT_SIZE], mark[BACKUP_MARK_SIZE], sha256[SHA256_TEXT_SIZE];
	long long size;
};

static int read_record(const char *work, struct record *ret)
{
	const struct swap_place place = { .work = work };
	_cleanup_(freep) char *text = NULL;
	char *end;
	size_t len = 0;
	int at = 0, r = swap_read_note(&place, RECORD, RECORD_MAX, &text, &len);

	if (r < 0)
		return r;
	if (sscanf(text, "%20s %127s %64s %n", ret->at, ret->mark, ret->sha256, &at) !=
			3 ||
		at == 0)
		return -EBADMSG;
	ret->size = strtoll(text + at, &end, 10);
	return *end == '\n' ? 0 : -EBADMSG;
}

int restore_mark(const char *work, char ret_mark[BACKUP_MARK_SIZE])
{
	struct record record = { 0 };
	int r = read_record(work, &record);

	if (r == 0)
		memcpy(ret_mark, record.mark, sizeof(record.mark));
	return r;
}

json_t *restore_report(const char *work)
{
	struct record record = { 0 };

	return read_record(work, &record) < 0
		       ? json_null()
		       : json_pack("{s:s, s:s}", "at", record.at, "record", record.mark);
}

int restore_judge(const struct restore_places *p, char **ret_error)
{
	struct record record = { 0 };
	char path[PATH_MAX];
	int r = restore_path(p->medium, "restore/" BACKUP_LIST, path);
	int has = is_noted(p, RECORD);

	*ret_error = NULL;
	if (r == 0 && read_record(p->work, &record) == 0) {
		struct manifest_file list = { record.sha256, record.size, BACKUP_LIST };

		if (manifest_prove(&list, path) == 0)
			return 1;
	}
	return r < 0 ? restore_fail(ret_error, r, p->medium, strerror(-r))
		     : judge_machine(p, has != 0 ? has : has_configuration(p), ret_error);
}

int restore_make_way(const struct restore_places *p, char **ret_error)
{
	const struct swap_place place = { .instance = p->instance, .work = p->work };
	int r = swap_make_way(&place, RESTORE_SERIAL);

	*ret_error = NULL;
	if (r == 0)
		r = swap_make_way(&place, RECORD);
	return r < 0 ? restore_fail(ret_error, r, p->work, strerror(-r)) : 0;
}

int restore_begun(const struct restore_places *p, bool *ret_ready)
{
	int r = is_there(p->folder, RESTORE_READY);

	*ret_ready = r > 0;
	return r != 0 ? r : is_there(p->folder, RESTORE_NEW);
}

/* One step down, through no link. */
static int step_down(int folder, const char *name, int flags)
{
	int fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* What of the new state has this name, which has no .. in it: nothing that a link leads
 * to, as whoever copied it read what nobody had proven, and this program may give files
 * away. Not by openat2(2), which RestrictSUIDSGID= of its unit forbids. Return: a
 * descriptor or -errno. */
static int open_inside(const char *new, const char *name, int flags)
{
	char path[PATH_MAX], *save = NULL, *part, *next;
	int fd;

	if (snprintf(path, sizeof(path), "%s", name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = step_down(AT_FDCWD, new, O_PATH | O_DIRECTORY);
	part = strtok_r(path, "/", &save);
	while (fd >= 0 && part) {
		_cleanup_(closep) int folder = fd;

		next = strtok_r(NULL, "/", &save);
		fd = step_down(
			folder, part, next ? O_PATH | O_DIRECTORY : O_RDONLY | flags);
		part = next;
	}
	return fd;
}

/* Owners last: who has no right over files of others has made all of them its own. Done
 * again it finds done what was done. */
static int give(const char *new, const char *name, const struct backup_line *l)
{
	_cleanup_(closep) int fd = open_inside(new, name, 0);
	struct stat st;

	int r = fd < 0 ? fd : restore_proven_file(fd, l);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & 07777) != l->mode && fchmod(fd, (mode_t)l->mode) < 0)
		return -errno;
	if (st.st_uid == l->uid && st.st_gid == l->gid)
		return 0;
	return fchown(fd, (uid_t)l->uid, (gid_t)l->gid) < 0 ? -errno : 0;
}

/* It belongs to whom state/ belongs, and has the mark of the list. */
static int give_mark(const char *new, const struct backup_line *state, const char *text)
{
	struct backup_line mark = {
		.mode = 0644, .uid = state->uid, .gid = state->gid, .size = strlen(text)
	};
	int r = digest_sha256_text(span_str(text), mark.hex);

	return r < 0 ? r : give(new, QUEUE_RESTORED_FILE, &mark);
}

/* What no line is about is nobody's, and goes nowhere. */
static int see_no_more(const char *new, size_t given)
{
	size_t count = 0;
	int r = restore_count(new, &count);

	return r == 0 && count != given ? -EBADMSG : r;
}

static int give_all(const char *new, FILE *list, char **ret_error)
{
	struct backup_line l, state = { 0 };
	char mark[BACKUP_MARK_SIZE];
	size_t given = 1; /* the mark */
	int r = backup_list_head(list, mark), more = 0;

	while (r == 0 && (more = backup_list_next(list, &l)) > 0) {
		if (!backup_list_state(&l) || strcmp(l.path, QUEUE_RESTORED_FILE) == 0)
			continue;
		if (strcmp(l.path, "state") == 0)
			state = l;
		r = give(new, l.path, &l);
		given++;
		if (r < 0)
			return restore_fail(ret_error, r, l.path,
				r == -EBADMSG ? "is not what was signed" : strerror(-r));
	}
	if (r == 0)
		r = more;
	if (r == 0)
		r = give_mark(new, &state, mark);
	if (r == 0)
		r = see_no_more(new, given);
	return r < 0 ? restore_fail(ret_error, r, BACKUP_LIST, strerror(-r)) : 0;
}

static int sync_all(const char *folder)
{
	_cleanup_(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? -errno : 0;
}

/* Both at once, so that there is no moment with half of either. */
static int exchange(const struct restore_places *p, const char *new)
{
	_cleanup_(closep) int state = open_inside(new, "state", O_DIRECTORY);
	char from[PATH_MAX], to[PATH_MAX];
	int r = state < 0 ? state : restore_path(new, "state", from);

	if (r == 0)
		r = restore_path(p->instance, "state", to);
	if (r == 0)
		r = sync_all(p->folder);
	if (r < 0)
		return r;
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

static int add_one(int from, const char *name, void *arg)
{
	const int *to = arg;
	_cleanup_(closep) int inner = -1, other = -1;

	if (renameat2(from, name, *to, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	inner = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	other = openat(*to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return inner < 0 || other < 0 ? 0 : folder_each(inner, add_one, &other);
}

/* Folders that the start made for programs, and that no backup has: they are moved. */
static int add_folders(const struct restore_places *p, const char *new)
{
	char from[PATH_MAX], to[PATH_MAX];
	_cleanup_(closep) int in = -1, out = -1;
	int r = restore_path(new, "state", from);

	if (r == 0)
		r = restore_path(p->instance, "state", to);
	if (r < 0)
		return r;
	in = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in < 0)
		return errno == ENOENT ? 0 : -errno;
	out = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return out < 0 ? -errno : folder_each(in, add_one, &out);
}

/* The serial first: whoever finds the record finds with what it goes. */
static int write_record(const struct restore_places *p, FILE *list, const char *serial)
{
	char at[CLOCK_TEXT_SIZE], hex[SHA256_TEXT_SIZE], mark[BACKUP_MARK_SIZE];
	char text[RECORD_MAX];
	const struct swap_place place = { .instance = p->instance, .work = p->work };
	off_t size = 0;
	int r = swap_write_note(&place, RESTORE_SERIAL, serial);

	if (r == 0)
		r = fseek(list, 0, SEEK_SET) < 0 ? -errno : backup_list_head(list, mark);
	if (r == 0 && lseek(fileno(list), 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = backup_copy_octets(fileno(list), -1, LLONG_MAX, 0, hex, &size);
	if (r < 0)
		return r;
	clock_format(clock_now(), at);
	(void)snprintf(
		text, sizeof(text), "%s %s %s %lld\n", at, mark, hex, (long long)size);
	return swap_write_note(&place, RECORD, text);
}

/* What says that the rest is there goes first. */
static int end(const struct restore_places *p, const char *new)
{
	char ready[PATH_MAX];
	int r = restore_path(p->folder, RESTORE_READY, ready);

	if (r == 0 && unlink(ready) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? r : appliance_remove(new);
}

/* Until then the mark lies below new/. */
static int put(
	const struct restore_places *p, const char *new, FILE *list, char **ret_error)
{
	int r = is_there(new, QUEUE_RESTORED_FILE);

	if (r == 0)
		return 0;
	if (r > 0)
		r = judge_machine(p, has_served(p), ret_error);
	if (r == 0)
		r = give_all(new, list, ret_error);
	if (r < 0)
		return r;
	r = exchange(p, new);
	return r < 0 ? restore_fail(ret_error, r, p->instance, strerror(-r)) : 0;
}

static int place(const struct restore_places *p, const char *new, char **ret_error)
{
	_cleanup_(fclosep) FILE *list = NULL;
	char serial[SWAP_SERIAL_MAX + 1];
	int r = restore_proven_list(p, new, &list, serial, ret_error);

	if (r == 0)
		r = put(p, new, list, ret_error);
	/* What is no backup of ours never is: the next start begins without it. */
	if (r == -EEXIST || r == -EBADMSG || r == -ELOOP || r == -EKEYREJECTED ||
		r == -EINVAL)
		(void)end(p, new);
	if (r < 0)
		return r;
	r = add_folders(p, new);
	if (r == 0)
		r = sync_all(p->folder);
	if (r == 0)
		r = write_record(p, list, serial);
	if (r == 0)
		r = end(p, new);
	return r < 0 ? restore_fail(ret_error, r, p->work, strerror(-r)) : 0;
}

int restore_place(const struct restore_places *p, char **ret_error)
{
	char new[PATH_MAX];
	int r = is_there(p->folder, RESTORE_READY);
	bool ready = r > 0;

	*ret_error = NULL;
	if (r >= 0)
		r = restore_path(p->folder, RESTORE_NEW, new);
	if (r == 0 && ready)
		return place(p, new, ret_error);
	if (r == 0)
		r = appliance_remove(new);
	return r < 0 ? restore_fail(ret_error, r, p->folder, strerror(-r)) : 1;
}
