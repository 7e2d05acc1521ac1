/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside the client of queued: a connection, and one question on it; never included
 * outside client*.c.
 */
#ifndef SEALGATE_QUEUE_CLIENT_ASK_H
#define SEALGATE_QUEUE_CLIENT_ASK_H

#include "queue/protocol.h"

struct queue {
	int socket;
	int timeout_ms;
	bool broken; /* an answer may still be under way: nothing can be asked any more */
};

/* Ask; the answer must carry ret_count descriptors when it is DONE.
 * Return: enum queue_answer or negative. */
int client_call(struct queue *q, uint16_t type, const void *body, size_t len,
	const int *fds, size_t fd_count, struct queue_reply *ret_reply, int **ret_fds,
	size_t ret_count);

/* The same with one descriptor in the answer; *ret_fd is -1 unless it is DONE, then
 * *ret_document (NULL: not wanted) is set, too. */
int client_ask(struct queue *q, uint16_t type, const void *body, size_t len,
	struct queue_document *ret_document, int *ret_fd);

/* Copy text into an array of a body, which is zeroed. Return: 0, -E2BIG. */
int client_put(char *to, size_t size, const char *text);

#endif
