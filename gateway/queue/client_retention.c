/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/client_ask.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int queue_retention(
	struct queue *q, const struct queue_retention_request *request, int *ret_fd)
{
	bool reads = request->verb == QUEUE_RETENTION_PLAN ||
		     request->verb == QUEUE_RETENTION_STATUS ||
		     request->verb == QUEUE_RETENTION_KEEPS;

	return client_ask(q, reads ? QUEUE_OP_RETENTION : QUEUE_OP_ERASE, request,
		sizeof(*request), NULL, ret_fd);
}

/* A reason is for people: it may be cut. */
static int put_person(char name[QUEUE_KEY_SIZE], char text[QUEUE_TEXT_SIZE],
	const char *operator_name, const char *reason)
{
	if (snprintf(name, QUEUE_KEY_SIZE, "%s", operator_name) >= QUEUE_KEY_SIZE)
		return -E2BIG;
	strncpy(text, reason, QUEUE_TEXT_SIZE - 1);
	return 0;
}

int queue_legal_hold(struct queue *q, const struct queue_legal_hold *hold,
	const char *operator_name, const char *reason, int *ret_fd)
{
	struct queue_legal_hold_request body = { .hold = *hold };

	*ret_fd = -1;
	if (put_person(body.operator_name, body.reason, operator_name, reason) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_LEGAL_HOLD, &body, sizeof(body), NULL, ret_fd);
}

int queue_propose(struct queue *q, const struct queue_selection *s, int64_t seconds,
	const char *operator_name, const char *reason, int *ret_fd)
{
	struct queue_propose_request body = { .selection = *s, .seconds = seconds };

	*ret_fd = -1;
	if (put_person(body.operator_name, body.reason, operator_name, reason) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_PROPOSE, &body, sizeof(body), NULL, ret_fd);
}

int queue_review(struct queue *q, enum queue_review verb, int64_t proposal,
	uint32_t state, int64_t after, const char *operator_name, const char *reason,
	int *ret_fd)
{
	struct queue_review_request body = {
		.verb = verb, .state = state, .after = after, .proposal = proposal
	};

	*ret_fd = -1;
	if (put_person(body.operator_name, body.reason, operator_name, reason) < 0)
		return -E2BIG;
	return client_ask(q, QUEUE_OP_REVIEW, &body, sizeof(body), NULL, ret_fd);
}

int queue_reviews(struct queue *q, int *ret_fd)
{
	struct queue_reviews_request body = { 0 };

	return client_ask(q, QUEUE_OP_REVIEWS, &body, sizeof(body), NULL, ret_fd);
}
