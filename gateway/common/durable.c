/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/durable.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Opening a FIFO without O_NONBLOCK waits for its writer; a regular file does not care.
 */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_CLOEXEC)

int fd_write_all(int fd, struct span data)
{
	while (data.len) {
		ssize_t n = write(fd, data.data, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data.data += n;
		data.len -= (size_t)n;
	}
	return 0;
}

static int write_and_sync(int fd, struct span data, mode_t mode)
{
	int r = fd_write_all(fd, data);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	_cleanup_(closep) int fd = -1;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int durable_write(const char *path, struct span data, mode_t mode)
{
	char temporary[PATH_MAX];
	int fd, r;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
		(int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_and_sync(fd, data, mode);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return r;
	}
	return sync_folder_of(path);
}

int durable_mkdir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return sync_folder_of(path);
}

int fd_read_up_to(int fd, uint8_t *data, size_t len, size_t *ret_len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, data + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*ret_len = have;
	return 0;
}

/* The descriptor is closed. */
static int read_whole(int opened, size_t max, uint8_t **ret_data, size_t *ret_len)
{
	_cleanup_(closep) int fd = opened;
	uint8_t *data;
	struct stat st;
	size_t len = 0;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	r = fd_read_up_to(fd, data, (size_t)st.st_size, &len);
	if (r < 0) {
		free(data);
		return r;
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int file_read(const char *path, size_t max, uint8_t **ret_data, size_t *ret_len)
{
	return read_whole(open(path, READ_FLAGS), max, ret_data, ret_len);
}

int file_read_at(
	int folder, const char *name, size_t max, uint8_t **ret_data, size_t *ret_len)
{
	return read_whole(
		openat(folder, name, READ_FLAGS | O_NOFOLLOW), max, ret_data, ret_len);
}

int file_read_of_others(const char *path, size_t max, uint8_t **ret_data, size_t *ret_len)
{
	char folder_copy[PATH_MAX], name_copy[PATH_MAX];
	_cleanup_(closep) int folder = -1;

	if (strlen(path) >= sizeof(folder_copy))
		return -ENAMETOOLONG;
	memcpy(folder_copy, path, strlen(path) + 1);
	memcpy(name_copy, path, strlen(path) + 1);
	folder =
		open(dirname(folder_copy), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	return file_read_at(folder, basename(name_copy), max, ret_data, ret_len);
}
