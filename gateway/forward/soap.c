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
	const struct queue_claim *claim, const struct delivery_content *content,
	struct destination_answer *ret)
{
	const struct request_values values = { .reference = claim->document.id,
		.number = claim->document.number,
		.type = claim->document.type,
		.status = claim->document.status,
		.country = claim->document.country,
		.import_country = claim->document.import_country,
		.original_number = claim->original,
		.original_reference = claim->original_reply,
		.container = content->forms[PROFILE_INSIDE_NONE],
		.sealed = c->profile->inside == PROFILE_INSIDE_NONE ? (struct span){ 0 }
								    : content->wanted,
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
		soap_answer(e->http_status, reply, a);
	else
		attempt_set(a, DELIVERY_UNKNOWN,
			"HTTP %ld; no worker could read the answer", e->http_status);
}

/* What withdraws or replaces something that is there may have an operation of its own. */
static const struct profile_operation *operation_for(
	const struct profile *p, const struct queue_claim *claim)
{
	if (claim->relation == RELATION_WITHDRAWS && p->withdraw.action &&
		claim->original_reply[0])
		return &p->withdraw;
	if (claim->relation == RELATION_REPLACES && p->replace.action &&
		claim->original_reply[0])
		return &p->replace;
	return &p->submit;
}

static void submit(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret)
{
	struct destination_answer e = { 0 };

	if (ask_once(c, operation_for(c->profile, claim), claim, content, &e) < 0)
		attempt_set(ret, DELIVERY_DEFERRED,
			"the request could not be made; see the profile");
	else
		judge(c, &e, ret);
	buf_done(&e.body);
}

int soap_look_up(struct courier *c, const struct queue_claim *claim, json_t **ret_reply,
	struct delivery_attempt *ret)
{
	const struct delivery_content nothing = { 0 };
	struct destination_answer e = { 0 };
	int found;

	*ret_reply = NULL;
	if (ask_once(c, &c->profile->find, claim, &nothing, &e) == 0 &&
		e.outcome == EXCHANGE_ANSWERED)
		(void)read_reply(c, buf_span(&e.body), ret_reply);
	found = soap_found(&e, *ret_reply, ret);
	buf_done(&e.body);
	return found;
}

void deliver_soap(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret)
{
	_cleanup_json_ json_t *reply = NULL;

	*ret = (struct delivery_attempt){ 0 };
	if (claim->look_up && soap_look_up(c, claim, &reply, ret) != 0)
		return;
	ret->absent = true;
	if (claim->ended) {
		attempt_set(ret, DELIVERY_EXPIRED, "not there, and %s meanwhile",
			document_state_text((enum document_state)claim->document.state));
		return;
	}
	/* looked up and not there: only now is it known that it can expire */
	if (claim->look_up && retry_is_over(c->profile, claim, clock_now()))
		attempt_set(ret, DELIVERY_EXPIRED, "not there, and tried for too long");
	else if (!content->wanted.len)
		attempt_impossible(ret);
	else
		submit(c, claim, content, ret);
}
