/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/json.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *reply, const char *key)
{
	const char *text = json_string_of(reply, key);

	return text ? text : "";
}

/* A fault that blames the request (SOAP 1.1 4.4.1) has nothing done; any other may come
 * from a server that has acted before it failed. */
static bool blames_request(const char *code)
{
	const char *colon = strrchr(code, ':'), *local = colon ? colon + 1 : code;

	return strncmp(local, "Client", 6) == 0 || strcmp(local, "Sender") == 0;
}

/* A fault under the status of success is neither the one nor the other. */
static void take_fault(long http_status, const json_t *reply, struct delivery_attempt *a)
{
	const json_t *first = json_array_get(json_object_get(reply, "errors"), 0);
	const char *rule = json_string_value(first);

	if (json_is_true(json_object_get(reply, "already"))) {
		a->retry_after_s = 1;
		attempt_set(a, DELIVERY_UNKNOWN,
			"the destination says it has it already: %s",
			rule ? rule : text_of(reply, "fault_text"));
	} else if (json_is_true(json_object_get(reply, "permanent"))) {
		attempt_set(a, DELIVERY_REFUSED, "%s%s%s", text_of(reply, "fault_text"),
			rule ? "; " : "", rule ? rule : "");
	} else {
		bool nothing_done = http_status != 200 &&
				    blames_request(text_of(reply, "fault_code"));

		attempt_set(a, nothing_done ? DELIVERY_DEFERRED : DELIVERY_UNKNOWN,
			"fault %s: %s", text_of(reply, "fault_code"),
			text_of(reply, "fault_text"));
	}
}

static void take_id(const json_t *reply, struct delivery_attempt *a)
{
	snprintf(a->reply_id, sizeof(a->reply_id), "%s", text_of(reply, "id"));
	attempt_set(a, DELIVERY_DELIVERED, "%s %s%s%s", text_of(reply, "status"),
		a->reply_id, *text_of(reply, "request_id") ? ", request " : "",
		text_of(reply, "request_id"));
}

/* By this the other side finds the request in its own log. */
static void add_request_id(const json_t *reply, struct delivery_attempt *a)
{
	size_t len = strlen(a->detail);

	if (*text_of(reply, "request_id"))
		snprintf(a->detail + len, sizeof(a->detail) - len, ", request %s",
			text_of(reply, "request_id"));
}

/* A whole answer that could not be read says nothing about what happened over there, not
 * even under 429 or 503: what stands before the service may say that after it acted. */
void soap_answer(long http_status, const json_t *reply, struct delivery_attempt *a)
{
	const char *kind = text_of(reply, "kind");

	if (strcmp(kind, "fault") == 0) {
		take_fault(http_status, reply, a);
		add_request_id(reply, a);
	} else if (strcmp(kind, "ok") == 0 && http_status == 200 && *text_of(reply, "id"))
		take_id(reply, a);
	else
		attempt_set(a, DELIVERY_UNKNOWN,
			"HTTP %ld with an answer that cannot be read", http_status);
}

int soap_found(const struct destination_answer *e, const json_t *reply,
	struct delivery_attempt *ret)
{
	bool read = e->outcome == EXCHANGE_ANSWERED && e->http_status == 200 &&
		    strcmp(text_of(reply, "kind"), "ok") == 0;
	const json_t *found = read ? json_object_get(reply, "found") : NULL;

	if (json_is_false(found))
		return 0;
	if (json_is_true(found)) {
		take_id(reply, ret);
		return 1;
	}
	attempt_set(ret, DELIVERY_UNKNOWN, "look-up without result: %s",
		e->error[0] ? e->error
		: read ? "the answer says neither that it is there nor that it is not"
		       : text_of(reply, "fault_text"));
	return -1;
}
