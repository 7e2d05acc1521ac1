/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/adopt.h"

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/folder_each.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536u
#define DEPTH_MAX 8 /* a token's objects are four folders down */
#define UNDER_WAY ".given"

static int open_folder(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static bool is_there(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int copy_octets(int from, int to)
{
	static uint8_t chunk[CHUNK];
	ssize_t n = 0;
	int r = 0;

	while (r == 0 && (n = read(from, chunk, sizeof(chunk))) > 0)
		r = fd_write_all(to, span_of(chunk, (size_t)n));
	return r < 0 || n == 0 ? r : -errno;
}

static int copy_whole(int from, int to, mode_t mode)
{
	int r = copy_octets(from, to);

	if (r == 0 && (fchmod(to, mode) < 0 || fsync(to) < 0))
		r = -errno;
	return r;
}

static int add_file(int from, int to, const char *name, const struct stat *st)
{
	_cleanup_(closep) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_(closep) int out = -1;
	int r;

	if (is_there(to, name))
		return 0;
	if (in < 0)
		return -errno;
	if (unlinkat(to, UNDER_WAY, 0) < 0 && errno != ENOENT)
		return -errno;
	out = openat(to, UNDER_WAY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		0600);
	if (out < 0)
		return -errno;
	r = copy_whole(in, out, st->st_mode & 0777);
	if (r == 0 && renameat2(to, UNDER_WAY, to, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(to, UNDER_WAY, 0);
	return r;
}

static int add_all(int from, int to, unsigned depth);

static int add_folder(
	int from, int to, const char *name, const struct stat *st, unsigned depth)
{
	_cleanup_(closep) int in = open_folder(from, name);
	_cleanup_(closep) int out = -1;
	bool made;

	if (in < 0)
		return in;
	made = mkdirat(to, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	out = open_folder(to, name);
	if (out < 0)
		return out;
	if (made && fchmod(out, st->st_mode & 0777) < 0)
		return -errno;
	return add_all(in, out, depth + 1);
}

/* Where to, and how far down. */
struct adopting {
	int to;
	unsigned depth;
};

static int add_one(int from, const char *name, void *arg)
{
	const struct adopting *a = arg;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return add_folder(from, a->to, name, &st, a->depth);
	return S_ISREG(st.st_mode) ? add_file(from, a->to, name, &st) : -ELOOP;
}

static int add_all(int from, int to, unsigned depth)
{
	struct adopting a = { to, depth };
	int r = depth > DEPTH_MAX ? -E2BIG : folder_each(from, add_one, &a);

	return r == 0 && fsync(to) < 0 ? -errno : r;
}

int adopt(const char *given, const char *instance)
{
	_cleanup_(closep) int from = open_folder(AT_FDCWD, given);
	_cleanup_(closep) int to = open_folder(AT_FDCWD, instance);

	if (from < 0)
		return from == -ENOENT ? 0 : from;
	return to < 0 ? to : add_all(from, to, 0);
}
