/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/appliance.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/durable.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK 4096u

int appliance_connect(const char *socket_path, int ms)
{
	const struct timeval bound = { ms / 1000, ms % 1000 * 1000L };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path) >=
		(int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	if (ms && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)) < 0 ||
			  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &bound, sizeof(bound)) <
				  0))
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int appliance_read(int fd, struct buf *to)
{
	ssize_t n;

	do {
		char chunk[CHUNK];

		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(to, chunk, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0)
		buf_add(to, "", 1);
	return n < 0 ? -errno : to->error;
}

int appliance_ask(const char *socket, int ms, struct span request, size_t most,
	struct buf *ret_answer)
{
	_cleanup_(closep) int fd = appliance_connect(socket, ms);
	int r = fd < 0 ? fd : fd_write_all(fd, request);

	buf_init(ret_answer, most);
	if (r == 0 && shutdown(fd, SHUT_WR) < 0)
		r = -errno;
	return r < 0 ? r : appliance_read(fd, ret_answer);
}
