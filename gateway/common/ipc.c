/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/ipc.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

void ipc_message_init(struct ipc_message *m)
{
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		m->fds[i] = -1;
}

void ipc_message_done(struct ipc_message *m)
{
	for (size_t i = 0; i < IPC_FDS_MAX; i++) {
		if (m->fds[i] >= 0)
			close(m->fds[i]);
		m->fds[i] = -1;
	}
}

int ipc_message_take_fd(struct ipc_message *m, size_t i)
{
	return i < IPC_FDS_MAX ? take_fd(&m->fds[i]) : -1;
}

const void *ipc_body(const struct ipc_message *m, size_t size)
{
	return m->header.body_len == size ? m->body : NULL;
}

bool ipc_text_ok(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static void attach_fds(struct msghdr *msg, char *control, const int *fds, size_t count)
{
	struct cmsghdr *c;

	msg->msg_control = control;
	msg->msg_controllen = CMSG_SPACE(count * sizeof(int));
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
}

int ipc_send(int socket, uint16_t type, uint64_t id, const void *body, size_t body_len,
	const int *fds, size_t fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))] = {
		0
	};
	struct ipc_header header = {
		.magic = IPC_MAGIC, .version = IPC_VERSION, .type = type, .id = id
	};
	struct iovec iov[2] = { { &header, sizeof(header) },
		{ (void *)(uintptr_t)body, body_len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (body_len > IPC_BODY_MAX || fd_count > IPC_FDS_MAX)
		return -EMSGSIZE;
	header.body_len = (uint32_t)body_len;
	header.fd_count = (uint32_t)fd_count;
	if (fd_count)
		attach_fds(&msg, control, fds, fd_count);
	do
		n = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Move every received descriptor into the message; the count that came, or -1 when it is
 * more than a message may carry (the surplus is closed). */
static int collect_fds(struct msghdr *msg, struct ipc_message *m)
{
	int count = 0;
	bool surplus = false;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (count < IPC_FDS_MAX) {
				m->fds[count++] = fd;
			} else {
				close(fd);
				surplus = true;
			}
		}
	}
	return surplus ? -1 : count;
}

static int check_header(const struct ipc_message *m, ssize_t received, int fds, int flags)
{
	const struct ipc_header *h = &m->header;

	if ((size_t)received < sizeof(*h) || h->magic != IPC_MAGIC)
		return -EPROTO;
	if (h->version != IPC_VERSION)
		return -EPROTONOSUPPORT;
	if ((flags & (MSG_TRUNC | MSG_CTRUNC)) || fds < 0 || h->type == 0 ||
		h->body_len != (size_t)received - sizeof(*h) ||
		h->fd_count != (uint32_t)fds)
		return -EPROTO;
	return 1;
}

int ipc_receive(int socket, struct ipc_message *m)
{
	/* Room for more than we allow, so that a surplus is seen and closed. */
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))];
	struct iovec iov[2] = { { &m->header, sizeof(m->header) },
		{ m->body, sizeof(m->body) } };
	struct msghdr msg = { .msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t n;
	int fds, r;

	ipc_message_init(m);
	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	fds = collect_fds(&msg, m);
	if (n == 0) {
		ipc_message_done(m);
		return 0;
	}
	r = check_header(m, n, fds, msg.msg_flags);
	if (r < 0)
		ipc_message_done(m);
	return r;
}

int ipc_call(int socket, uint16_t type, const void *body, size_t body_len, const int *fds,
	size_t fd_count, struct ipc_message *ret_answer)
{
	static atomic_uint_fast64_t last_id;
	uint64_t id = atomic_fetch_add(&last_id, 1) + 1;
	int r = ipc_send(socket, type, id, body, body_len, fds, fd_count);

	if (r < 0) {
		ipc_message_init(ret_answer);
		return r;
	}
	r = ipc_receive(socket, ret_answer);
	if (r <= 0)
		return r == 0 ? -ECONNRESET : r;
	if (ret_answer->header.id != id) {
		ipc_message_done(ret_answer);
		return -EPROTO;
	}
	return 0;
}

static int socket_address(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, len + 1);
	return 0;
}

static int set_timeouts(int fd, int timeout_ms)
{
	struct timeval tv = { .tv_sec = timeout_ms / 1000,
		.tv_usec = (timeout_ms % 1000) * 1000 };

	if (timeout_ms == 0)
		return 0;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0)
		return -errno;
	return 0;
}

int ipc_connect(const char *path, int timeout_ms)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r;

	if (fd < 0)
		return -errno;
	r = socket_address(path, &sa);
	if (r == 0)
		r = set_timeouts(fd, timeout_ms);
	if (r < 0)
		return r;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int listen_on(const char *path, mode_t mode, int type)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r;

	if (fd < 0)
		return -errno;
	r = socket_address(path, &sa);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(path, mode) < 0 ||
		listen(fd, 128) < 0)
		return -errno;
	return take_fd(&fd);
}

int ipc_listen(const char *path, mode_t mode)
{
	return listen_on(path, mode, SOCK_SEQPACKET);
}

int ipc_listen_stream(const char *path, mode_t mode)
{
	return listen_on(path, mode, SOCK_STREAM);
}

int ipc_peer(int socket, uid_t *ret_uid, pid_t *ret_pid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_uid = cred.uid;
	if (ret_pid)
		*ret_pid = cred.pid;
	return 0;
}
