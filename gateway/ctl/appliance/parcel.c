/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/parcel.h"

#include "common/durable.h"
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MANIFEST "manifest"
#define SIGNATURE "manifest.p7s"
#define MANIFEST_MAX (512u * 1024)
#define ASIDE ".new" /* beside the parcel: a manifest that nobody has proven yet */

static const struct {
	const char *kind, *anchor;
} KINDS[] = { { "update", "release.pem" }, { "machine", "machine.pem" } };

static int fail(char **ret_error, int error, const char *name, const char *what)
{
	free(*ret_error);
	return appliance_fail(ret_error, error, name, what);
}

static int place(const struct parcel *p, const char *name, char ret_path[PATH_MAX])
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s", p->dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static bool same(const char *path, struct span octets)
{
	_cleanup_(freep) uint8_t *there = NULL;
	size_t len = 0;

	return file_read(path, MANIFEST_MAX, &there, &len) == 0 &&
	       span_equal(span_of(there, len), octets);
}

static int aside(const struct parcel *p, struct parcel *ret)
{
	int n = snprintf(ret->dir, sizeof(ret->dir), "%s" ASIDE, p->dir);

	ret->anchors = p->anchors;
	return n < 0 || n >= (int)sizeof(ret->dir) ? -ENAMETOOLONG : 0;
}

/* Anybody may send a manifest: until it is proven the parcel that is here stays. */
static int begin(const struct parcel *p, struct span manifest)
{
	struct parcel next;
	char path[PATH_MAX];
	int r = aside(p, &next);

	if (r == 0)
		r = place(&next, MANIFEST, path);
	if (r == 0)
		r = appliance_remove(next.dir);
	if (r == 0 && mkdir(next.dir, 0700) < 0)
		r = -errno;
	return r < 0 ? r : durable_write(path, manifest, 0600);
}

static long long size_of(const struct manifest *m)
{
	long long size = 0;

	for (size_t i = 0; i < m->count && size <= PARCEL_MAX; i++)
		size += m->files[i].size > PARCEL_MAX ? PARCEL_MAX + 1 : m->files[i].size;
	return size;
}

int parcel_open(const struct parcel *p, struct manifest *ret_manifest,
	const char **ret_kind, char **ret_error)
{
	int r = -EINVAL;

	*ret_error = NULL;
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
		char anchor[PATH_MAX];

		free(*ret_error);
		*ret_error = NULL;
		(void)snprintf(
			anchor, sizeof(anchor), "%s/%s", p->anchors, KINDS[i].anchor);
		*ret_kind = KINDS[i].kind;
		r = manifest_open(p->dir, KINDS[i].kind, anchor, ret_manifest, ret_error);
		if (r == 0)
			return 0;
	}
	return r;
}

static int judge_manifest(const struct parcel *next, struct span signature,
	struct manifest *ret_manifest, const char **ret_kind, char **ret_error)
{
	char path[PATH_MAX];
	int r = place(next, SIGNATURE, path);

	if (r == 0)
		r = durable_write(path, signature, 0600);
	if (r == 0)
		r = parcel_open(next, ret_manifest, ret_kind, ret_error);
	if (r == 0 && size_of(ret_manifest) > PARCEL_MAX)
		r = fail(ret_error, -EFBIG, MANIFEST, "lists more than may be sent");
	return r;
}

static bool same_manifest(const struct parcel *p, const struct parcel *next)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX], other[PATH_MAX];
	size_t len = 0;

	return place(p, MANIFEST, path) == 0 && place(next, MANIFEST, other) == 0 &&
	       file_read(other, MANIFEST_MAX, &text, &len) == 0 &&
	       same(path, span_of(text, len));
}

/* In one step, so that no moment has no parcel: of the same manifest the pieces stay, and
 * the signature that was proven last is kept; another manifest is another parcel. */
static int swap(const struct parcel *p, const struct parcel *next)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r;

	if (same_manifest(p, next)) {
		r = place(next, SIGNATURE, from);
		if (r == 0)
			r = place(p, SIGNATURE, to);
		if (r == 0 && rename(from, to) < 0)
			r = -errno;
	} else {
		r = renameat2(AT_FDCWD, next->dir, AT_FDCWD, p->dir, RENAME_EXCHANGE);
		if (r < 0 && errno == ENOENT)
			r = rename(next->dir, p->dir);
		r = r < 0 ? -errno : 0;
	}
	return r < 0 ? r : appliance_remove(next->dir);
}

/* What is here gives way to nothing older of its kind. What is here and not proven, since
 * the anchors are those of another image, is no parcel. */
static int judge_age(const struct parcel *p, const struct manifest *next,
	const char *next_kind, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest here = { 0 };
	_cleanup_(freep) char *ignored = NULL;
	const char *kind;
	char what[128];

	if (parcel_open(p, &here, &kind, &ignored) < 0 || strcmp(kind, next_kind) != 0 ||
		manifest_compare(next->serial, here.serial) >= 0)
		return 0;
	(void)snprintf(what, sizeof(what), "is older than %s, which waits", here.serial);
	return fail(ret_error, -ESTALE, next->serial, what);
}

/* The first file of the list that is not here, or not all of it; NULL: all are. */
static const char *missing(const struct parcel *p, const struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++) {
		char path[PATH_MAX];
		struct stat st;

		if (place(p, m->files[i].path, path) < 0 || lstat(path, &st) < 0 ||
			!S_ISREG(st.st_mode) || st.st_size != m->files[i].size)
			return m->files[i].path;
	}
	return NULL;
}

/* A signature that is none of it changes nothing, the manifest aside included. */
static int prove(
	const struct parcel *p, struct span signature, bool *ret_whole, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	struct parcel next;
	const char *kind;
	int r = aside(p, &next);

	if (r == 0)
		r = judge_manifest(&next, signature, &m, &kind, ret_error);
	if (r == 0)
		r = judge_age(p, &m, kind, ret_error);
	if (r == 0)
		r = swap(p, &next);
	*ret_whole = r == 0 && !missing(p, &m);
	return r;
}

/* One at a time: what is proven is what comes in. Return: the descriptor that holds the
 * lock, on the folder around, or -errno. */
static int lock(const struct parcel *p)
{
	char around[PATH_MAX];
	char *slash;
	int fd, r;

	(void)snprintf(around, sizeof(around), "%s", p->dir);
	slash = strrchr(around, '/');
	if (!slash || slash == around)
		return -EINVAL;
	*slash = '\0';
	fd = open(around, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	if (r < 0)
		(void)close(fd);
	return r < 0 ? r : fd;
}

static int put_list(const struct parcel *p, bool signature, struct span octets,
	bool *ret_whole, char **ret_error)
{
	_cleanup_(closep) int held = lock(p);

	if (held < 0)
		return held;
	return signature ? prove(p, octets, ret_whole, ret_error) : begin(p, octets);
}

int parcel_discard(const struct parcel *p)
{
	_cleanup_(closep) int held = lock(p);
	struct parcel next;
	int r = held < 0 ? held : aside(p, &next);

	if (r == 0)
		r = appliance_remove(next.dir);
	return r < 0 ? r : appliance_remove(p->dir);
}

int parcel_discard_old(const struct parcel *p, int64_t now, int64_t seconds)
{
	char path[PATH_MAX];
	struct stat st;
	int r = place(p, MANIFEST, path);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (now - st.st_mtim.tv_sec < seconds)
		return 0;
	r = parcel_discard(p);
	return r < 0 ? r : 1;
}

static bool reserved(const char *name)
{
	return strcmp(name, MANIFEST) == 0 || strcmp(name, SIGNATURE) == 0;
}

static const struct manifest_file *listed(const struct manifest *m, const char *name)
{
	if (reserved(name))
		return NULL;
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->files[i].path, name) == 0)
			return &m->files[i];
	return NULL;
}

/* The ledger needs room, too. */
static int leave_room(int fd, size_t more)
{
	struct statvfs s;

	if (fstatvfs(fd, &s) < 0)
		return -errno;
	return (long long)s.f_bavail * (long long)s.f_frsize <
			       PARCEL_LEAVES + (long long)more
		       ? -ENOSPC
		       : 0;
}

static int make_folders(const struct parcel *p, char *path)
{
	for (char *at = path + strlen(p->dir) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int append(int fd, const struct manifest_file *f, long long offset,
	struct span piece, long long *ret_have)
{
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* of an earlier version, which let two senders write at once: begun anew */
	if (st.st_size > f->size) {
		if (ftruncate(fd, 0) < 0)
			return -errno;
		st.st_size = 0;
	}
	*ret_have = st.st_size;
	if (offset != st.st_size || piece.len == 0)
		return 0;
	if ((long long)piece.len > f->size - offset)
		return -EFBIG;
	r = leave_room(fd, piece.len);
	if (r == 0)
		r = fd_write_all(fd, piece);
	if (r < 0)
		return r;
	*ret_have += (long long)piece.len;
	return *ret_have == f->size && fsync(fd) < 0 ? -errno : 0;
}

/* What is whole must be what was signed, or it goes. */
static int judge(const char *path, const struct manifest_file *f)
{
	int r = manifest_prove(f, path);

	if (r == -EBADMSG)
		(void)unlink(path);
	return r;
}

int parcel_put_file(const struct parcel *p, const struct manifest_file *f,
	long long offset, struct span piece, long long *ret_have)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	int r = place(p, f->path, path);

	if (r == 0)
		r = make_folders(p, path);
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = append(fd, f, offset, piece, ret_have);
	return r == 0 && *ret_have == f->size ? judge(path, f) : r;
}

static int put_listed(const struct parcel *p, const char *name, long long offset,
	struct span piece, long long *ret_have, bool *ret_whole, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_(closep) int held = lock(p);
	const struct manifest_file *f;
	const char *kind;
	int r = held < 0 ? held : parcel_open(p, &m, &kind, ret_error);

	if (r < 0)
		return *ret_error ? r : fail(ret_error, r, name, strerror(-r));
	f = listed(&m, name);
	if (!f)
		return fail(ret_error, -EPERM, name, "is not in the manifest");
	r = parcel_put_file(p, f, offset, piece, ret_have);
	*ret_whole = r == 0 && !missing(p, &m);
	if (r == -EBADMSG)
		return fail(ret_error, r, name, "is not what was signed");
	return r < 0 ? fail(ret_error, r, name, strerror(-r)) : 0;
}

/* Octets that are here of a file of the list; -1: none, or more than were signed. */
static long long here_of(const struct parcel *p, const struct manifest_file *f)
{
	char path[PATH_MAX];
	struct stat st;

	if (place(p, f->path, path) < 0 || lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size > f->size)
		return -1;
	return st.st_size;
}

/* What a run has of the file that begins at start, if it is not here. *ret_have: octets
 * of it that are here then; -1 as here_of. */
static int put_part(const struct parcel *p, const struct manifest_file *f,
	long long start, long long at, struct span run, long long *ret_have)
{
	long long from = at > start ? at : start, to = at + (long long)run.len;

	if (to > start + f->size)
		to = start + f->size;
	*ret_have = here_of(p, f);
	if (*ret_have == f->size || (to <= from && f->size > 0))
		return 0;
	run = to > from ? span_of(run.data + (from - at), (size_t)(to - from))
			: span_of(run.data, 0);
	return parcel_put_file(p, f, from - start, run, ret_have);
}

/* In the order of the list, up to the first file that is not all here. */
static int put_parts(const struct parcel *p, const struct manifest *m, long long at,
	struct span run, long long *ret_next, bool *ret_whole, char **ret_error)
{
	long long start = 0;

	for (size_t i = 0; i < m->count; i++) {
		const struct manifest_file *f = &m->files[i];
		long long have;
		int r = reserved(f->path) ? -EPERM
					  : put_part(p, f, start, at, run, &have);

		if (r < 0)
			return fail(ret_error, r, f->path,
				r == -EBADMSG ? "is not what was signed" : strerror(-r));
		*ret_next = start + (have > 0 ? have : 0);
		if (have != f->size)
			return 0;
		start += f->size;
	}
	*ret_next = start;
	*ret_whole = true;
	return 0;
}

int parcel_put_run(const struct parcel *p, const char *sha256, long long at,
	struct span run, long long *ret_next, bool *ret_whole, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_(closep) int held = lock(p);
	char here[SHA256_TEXT_SIZE];
	const char *kind;
	int r = held < 0 ? held : parcel_digest(p->dir, here);

	*ret_error = NULL;
	*ret_whole = false;
	if (r < 0 || strcmp(here, sha256) != 0)
		return fail(ret_error, r < 0 ? r : -ESTALE, MANIFEST,
			"another one has come since, or none");
	r = parcel_open(p, &m, &kind, ret_error);
	if (r < 0)
		return r;
	if (at < 0 || at > size_of(&m) || (long long)run.len > size_of(&m) - at)
		return fail(ret_error, -EFBIG, MANIFEST, "lists less than was sent");
	return put_parts(p, &m, at, run, ret_next, ret_whole, ret_error);
}

int parcel_put(const struct parcel *p, const char *name, long long offset,
	struct span piece, long long *ret_have, bool *ret_whole, char **ret_error)
{
	int r;

	*ret_error = NULL;
	*ret_whole = false;
	*ret_have = (long long)piece.len;
	if (!reserved(name))
		return put_listed(p, name, offset, piece, ret_have, ret_whole, ret_error);
	if (offset != 0 || piece.len > MANIFEST_MAX)
		return fail(ret_error, -EFBIG, name, "is larger than one may be");
	r = put_list(p, name[strlen(MANIFEST)] != '\0', piece, ret_whole, ret_error);
	return r < 0 && !*ret_error ? fail(ret_error, r, name, strerror(-r)) : r;
}

int parcel_digest(const char *dir, char ret_sha256[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	size_t len = 0;
	int n = snprintf(path, sizeof(path), "%s/" MANIFEST, dir), r = -ENAMETOOLONG;

	if (n > 0 && n < PATH_MAX)
		r = file_read(path, MANIFEST_MAX, &text, &len);
	return r < 0 ? r : digest_sha256_text(span_of(text, len), ret_sha256);
}

int parcel_check(
	const struct parcel *p, const char *kind, const char *sha256, char **ret_error)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	char found[SHA256_TEXT_SIZE];
	const char *is, *wanting;
	int r = parcel_digest(p->dir, found);

	*ret_error = NULL;
	if (r < 0 || strcmp(found, sha256) != 0)
		return fail(ret_error, r < 0 ? r : -ESTALE, MANIFEST,
			"another one has come since, or none");
	r = parcel_open(p, &m, &is, ret_error);
	if (r < 0)
		return r;
	if (strcmp(is, kind) != 0)
		return fail(ret_error, -EINVAL, MANIFEST, "is of the other kind");
	wanting = missing(p, &m);
	return wanting ? fail(ret_error, -ENOENT, wanting, "has not come yet") : 0;
}
