/* SPDX-License-Identifier: EUPL-1.2 */
/* Messages between processes: any octets, with as many descriptors as the first octet
 * says, are a whole message or refused, and no descriptor stays open. */
#include "common/ipc.h"
#include "tests/fuzz/target.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 20

static void send_raw(int socket, const uint8_t *data, size_t size, size_t descriptors)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (descriptors) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		for (size_t i = 0; i < descriptors; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &socket, sizeof(int));
	}
	(void)sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The lowest free descriptor: the same before and after when nothing leaked. */
static int lowest(void)
{
	int fd = dup(0);

	check(fd >= 0);
	close(fd);
	return fd;
}

static void check_message(const struct ipc_message *m, size_t size)
{
	check(m->header.magic == IPC_MAGIC && m->header.version == IPC_VERSION);
	check(m->header.type != 0);
	check(m->header.body_len == size - sizeof(m->header));
	check(m->header.fd_count <= IPC_FDS_MAX);
	check(ipc_body(m, size - sizeof(m->header)) != NULL);
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		check((m->fds[i] >= 0) == (i < m->header.fd_count));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_message m;
	int pair[2], before, r;

	if (size < 2 || size > 8192)
		return 0;
	check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	before = lowest();
	send_raw(pair[0], data + 1, size - 1, data[0] % (DESCRIPTORS_MAX + 1));
	shutdown(pair[0], SHUT_WR);
	r = ipc_receive(pair[1], &m);
	if (r == 1)
		check_message(&m, size - 1);
	ipc_message_done(&m);
	check(lowest() == before);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
