/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside the client of queued: one question with one descriptor in its answer; never
 * included outside client*.c.
 */
#ifndef SEALGATE_QUEUE_CLIENT_ASK_H
#define SEALGATE_QUEUE_CLIENT_ASK_H

#include "queue/client.h"

/* Ask; *ret_fd is -1 unless it is DONE, then *ret_document (NULL: not wanted) is set,
 * too. Return: enum queue_answer or negative. */
int client_ask(struct queue *q, uint16_t type, const void *body, size_t len,
	struct queue_document *ret_document, int *ret_fd);

#endif
