/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/client_ask.h"

const char *queue_why_text(enum queue_why why)
{
	switch (why) {
	case QUEUE_WHY_DATABASE:
		return "its database fails";
	case QUEUE_WHY_ROOM:
		return "there is no room on its disk";
	case QUEUE_WHY_CLOCK:
		return "the clock is behind its last record";
	case QUEUE_WHY_OWED:
		return "it has still to record that its database may be an older one";
	case QUEUE_WHY_NONE:
	default:
		return "it does not say why";
	}
}

int queue_trial(struct queue *q, enum queue_why *ret_why)
{
	const struct queue_trial_request body = { .reserved = 0 };
	struct queue_reply reply = { .why = QUEUE_WHY_NONE };
	int r = client_call(
		q, QUEUE_OP_TRIAL, &body, sizeof(body), NULL, 0, &reply, NULL, 0);

	*ret_why = (enum queue_why)reply.why;
	return r;
}
