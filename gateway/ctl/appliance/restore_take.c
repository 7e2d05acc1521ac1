/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/restore.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/restore_paths.h"
#include "ctl/backup/backup_medium.h"
#include "ctl/backup/backup_postgresql.h"
#include "ctl/backup/backup_tree.h"
#include "queue/client.h"
#include "queue/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE "state/queue/queue.db"
#define DATABASE_HEAD "SQLite format 3" /* with its NUL, sqlite.org/fileformat2 1.3 */
#define DATABASE_LAYOUT 60		/* "user version", four octets, big-endian */
#define LEAVES (64LL << 20)		/* octets that stay free */
#define BLOCK 4096 /* what a file takes on a disk is so many of these */
#define SIZE_MAX_SUM (1LL << 50)
#define USERS 65536 /* of the machine */

DEFINE_CLEANUP(FILE *, fclose)

/* What is made, of what. */
struct taking {
	const struct restore_places *p;
	char new[PATH_MAX];
	char mark[BACKUP_MARK_SIZE];
	FILE *list; /* the copy that was proven */
	struct backup_octets octets;
};

static void taking_done(struct taking *t)
{
	if (t->list)
		(void)fclose(t->list);
	backup_octets_done(&t->octets);
	closep(&t->octets.folder);
}

static int open_kind(const struct restore_places *p, const char *kind, const char *folder,
	struct manifest *ret, char **ret_error)
{
	char path[PATH_MAX];
	int r = restore_path(p->medium, folder, path);

	if (r == 0)
		r = manifest_open(path, kind, p->anchor, ret, ret_error);
	if (r == -ENOENT)
		return restore_fail(ret_error, r, folder,
			"no signed list: sign it (firmware/sign-manifest), and put the "
			"configuration beside the backup");
	if (r == -EKEYREJECTED)
		return restore_fail(ret_error, r, folder,
			"the list is not signed by who may sign a configuration: sign it "
			"with that key (firmware/sign-manifest)");
	return r;
}

/* Signed together, so that neither an old backup goes with a new configuration nor the
 * other way round. */
static int prove_pair(
	const struct restore_places *p, const char *serial, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest machine = { 0 };
	int r = open_kind(p, "machine", "machine", &machine, ret_error);

	if (r < 0)
		return r;
	if (machine.serial && serial && strcmp(machine.serial, serial) == 0)
		return 0;
	return restore_fail(ret_error, -EPERM, "restore/manifest",
		"its serial is not that of the configuration beside it: sign both with "
		"one "
		"serial");
}

/* Afterwards the copy of the list is what was signed, and nothing else is read of it. */
static int copy_list(struct taking *t, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	char path[PATH_MAX];
	int r = open_kind(t->p, "restore", "restore", &m, ret_error);

	if (r == 0)
		r = prove_pair(t->p, m.serial, ret_error);
	if (r < 0)
		return r;
	if (m.count != 1 || strcmp(m.files[0].path, BACKUP_LIST) != 0)
		return restore_fail(ret_error, -EINVAL, "restore/manifest",
			"it is not about a backup's list alone: firmware/sign-manifest "
			"restore makes one that is");
	r = manifest_keep(&m, t->new);
	if (r == 0)
		r = manifest_copy(&m, &m.files[0], t->new, 0600);
	if (r == 0)
		r = restore_path(t->new, BACKUP_LIST, path);
	if (r == 0) {
		t->list = fopen(path, "re");
		r = t->list ? 0 : -errno;
	}
	return r < 0 ? restore_fail(ret_error, r, "restore/" BACKUP_LIST,
			       r == -EBADMSG
				       ? "it is not the list that was signed: it was "
					 "changed since, make the medium anew"
				       : strerror(-r))
		     : 0;
}

static bool line_ok(const struct backup_line *l)
{
	return l->uid < USERS && l->gid < USERS && l->size < SIZE_MAX_SUM;
}

/* What the lines say together. */
struct sum {
	long long size;
	bool database;
};

static int add_line(const struct backup_line *l, struct sum *sum, char **ret_error)
{
	if (!backup_list_state(l))
		return 0;
	if (!line_ok(l))
		return restore_fail(ret_error, -EBADMSG, l->path,
			"belongs to nobody of an appliance, or has no such size");
	if (strcmp(l->path, BACKUP_DUMP) == 0)
		return restore_fail(ret_error, -ENOTSUP, l->path,
			"is of a database server: restore it there, sealgate restore "
			"--postgresql");
	if (strcmp(l->path, DATABASE) == 0)
		sum->database = true;
	sum->size += ((long long)l->size / BLOCK + 2) * BLOCK;
	return sum->size > SIZE_MAX_SUM ? restore_fail(ret_error, -ENOSPC, BACKUP_LIST,
						  "no disk has room for it")
					: 0;
}

static int see_room(const struct taking *t, long long size, char **ret_error)
{
	_cleanup_(closep) int fd = open(t->new, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : backup_room(fd, size + LEAVES);
	char what[160];

	(void)snprintf(what, sizeof(what),
		"it takes %lld MB, and /var has less room: take a larger disk, or a "
		"backup without the archive",
		(size + LEAVES) / 1000000 + 1);
	return r < 0 ? restore_fail(ret_error, r, BACKUP_LIST,
			       r == -ENOSPC ? what : strerror(-r))
		     : 0;
}

/* Before anything is made. Return: the list is at its lines again. */
static int judge_list(struct taking *t, char **ret_error)
{
	struct backup_line l;
	struct sum sum = { 0 };
	long lines;
	int r = backup_list_head(t->list, t->mark), more = 0;

	lines = r < 0 ? -1 : ftell(t->list);
	while (r == 0 && (more = backup_list_next(t->list, &l)) > 0) {
		r = add_line(&l, &sum, ret_error);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = more;
	if (r < 0 || lines < 0)
		return restore_fail(ret_error, -EBADMSG, BACKUP_LIST,
			"has a line that no backup has: have the backup made anew");
	if (!sum.database)
		return restore_fail(ret_error, -EBADMSG, BACKUP_LIST,
			"names no " DATABASE ": there is no ledger in it");
	r = see_room(t, sum.size, ret_error);
	if (r < 0)
		return r;
	return fseek(t->list, lines, SEEK_SET) < 0
		       ? restore_fail(ret_error, -EIO, BACKUP_LIST, strerror(errno))
		       : 0;
}

static int make_file(struct taking *t, const char *path, const struct backup_line *l)
{
	_cleanup_(closep) int to =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char hex[SHA256_TEXT_SIZE];
	int r = to < 0 ? -errno : backup_octets_take(&t->octets, to, l->size, hex);

	if (r == 0 && strcmp(hex, l->hex) != 0)
		r = -EBADMSG;
	return r == 0 && fchmod(to, (mode_t)l->mode) < 0 ? -errno : r;
}

static int make_line(struct taking *t, const struct backup_line *l)
{
	char path[PATH_MAX], hex[SHA256_TEXT_SIZE];
	int r = restore_path(t->new, l->path, path);

	if (r < 0 || !backup_list_state(l))
		return r;
	/* of an earlier restore, which this one is not */
	if (strcmp(l->path, QUEUE_RESTORED_FILE) == 0)
		return backup_octets_take(&t->octets, -1, l->size, hex);
	if (!backup_list_folder(l))
		return make_file(t, path, l);
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static const char *why(int error)
{
	switch (error) {
	case -EBADMSG:
		return "is not what was backed up: the medium is of another backup or "
		       "was "
		       "changed, make it anew";
	case -ENODATA:
		return "the octets end before it: the medium is not whole, make it anew";
	case -EEXIST:
		return "is twice in the list";
	default:
		return strerror(-error);
	}
}

static int make_all(struct taking *t, char **ret_error)
{
	struct backup_line l = { 0 };
	int r = 0, more = 0;

	while (r == 0 && (more = backup_list_next(t->list, &l)) > 0)
		r = make_line(t, &l);
	if (r < 0)
		return restore_fail(ret_error, r, l.path, why(r));
	if (more < 0)
		return restore_fail(ret_error, more, BACKUP_LIST, strerror(-more));
	r = backup_octets_end(&t->octets);
	return r < 0 ? restore_fail(ret_error, r, "restore/",
			       "there are more octets than the list has: the medium is "
			       "of "
			       "another backup, make it anew")
		     : 0;
}

/* Its programs would say so as well, once the machine is of this ledger for good. */
static int judge_layout(const struct taking *t, char **ret_error)
{
	_cleanup_(closep) int fd = -1;
	uint8_t head[DATABASE_LAYOUT + 4];
	char path[PATH_MAX], what[160];
	int version = 0, r = restore_path(t->new, DATABASE, path);

	if (r < 0)
		return restore_fail(ret_error, r, DATABASE, strerror(-r));
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
		memcmp(head, DATABASE_HEAD, sizeof(DATABASE_HEAD)) != 0)
		return restore_fail(ret_error, -EBADMSG, DATABASE, "is no database");
	for (size_t i = DATABASE_LAYOUT; i < sizeof(head); i++)
		version = (int)((unsigned int)version << 8 | head[i]);
	if (version > 0 && version <= layout_version())
		return 0;
	(void)snprintf(what, sizeof(what),
		"is of layout %d, and this version knows those up to %d: install the "
		"image of the version that made the backup",
		version, layout_version());
	return restore_fail(ret_error, -ENOTSUP, DATABASE, what);
}

/* What says so at the first start of the queue, and what says here that all is there. */
static int leave_marks(const struct taking *t)
{
	_cleanup_(closep) int fd = open(t->new, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX];
	int r = restore_path(t->new, QUEUE_RESTORED_FILE, path);

	if (r == 0)
		r = durable_write(path, span_str(t->mark), 0644);
	if (r == 0 && (fd < 0 || syncfs(fd) < 0))
		r = -errno;
	if (r == 0)
		r = restore_path(t->p->folder, RESTORE_READY, path);
	return r < 0 ? r : durable_write(path, span_str(t->mark), 0600);
}

static int begin(struct taking *t, char **ret_error)
{
	char path[PATH_MAX];
	int r = restore_path(t->p->folder, RESTORE_READY, path);

	if (r == 0 && unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0)
		r = restore_path(t->p->folder, RESTORE_NEW, t->new);
	if (r == 0)
		r = appliance_remove(t->new);
	if (r == 0 && mkdir(t->new, 0700) < 0)
		r = -errno;
	if (r == 0)
		r = restore_path(t->p->medium, "restore", path);
	if (r == 0) {
		t->octets.folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = t->octets.folder < 0 ? -errno : 0;
	}
	return r < 0 ? restore_fail(ret_error, r, "restore/", strerror(-r)) : 0;
}

int restore_take(const struct restore_places *p, char **ret_error)
{
	_cleanup_(taking_done) struct taking t = { .p = p,
		.octets = { .folder = -1, .piece = -1 } };
	int r;

	*ret_error = NULL;
	r = begin(&t, ret_error);
	if (r == 0)
		r = copy_list(&t, ret_error);
	if (r == 0)
		r = judge_list(&t, ret_error);
	if (r == 0)
		r = make_all(&t, ret_error);
	if (r == 0)
		r = judge_layout(&t, ret_error);
	if (r == 0) {
		r = leave_marks(&t);
		if (r < 0)
			(void)restore_fail(ret_error, r, t.new, strerror(-r));
	}
	if (r < 0 && *t.new)
		(void)appliance_remove(t.new);
	return r;
}
