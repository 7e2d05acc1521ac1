/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/client_ask.h"

#include <errno.h>

int queue_reading(struct queue *q, const char *id, enum queue_reader reader,
	const char *name, const char *what)
{
	struct queue_reading_request body = { .reader = reader };
	struct queue_reply reply;

	if (client_put(body.id, sizeof(body.id), id) < 0 ||
		client_put(body.name, sizeof(body.name), name) < 0 ||
		client_put(body.what, sizeof(body.what), what) < 0)
		return -E2BIG;
	return client_call(
		q, QUEUE_OP_READING, &body, sizeof(body), NULL, 0, &reply, NULL, 0);
}

int queue_paper(struct queue *q, const char *id, const char *number)
{
	struct queue_paper_request body = { 0 };
	struct queue_reply reply;

	if (client_put(body.id, sizeof(body.id), id) < 0 ||
		client_put(body.number, sizeof(body.number), number) < 0)
		return -E2BIG;
	return client_call(
		q, QUEUE_OP_PAPER, &body, sizeof(body), NULL, 0, &reply, NULL, 0);
}
