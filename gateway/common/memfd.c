/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/memfd.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define COPIED_MAX (64u * 1024)
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int memfd_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0 ? -errno : 0;
}

int memfd_from(const char *name, struct span data)
{
	_cleanup_(closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, data);
	if (r == 0)
		r = memfd_seal(fd);
	return r < 0 ? r : take_fd(&fd);
}

/* Length of a memfd that can no longer change. Return: 0 or -errno. */
static int sealed_length(int fd, size_t max, size_t *ret_len)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	*ret_len = 0;
	if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;
	*ret_len = (size_t)st.st_size;
	return 0;
}

static int map(int fd, size_t len, struct span *ret_data)
{
	void *data = len ? mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0) : "";

	if (data == MAP_FAILED)
		return -errno;
	*ret_data = span_of(data, len);
	return 0;
}

int memfd_map(int fd, size_t max, struct span *ret_data)
{
	size_t len;
	int r = sealed_length(fd, max, &len);

	return r < 0 ? r : map(fd, len, ret_data);
}

void memfd_unmap(struct span *data)
{
	if (data->len)
		munmap((void *)(uintptr_t)data->data, data->len);
	*data = (struct span){ 0 };
}

static int copy(int fd, size_t len, struct span *ret_data)
{
	_cleanup_(freep) uint8_t *data = malloc(len);

	if (!data)
		return -ENOMEM;
	for (size_t have = 0; have < len;) {
		ssize_t n = pread(fd, data + have, len - have, (off_t)have);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		have += (size_t)n;
	}
	*ret_data = span_of(TAKE(data), len);
	return 0;
}

int memfd_read(int fd, size_t max, struct span *ret_data)
{
	size_t len;
	int r = sealed_length(fd, max, &len);

	if (r < 0)
		return r;
	return len && len <= COPIED_MAX ? copy(fd, len, ret_data)
					: map(fd, len, ret_data);
}

void memfd_release(struct span *data)
{
	if (data->len == 0 || data->len > COPIED_MAX) {
		memfd_unmap(data);
		return;
	}
	free((void *)(uintptr_t)data->data);
	*data = (struct span){ 0 };
}
