/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Messages between processes over SEQPACKET: a fixed header, a fixed body, up to four
 * descriptors; never a length taken from the peer, never a body of another version.
 */
#ifndef SEALGATE_COMMON_IPC_H
#define SEALGATE_COMMON_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IPC_MAGIC 0x53474154u /* "SGAT" */
#define IPC_VERSION 1u
#define IPC_MESSAGE_MAX 4096u /* header and body together */
#define IPC_FDS_MAX 4

struct ipc_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type; /* of the protocol in question; 0 is never valid */
	uint64_t id;   /* chosen by the asker, repeated in the answer */
	uint32_t body_len;
	uint32_t fd_count;
};

#define IPC_BODY_MAX (IPC_MESSAGE_MAX - sizeof(struct ipc_header))

struct ipc_message {
	struct ipc_header header;
	union {
		uint8_t body[IPC_BODY_MAX];
		uint64_t align;
	};
	int fds[IPC_FDS_MAX]; /* owned by the message; -1 where absent */
};

/* A zeroed message owns no descriptor only after this. */
void ipc_message_init(struct ipc_message *m);

/* Close the descriptors that the message still owns. */
void ipc_message_done(struct ipc_message *m);

/* Take descriptor i out of the message (the caller closes it), or -1. */
int ipc_message_take_fd(struct ipc_message *m, size_t i);

/* The body as a struct of exactly size octets, or NULL when its length differs. */
const void *ipc_body(const struct ipc_message *m, size_t size);

/* True when text, an array of a received body, has a NUL within size. */
bool ipc_text_ok(const char *text, size_t size);

/* Send one message; fds are borrowed. Return: 0, -EAGAIN past the socket's send timeout,
 * -EMSGSIZE for a body over IPC_BODY_MAX, -errno. */
int ipc_send(int socket, uint16_t type, uint64_t id, const void *body, size_t body_len,
	const int *fds, size_t fd_count);

/* Receive one message into *m (initialised here).
 * Return: 1 a message, 0 the peer closed, -EPROTO (magic, length, truncation, fd count),
 * -EPROTONOSUPPORT (another version), -EAGAIN past the socket's receive timeout, -errno.
 */
int ipc_receive(int socket, struct ipc_message *m);

/* Ask and wait for the answer that carries the same id.
 * Return: 0, -ECONNRESET when the peer closed, -EPROTO when id differs, else as above. */
int ipc_call(int socket, uint16_t type, const void *body, size_t body_len, const int *fds,
	size_t fd_count, struct ipc_message *ret_answer);

/* Connect to / listen on a SEQPACKET socket path. timeout_ms bounds every later send and
 * receive (0: none). Return: a descriptor or -errno (-ENAMETOOLONG for a long path). */
int ipc_connect(const char *path, int timeout_ms);
int ipc_listen(const char *path, mode_t mode);

/* As ipc_listen for a byte stream (SCGI). */
int ipc_listen_stream(const char *path, mode_t mode);

/* Uid of the process at the other end. Return: 0 or -errno. */
int ipc_peer(int socket, uid_t *ret_uid, pid_t *ret_pid);

#endif
