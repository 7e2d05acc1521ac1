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
		     request->verb == QUEUE_RETENTION_STATUS;

	return client_ask(q, reads ? QUEUE_OP_RETENTION : QUEUE_OP_ERASE, request,
		sizeof(*request), NULL, ret_fd);
}

int queue_legal_hold(struct queue *q, const struct queue_legal_hold *hold,
	const char *operator_name, const char *reason, int *ret_fd)
{
	struct queue_legal_hold_request body = { .hold = *hold };

	*ret_fd = -1;
	if (snprintf(body.operator_name, sizeof(body.operator_name), "%s",
		    operator_name) >= (int)sizeof(body.operator_name))
		return -E2BIG;
	/* a reason is for people: it may be cut */
	strncpy(body.reason, reason, sizeof(body.reason) - 1);
	return client_ask(q, QUEUE_OP_LEGAL_HOLD, &body, sizeof(body), NULL, ret_fd);
}
