/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/limits.h"
#include "connectors/request.h"

#include <stdio.h>
#include <string.h>

#define ENVELOPE_MAX (LIMIT_CONTAINER / 3 * 4 + 65536u)

static int ask_once(struct courier *c, const struct profile_operation *operation,
	const struct queue_claim *claim, struct span container,
	struct destination_answer *ret)
{
	const struct request_values values = { .reference = claim->document.id,
		.number = claim->document.number,
		.type = claim->document.type,
		.status = claim->document.status,
		.country = claim->document.country,
		.import_country = claim->document.import_country,
		.container = container,
		.username = c->credentials->username,
		.key = c->credentials->key,
		.client_id = c->credentials->client_id,
		.now = clock_now() };
	struct curl_slist *headers = NULL;
	_cleanup_buf_ struct buf envelope;
	char action[256];
	int r;

	buf_init(&envelope, ENVELOPE_MAX);
	r = request_soap(operation, &values, &envelope);
	if (r < 0)
		return r;
	snprintf(action, sizeof(action), "SOAPAction: \"%s\"", operation->action);
	headers = curl_slist_append(headers, "Content-Type: text/xml; charset=utf-8");
	headers = curl_slist_append(headers, action);
	headers = curl_slist_append(headers, "Expect:");
	r = exchange(c, c->profile->url, headers, buf_span(&envelope), ret);
	curl_slist_free_all(headers);
	return r;
}

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

/* A whole answer that could not be read says nothing about what happened over there. */
static void take_answer(const struct destination_answer *e, const json_t *reply,
	struct delivery_attempt *a)
{
	const char *kind = text_of(reply, "kind");

	if (strcmp(kind, "fault") == 0)
		take_fault(e->http_status, reply, a);
	else if (strcmp(kind, "ok") == 0 && e->http_status == 200 &&
		 *text_of(reply, "id"))
		take_id(reply, a);
	else if (e->http_status == 429 || e->http_status == 503)
		attempt_set(a, DELIVERY_DEFERRED, "HTTP %ld", e->http_status);
	else
		attempt_set(a, DELIVERY_UNKNOWN,
			"HTTP %ld with an answer that cannot be read", e->http_status);
}

/* Judge an exchange whose request, if it arrived, has created something. */
static void judge(
	struct courier *c, const struct destination_answer *e, struct delivery_attempt *a)
{
	_cleanup_json_ json_t *reply = NULL;

	a->retry_after_s = e->retry_after_s;
	if (e->outcome == EXCHANGE_NOT_SENT)
		attempt_set(a, DELIVERY_DEFERRED, "%s", e->error);
	else if (e->outcome != EXCHANGE_ANSWERED)
		attempt_set(a, DELIVERY_UNKNOWN, "%s", e->error);
	else if (read_reply(c, buf_span(&e->body), &reply) > 0)
		take_answer(e, reply, a);
	else
		attempt_set(a, DELIVERY_UNKNOWN,
			"HTTP %ld; no worker could read the answer", e->http_status);
}

static void submit(struct courier *c, const struct queue_claim *claim,
	struct span container, struct delivery_attempt *ret)
{
	struct destination_answer e = { 0 };

	if (ask_once(c, &c->profile->submit, claim, container, &e) < 0)
		attempt_set(ret, DELIVERY_DEFERRED,
			"the request could not be made; see the profile");
	else
		judge(c, &e, ret);
	buf_done(&e.body);
}

/* Look the document up. Return: 1 it is there (*ret filled), 0 it is not, -1 still
 * unknown
 * (*ret filled). */
static int look_up(
	struct courier *c, const struct queue_claim *claim, struct delivery_attempt *ret)
{
	_cleanup_json_ json_t *reply = NULL;
	struct destination_answer e = { 0 };
	int found = -1;

	if (ask_once(c, &c->profile->find, claim, span_of(NULL, 0), &e) == 0 &&
		e.outcome == EXCHANGE_ANSWERED && e.http_status == 200 &&
		read_reply(c, buf_span(&e.body), &reply) > 0 &&
		strcmp(text_of(reply, "kind"), "ok") == 0)
		found = json_is_true(json_object_get(reply, "found"));
	if (found == 1)
		take_id(reply, ret);
	else if (found < 0)
		attempt_set(ret, DELIVERY_UNKNOWN, "look-up without result: %s",
			e.error[0] ? e.error : text_of(reply, "fault_text"));
	buf_done(&e.body);
	return found;
}

void deliver_soap(struct courier *c, const struct queue_claim *claim,
	struct span container, struct delivery_attempt *ret)
{
	*ret = (struct delivery_attempt){ 0 };
	if (claim->look_up && look_up(c, claim, ret) != 0)
		return;
	/* looked up and not there: only now is it known that it can expire */
	if (claim->look_up && clock_now() - claim->first_try > c->profile->expire_s)
		attempt_set(ret, DELIVERY_EXPIRED, "not there, and tried for too long");
	else
		submit(c, claim, container, ret);
}
