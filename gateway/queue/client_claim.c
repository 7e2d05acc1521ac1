/* SPDX-License-Identifier: EUPL-1.2 */
/* Asking queued for work. */
#include "queue/client_ask.h"
#include "queue/protocol.h"

#include <errno.h>

/* How long queued may keep a claim when there is nothing to do. */
#define CLAIM_WAIT_MS 1000

int queue_breaker(struct queue *q, const struct breaker_told *told)
{
	struct queue_breaker_request body = { .told = *told };

	struct queue_reply reply;

	return client_call(
		q, QUEUE_OP_BREAKER, &body, sizeof(body), NULL, 0, &reply, NULL, 0);
}

static int call_claim(struct queue *q, uint16_t type, const void *body, size_t len,
	struct queue_claim *ret_claim, int **ret_fds, size_t fd_count)
{
	struct queue_reply reply;
	int r = client_call(q, type, body, len, NULL, 0, &reply, ret_fds, fd_count);

	if (r == QUEUE_DONE)
		*ret_claim = reply.claim;
	return r;
}

static int ask_claim_of(struct queue *q, uint16_t type, const char *destination,
	int lease_s, uint32_t form, struct queue_claim *ret_claim, int **ret_fds,
	size_t fd_count)
{
	struct queue_claim_request body = {
		.lease_s = (uint32_t)lease_s, .wait_ms = CLAIM_WAIT_MS, .form = form
	};

	for (size_t i = 0; i < fd_count; i++)
		*ret_fds[i] = -1;
	if (lease_s <= 0 ||
		client_put(body.destination, sizeof(body.destination), destination) < 0)
		return -EINVAL;
	if (q->timeout_ms > 0 && q->timeout_ms / 2 < CLAIM_WAIT_MS)
		body.wait_ms = (uint32_t)q->timeout_ms / 2;
	return call_claim(q, type, &body, sizeof(body), ret_claim, ret_fds, fd_count);
}

static int ask_claim(struct queue *q, uint16_t type, int lease_s,
	struct queue_claim *ret_claim, int **ret_fds, size_t fd_count)
{
	return ask_claim_of(q, type, "", lease_s, 0, ret_claim, ret_fds, fd_count);
}

int queue_claim_seal(struct queue *q, int lease_s, struct queue_claim *ret_claim,
	int *ret_document_fd, int *ret_report_fd, int *ret_receipt_fd)
{
	int *fds[] = { ret_document_fd, ret_report_fd, ret_receipt_fd };

	return ask_claim(q, QUEUE_OP_CLAIM_SEAL, lease_s, ret_claim, fds, 3);
}

int queue_claim_delivery(struct queue *q, const char *destination, int lease_s,
	uint32_t form, struct queue_claim *ret_claim, int *ret_container_fd)
{
	int *fds[] = { ret_container_fd };

	return ask_claim_of(q, QUEUE_OP_CLAIM_DELIVERY, destination, lease_s, form,
		ret_claim, fds, 1);
}

int queue_claim_held(
	struct queue *q, int lease_s, struct queue_claim *ret_claim, int *ret_document_fd)
{
	int *fds[] = { ret_document_fd };

	return ask_claim(q, QUEUE_OP_CLAIM_HELD, lease_s, ret_claim, fds, 1);
}

int queue_claim_renewal(struct queue *q, int lease_s, struct queue_claim *ret_claim,
	int *ret_container_fd)
{
	int *fds[] = { ret_container_fd };

	return ask_claim(q, QUEUE_OP_CLAIM_RENEWAL, lease_s, ret_claim, fds, 1);
}

int queue_claim_callback(struct queue *q, const char *partner, int lease_s, int limit,
	bool anew, struct queue_claim *ret_claim, int *ret_fd)
{
	struct queue_callback_request body = {
		.lease_s = (uint32_t)lease_s, .limit = (uint32_t)limit, .anew = anew
	};
	int *fds[] = { ret_fd };

	*ret_fd = -1;
	if (client_put(body.partner, sizeof(body.partner), partner) < 0)
		return -E2BIG;
	return call_claim(
		q, QUEUE_OP_CLAIM_CALLBACK, &body, sizeof(body), ret_claim, fds, 1);
}

int queue_claim_stamp(
	struct queue *q, int lease_s, struct queue_claim *ret_claim, int *ret_document_fd)
{
	int *fds[] = { ret_document_fd };

	return ask_claim(q, QUEUE_OP_CLAIM_STAMP, lease_s, ret_claim, fds, 1);
}
