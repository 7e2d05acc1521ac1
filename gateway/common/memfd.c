/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/memfd.h"

#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

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

int memfd_map(int fd, size_t max, struct span *ret_data)
{
	struct stat st;
	void *data;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & ALL_SEALS) != ALL_SEALS)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;
	if (st.st_size == 0) {
		*ret_data = span_of("", 0);
		return 0;
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret_data = span_of(data, (size_t)st.st_size);
	return 0;
}

void memfd_unmap(struct span *data)
{
	if (data->len)
		munmap((void *)(uintptr_t)data->data, data->len);
	*data = (struct span){ 0 };
}
