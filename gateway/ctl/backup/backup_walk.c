/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/backup/backup_tree.h"

#include "ctl/backup/backup_orders.h"

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/events.h"
#include "common/log.h"
#include "queue/head_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 16
#define PATH_KEPT_MAX 1024 /* octets; restoring puts a folder's path before it */
#define NAMED_MAX 32	   /* of what is left out in one folder of state */
#define LINE_BESIDES 100   /* octets of a line besides its path */
#define BLOCK 4096	   /* what a file takes on a disk is so many of these */
#define POLL_MS 100
#define ARCHIVE "state/archive"
#define HEADS "state/queue/heads"
#define COUNT "state/signer/count.log"

/* What of an instance is in a backup, besides the database. The signer's count comes
 * after the database, so that it knows every seal that is in it. */
static const char *const PARTS[] = { "sealgate.conf", "policies", "tls", "credentials",
	"state" };

struct walk {
	const struct backup_tree *to; /* NULL: it is only measured */
	const struct backup_share *share;
	bool without_archive;
	int64_t upto; /* of numbers that names begin with; 0: names are no numbers */
	unsigned int patience; /* ms left, for all files together */
	long long size;
	bool shared; /* what is visited lies in a folder of state that has a share */
	struct backup_share used;
	unsigned int left_out;
};

static bool is_odd(unsigned char c)
{
	return c < ' ' || c == 0x7f;
}

/* Whatever a name has in it, a line of the log shows it. */
static void escape(const char *path, char *ret, size_t size)
{
	size_t n = 0;

	for (; *path && n + 5 < size; path++) {
		unsigned char c = (unsigned char)*path;

		if (is_odd(c) || c > 0x7e || c == '\\')
			n += (size_t)snprintf(ret + n, size - n, "\\x%02x", c);
		else
			ret[n++] = *path;
	}
	ret[n] = '\0';
}

static int fail(const char *path, int error)
{
	char text[640];

	escape(path, text, sizeof(text));
	fprintf(stderr, "sealgate: %s: %s\n", text, strerror(-error));
	return error;
}

/* It is not in the backup, and whoever keeps backups has to know. Without its count a
 * signer that is restored would sign numbers again: there is no backup without it. */
static int leave_out(struct walk *w, const char *path, const char *why)
{
	char text[640];

	if (w->to && strcmp(path, COUNT) == 0) {
		fprintf(stderr, "sealgate: %s: %s\n", path, why);
		return -EINVAL;
	}
	if (!w->to || w->left_out++ > NAMED_MAX)
		return 0;
	escape(path, text, sizeof(text));
	if (w->left_out > NAMED_MAX)
		why = "this and more beside it are left out, and not named";
	log_event(LOG_WARNING, "backup.left-out", NULL, "%s: %s", text, why);
	return 0;
}

static bool name_ok(const char *path)
{
	for (const char *c = path; *c; c++)
		if (is_odd((unsigned char)*c))
			return false;
	return !strstr(path, "..");
}

/* Why something stays out of every backup, where it would stop all of them, or what
 * restoring would not take. */
static const char *judge(
	const struct walk *w, const char *path, const struct stat *st, int depth)
{
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return "is no file and no folder";
	if (!name_ok(path))
		return "has a name that a backup does not take";
	if (depth > DEPTH_MAX || strlen(path) >= PATH_KEPT_MAX)
		return "lies too deep";
	if (w->shared && w->used.lines > w->share->lines)
		return "is one too many in its folder of state";
	return NULL;
}

/* What it takes of the share of its folder. What a file has no blocks for is holes, and
 * so is a further name of one: a copy is larger by as much. */
static const char *charge(struct walk *w, const struct stat *st, const char *path)
{
	long long holes = 0;

	if (S_ISREG(st->st_mode) && st->st_nlink > 0)
		holes = st->st_size -
			(long long)st->st_blocks * 512 / (long long)st->st_nlink;
	if (w->shared && holes > 0 && holes > w->share->holes - w->used.holes)
		return "has more holes than its folder of state may";
	w->used.holes += holes > 0 ? holes : 0;
	w->used.lines += strlen(path) + LINE_BESIDES;
	return NULL;
}

static int note(const struct backup_tree *t, const char *hex, const struct stat *st,
	const char *path)
{
	return fprintf(t->list, "%s %o %u %u %lld %s\n", hex, st->st_mode & 07777,
		       st->st_uid, st->st_gid,
		       S_ISDIR(st->st_mode) ? 0 : (long long)st->st_size, path) < 0
		       ? -errno
		       : 0;
}

static int join(char ret[PATH_MAX], const char *folder, const char *name)
{
	return snprintf(ret, PATH_MAX, "%s/%s", folder, name) < PATH_MAX ? 0
									 : -ENAMETOOLONG;
}

/* As much as there was when it was opened: a log may grow meanwhile. */
static int add_opened(
	const struct backup_tree *t, int in, const struct stat *st, const char *path)
{
	char to[PATH_MAX], hex[SHA256_TEXT_SIZE];
	_cleanup_(closep) int out = -1;
	struct stat copied = *st;
	int r = join(to, t->files, path);

	if (r == 0)
		out = open(
			to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r == 0 && out < 0 && errno == EEXIST)
		return 0; /* it was renamed, and came up twice */
	if (r == 0 && out < 0)
		r = -errno;
	if (r == 0)
		r = backup_copy_octets(
			in, out, st->st_size, t->leaves, hex, &copied.st_size);
	if (r == 0 && fsync(out) < 0)
		r = -errno;
	if (r == 0)
		r = note(t, hex, &copied, path);
	return r < 0 ? fail(path, r) : 0;
}

/* Somebody's lease (fcntl(2)) on a file keeps it shut until its holder lets go, or the
 * kernel takes it away. *patience (ms) becomes less. Return: a descriptor or -errno. */
static int open_in_time(int folder, const char *name, unsigned int *patience)
{
	for (;; *patience -= POLL_MS) {
		int fd = openat(
			folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		if (errno != EAGAIN || *patience < POLL_MS)
			return -errno;
		poll(NULL, 0, POLL_MS);
	}
}

int backup_add_file(const struct backup_tree *t, const char *from, const char *path)
{
	unsigned int patience = t->patience;
	_cleanup_(closep) int in = open_in_time(AT_FDCWD, from, &patience);

	return in < 0 ? fail(path, in) : backup_add_opened(t, in, path);
}

int backup_add_opened(const struct backup_tree *t, int in, const char *path)
{
	struct stat st;

	if (fstat(in, &st) < 0)
		return fail(path, -errno);
	return S_ISREG(st.st_mode) ? add_opened(t, in, &st, path) : fail(path, -EINVAL);
}

int backup_add_text(const struct backup_tree *t, const char *text, const struct stat *as,
	const char *path)
{
	char to[PATH_MAX], hex[SHA256_TEXT_SIZE];
	struct stat st = *as;
	int r = join(to, t->files, path);

	if (r == 0)
		r = durable_write(to, span_str(text), 0600);
	if (r == 0)
		r = digest_sha256_text(span_str(text), hex);
	st.st_size = (off_t)strlen(text);
	return r < 0 ? r : note(t, hex, &st, path);
}

/* The database is copied by who owns it. What came from afar, a policy too, and was not
 * taken is no state of the gate, may still be growing, and is signed wherever it came
 * from; a backup in a backup would double with each. */
static bool is_left(const char *path)
{
	static const char *const NAMES[] = { "state/queue", "state/parcel",
		"state/parcel.new", "state/parcel.taken", "state/policy/coming",
		"state/policy/taken", BACKUP_ORDERS, "state/replay" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(path, NAMES[i]) == 0)
			return true;
	return false;
}

/* Of a part of the chain that is not in the database, and not of a lost one. */
static bool is_behind(const struct walk *w, const char *name)
{
	return w->upto && strspn(name, "0123456789") == HEAD_DIGITS &&
	       strtoll(name, NULL, 10) > w->upto && !strstr(name, ".set-back");
}

/* Heads that lie beside their folders may be moved into them meanwhile: folders are
 * looked at after all that is beside them. */
static bool is_later(const struct walk *w, const char *name, int pass)
{
	int64_t first;

	return w->upto && head_folder_name(name, &first) != (pass > 0);
}

/* What strangers can add to by connecting, and nobody misses; what is in the chain, and
 * would be recorded once more of a copy; and the archive, where
 * there is no room for it or it is not wanted. */
static bool is_emptied(struct walk *w, const char *path)
{
	if (w->without_archive && strcmp(path, ARCHIVE) == 0) {
		(void)leave_out(
			w, path, "the archive is not in it: copy it by its own means");
		return true;
	}
	return strcmp(path, "state/handshakes") == 0 || strcmp(path, EVENTS_FOLDER) == 0;
}

/* The archive has no share to keep to: it grows for years, and is there as a whole or not
 * at all. Who writes it has the database as well. */
static void begin_share(struct walk *w, const char *folder, const char *path)
{
	if (strcmp(folder, "state") != 0)
		return;
	w->shared = strcmp(path, ARCHIVE) != 0;
	w->used = (struct backup_share){ 0 };
	w->left_out = 0;
}

/* Without what root keeps, and the signer's keys and count, a backup is none; the other
 * folders of state are programs' own. */
static bool is_needed(const char *path)
{
	static const char *const NEEDED[] = { "state/signer", "state/policy" };

	if (strncmp(path, "state/", strlen("state/")) != 0)
		return true;
	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++) {
		size_t n = strlen(NEEDED[i]);

		if (strncmp(path, NEEDED[i], n) == 0 && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* A program's own file is left out whatever it did to it; that this process has no memory
 * or the disk is damaged is no program's doing. */
static int not_opened(struct walk *w, const char *path, int error)
{
	char why[128];

	if (error == -ENOENT)
		return 0;
	if (error == -ELOOP || error == -ENXIO)
		return leave_out(w, path, "became no file and no folder");
	if (!w->to)
		return 0; /* said when it is copied */
	if (is_needed(path) || error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
		error == -EIO)
		return fail(path, error);
	(void)snprintf(why, sizeof(why), "cannot be opened: %s", strerror(-error));
	return leave_out(w, path, why);
}

static int visit(
	struct walk *w, int folder, const char *name, const char *path, int depth);

static int visit_pass(struct walk *w, DIR *d, const char *path, int depth, int pass)
{
	const struct dirent *e;
	char below[PATH_MAX];
	int r = 0;

	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
			is_later(w, e->d_name, pass))
			continue;
		r = join(below, path, e->d_name);
		if (r < 0 || is_left(below) || is_behind(w, e->d_name))
			continue;
		begin_share(w, path, below);
		r = visit(w, dirfd(d), e->d_name, below, depth + 1);
	}
	return r == 0 && errno ? -errno : r;
}

static int visit_entries(struct walk *w, DIR *d, const char *path, int depth)
{
	int r = visit_pass(w, d, path, depth, 0);

	if (r < 0 || !w->upto)
		return r;
	rewinddir(d);
	return visit_pass(w, d, path, depth, 1);
}

/* Return: 1, 0 it is there already, -errno. */
static int make_folder(
	const struct backup_tree *t, const struct stat *st, const char *path, int depth)
{
	char to[PATH_MAX];
	int r = join(to, t->files, path);

	if (r == 0 && mkdir(to, 0700) < 0)
		r = -errno;
	if (r == -EEXIST && depth > 0)
		return 0; /* it was renamed, and came up twice */
	if (r == 0 || r == -EEXIST)
		r = note(t, "-", st, path);
	return r < 0 ? r : 1;
}

/* The descriptor is closed. */
static int add_folder(
	struct walk *w, int fd, const struct stat *st, const char *path, int depth)
{
	DIR *d = fdopendir(fd);
	int r = 1;

	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	if (w->to)
		r = make_folder(w->to, st, path, depth);
	if (r > 0)
		r = is_emptied(w, path) ? 0 : visit_entries(w, d, path, depth);
	closedir(d);
	return r;
}

/* In a copy, with its line: many small documents take more than they are long. */
static long long room_of(const struct stat *st, const char *path)
{
	long long octets = S_ISDIR(st->st_mode) ? BLOCK : (long long)st->st_size;

	return (octets / BLOCK + (octets % BLOCK != 0)) * BLOCK +
	       (long long)strlen(path) + LINE_BESIDES;
}

static int add(
	struct walk *w, int *fd, const struct stat *st, const char *path, int depth)
{
	const char *why = judge(w, path, st, depth);

	if (!why)
		why = charge(w, st, path);
	if (why)
		return leave_out(w, path, why);
	w->size += room_of(st, path);
	if (S_ISDIR(st->st_mode))
		return add_folder(w, take_fd(fd), st, path, depth);
	return w->to ? add_opened(w->to, *fd, st, path) : 0;
}

/* By name from the folder that is open, whatever takes its place meanwhile: what was
 * looked at is what is copied. */
static int visit(
	struct walk *w, int folder, const char *name, const char *path, int depth)
{
	_cleanup_(closep) int fd = -1;
	unsigned int none = 0;
	struct stat st;
	const char *why;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return not_opened(w, path, -errno);
	why = judge(w, path, &st, depth);
	if (why)
		return leave_out(w, path, why);
	if (!w->to && S_ISREG(st.st_mode))
		return add(w, &fd, &st, path, depth);
	fd = open_in_time(folder, name, is_needed(path) ? &w->patience : &none);
	if (fd < 0)
		return not_opened(w, path, fd);
	return fstat(fd, &st) < 0 ? fail(path, -errno) : add(w, &fd, &st, path, depth);
}

static int visit_all(struct walk *w, const char *instance)
{
	_cleanup_(closep) int fd = open(instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;

	for (size_t p = 0; r == 0 && p < sizeof(PARTS) / sizeof(PARTS[0]); p++) {
		w->shared = false;
		r = visit(w, fd, PARTS[p], PARTS[p], 0);
	}
	w->shared = false;
	if (r == 0 && !w->to)
		r = visit(w, fd, "state/queue", "state/queue", 1);
	return r;
}

int backup_add_all(const struct backup_tree *t)
{
	struct walk w = { .to = t,
		.share = &t->share,
		.patience = t->patience,
		.without_archive = t->without_archive };

	return visit_all(&w, t->instance);
}

/* They have no share to keep to: who writes them has the database as well. */
int backup_add_heads(const struct backup_tree *t, int64_t upto)
{
	struct walk w = {
		.to = t, .share = &t->share, .patience = t->patience, .upto = upto
	};
	_cleanup_(closep) int fd = open(t->instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : visit(&w, fd, HEADS, HEADS, 2);
}

int backup_measure(const char *instance, const struct backup_share *share,
	bool without_archive, long long *ret_size)
{
	struct walk w = { .share = share, .without_archive = without_archive };
	int r = visit_all(&w, instance);

	*ret_size = w.size;
	return r;
}
