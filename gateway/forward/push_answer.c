/* SPDX-License-Identifier: EUPL-1.2 */
/* What may follow from an answer to a push, or to the question what is there by its key.
 */
#include "forward/forward.h"

#include "common/json.h"

#include <stdio.h>
#include <string.h>

/* JSON that is no acknowledgement. */
static bool of_its_own(const json_t *reply)
{
	const char *kind = json_string_of(reply, "kind");

	return kind && strcmp(kind, "fault") == 0;
}

static bool refuses(long status)
{
	return status == 400 || status == 409 || status == 413 || status == 415 ||
	       status == 422;
}

/* A success without an acknowledgement, or one to be seen elsewhere, is not known to be
 * nothing; a time-out (408) or 5xx may come after it acted, and from what stands before
 * it. Only "busy" in its own words says that nothing was done. */
static bool may_have_acted(long status, const json_t *reply)
{
	return status < 400 || status == 408 ||
	       (status >= 500 && (status != 503 || !of_its_own(reply)));
}

/* Return: whether the answer has an acknowledgement. */
static bool take_id(const json_t *reply, struct delivery_attempt *a)
{
	const char *id = json_string_of(reply, "id");

	if (!id)
		return false;
	snprintf(a->reply_id, sizeof(a->reply_id), "%s", id);
	return true;
}

void push_answer(const struct destination_answer *e, const json_t *reply, bool unknown,
	struct delivery_attempt *a)
{
	const enum delivery_state undone = unknown ? DELIVERY_UNKNOWN : DELIVERY_DEFERRED;
	long status = e->http_status;

	a->retry_after_s = e->retry_after_s;
	if (e->outcome == EXCHANGE_NOT_SENT)
		attempt_set(a, undone, "%s", e->error);
	else if (e->outcome != EXCHANGE_ANSWERED)
		attempt_set(a, DELIVERY_UNKNOWN, "%s", e->error);
	else if (status == 200 || status == 201)
		attempt_set(a, take_id(reply, a) ? DELIVERY_DELIVERED : DELIVERY_UNKNOWN,
			"HTTP %ld with%s an acknowledgement", status,
			*a->reply_id ? "" : "out");
	else if (refuses(status))
		attempt_set(a, DELIVERY_REFUSED, "HTTP %ld%s", status,
			unknown ? " to a repetition: an earlier attempt may have arrived"
				: "");
	else
		attempt_set(a, may_have_acted(status, reply) ? DELIVERY_UNKNOWN : undone,
			"HTTP %ld", status);
}

int push_found(const struct destination_answer *e, const json_t *reply,
	struct delivery_attempt *ret)
{
	bool answered = e->outcome == EXCHANGE_ANSWERED;

	if (answered && e->http_status == 200 && take_id(reply, ret)) {
		attempt_set(ret, DELIVERY_DELIVERED, "%s, found there", ret->reply_id);
		return 1;
	}
	/* what stands before the service may say 404 too, but not in its words */
	if (answered && e->http_status == 404 && of_its_own(reply))
		return 0;
	attempt_set(ret, DELIVERY_UNKNOWN, "look-up without result: %s",
		e->error[0] ? e->error : "the answer does not say whether it is there");
	ret->retry_after_s = e->retry_after_s;
	return -1;
}
