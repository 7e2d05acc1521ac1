/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/client_ask.h"

int queue_head_unstamped(struct queue *q, int64_t *ret_position, int *ret_fd)
{
	const struct queue_head_request body = { .reserved = 0 };
	struct queue_reply reply;
	int *fds[] = { ret_fd };
	int r;

	*ret_fd = -1;
	r = client_call(q, QUEUE_OP_HEAD, &body, sizeof(body), NULL, 0, &reply, fds, 1);
	if (r == QUEUE_DONE)
		*ret_position = (int64_t)reply.claim.fence;
	return r;
}

int queue_head_stamped(struct queue *q, int64_t position, int64_t time, int token_fd)
{
	const struct queue_head_stamped_request body = { position, time };
	struct queue_reply reply;

	return client_call(q, QUEUE_OP_HEAD_STAMPED, &body, sizeof(body), &token_fd, 1,
		&reply, NULL, 0);
}
