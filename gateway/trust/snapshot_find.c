/* SPDX-License-Identifier: EUPL-1.2 */
#include "trust/snapshot_find.h"

#include "common/cleanup.h"
#include "common/encode.h"
#include "trust/map.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "snapshot-"
#define SUFFIX ".map"
#define DIGITS 20

/* Digits alone, so that names sort by time. */
static void name_of(int64_t at, char ret_name[SNAPSHOT_NAME_SIZE])
{
	(void)snprintf(ret_name, SNAPSHOT_NAME_SIZE, PREFIX "%0*lld" SUFFIX, DIGITS,
		(long long)at);
}

int snapshot_path(const char *store, int64_t at, char ret_path[PATH_MAX])
{
	char name[SNAPSHOT_NAME_SIZE];

	name_of(at, name);
	return snprintf(ret_path, PATH_MAX, "%s/%s", store, name) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int snapshot_time_of_name(const char *name, int64_t *ret_at)
{
	const char *digits = name + strlen(PREFIX);

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0 ||
		strspn(digits, "0123456789") != DIGITS ||
		strcmp(digits + DIGITS, SUFFIX) != 0)
		return -EINVAL;
	errno = 0;
	*ret_at = strtoll(digits, NULL, 10);
	return errno ? -EINVAL : 0;
}

/* The newest of first to last or, where oldest is said, the oldest. */
static int look(
	const char *store, int64_t first, int64_t last, bool oldest, int64_t *ret_at)
{
	DIR *folder = opendir(store);
	const struct dirent *e;
	bool found = false;

	if (!folder)
		return -errno;
	while ((e = readdir(folder))) {
		int64_t at;

		if (snapshot_time_of_name(e->d_name, &at) < 0 || at < first ||
			at > last || (found && (oldest ? at >= *ret_at : at <= *ret_at)))
			continue;
		*ret_at = at;
		found = true;
	}
	closedir(folder);
	return found ? 0 : -ENOENT;
}

int snapshot_find(const char *store, int64_t known_at, int64_t *ret_at)
{
	return look(store, 0, known_at, false, ret_at);
}

int snapshot_after(const char *store, int64_t at, int64_t *ret_at)
{
	return at == INT64_MAX ? -ENOENT : look(store, at + 1, INT64_MAX, true, ret_at);
}

int snapshot_head_read(const char *store, int64_t at, struct snapshot_head *ret)
{
	_cleanup_(closep) int fd = -1;
	char path[PATH_MAX];
	struct map_header h;
	struct stat st;
	int r = snapshot_path(store, at, path);

	if (r < 0)
		return r;
	*ret = (struct snapshot_head){ .at = at };
	name_of(at, ret->name);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size <= MAP_OCTETS_MAX &&
		pread(fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h) &&
		!map_header_fault(&h, (uint64_t)st.st_size) && h.at == at)
		hex_encode(h.sha256, SHA256_SIZE, ret->version);
	return 0;
}
