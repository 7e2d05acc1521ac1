/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/json.h"

#include <stdio.h>
#include <string.h>

/* What the container is to its destination: information, or that there is none any more.
 */
static const char *information_of(
	const struct courier *c, const struct queue_claim *claim)
{
	if (claim_is(claim, NOTICE_CLEARED))
		return "cleared";
	return claim->relation == RELATION_WITHDRAWS ? "withdrawn"
						     : c->profile->information;
}

/* The same key for every attempt of one delivery: the destination answers a repetition
 * with its first acknowledgement, so an unknown outcome is looked up by sending again. */
static void key_of(
	const struct courier *c, const struct queue_claim *claim, char *ret, size_t size)
{
	snprintf(ret, size, "%s-%s", claim->document.id, information_of(c, claim));
}

/* Their own words come back to them in a header: only when they fit into one. */
static bool fits_header(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p < 0x20 || *p == 0x7F)
			return false;
	return *text;
}

/* Which document it withdraws or replaces, and what that one is called over there. */
static struct curl_slist *add_original(
	struct curl_slist *headers, const struct queue_claim *claim)
{
	char line[512];

	snprintf(line, sizeof(line), "X-Original-%s: %s",
		claim->relation == RELATION_WITHDRAWS ? "Withdrawn" : "Replaced",
		claim->original);
	headers = curl_slist_append(headers, line);
	if (!fits_header(claim->original_reply))
		return headers;
	snprintf(line, sizeof(line), "X-Original-Acknowledgement: %s",
		claim->original_reply);
	return curl_slist_append(headers, line);
}

static struct curl_slist *headers_of(
	const struct courier *c, const struct queue_claim *claim)
{
	struct curl_slist *headers = NULL;
	char key[128], line[256];

	key_of(c, claim, key, sizeof(key));
	headers = curl_slist_append(
		headers, c->profile->inside == PROFILE_INSIDE_NONE
				 ? "Content-Type: application/vnd.etsi.asic-e+zip"
				 : "Content-Type: application/xml");
	headers = curl_slist_append(headers, "Expect:");
	snprintf(line, sizeof(line), "Idempotency-Key: %s", key);
	headers = curl_slist_append(headers, line);
	snprintf(line, sizeof(line), "X-Document-Number: %s", claim->document.number);
	headers = curl_slist_append(headers, line);
	snprintf(line, sizeof(line), "X-Document-Type: %s", claim->document.type);
	headers = curl_slist_append(headers, line);
	snprintf(
		line, sizeof(line), "X-Information-Status: %s", information_of(c, claim));
	headers = curl_slist_append(headers, line);
	return claim->relation ? add_original(headers, claim) : headers;
}

static void take_acknowledgement(struct courier *c, const struct destination_answer *e,
	const char *information, struct delivery_attempt *a)
{
	_cleanup_json_ json_t *reply = NULL;
	const char *id = NULL;

	if (read_reply(c, buf_span(&e->body), &reply) > 0)
		id = json_string_of(reply, "id");
	if (!id) {
		attempt_set(a, DELIVERY_UNKNOWN, "HTTP %ld without an acknowledgement",
			e->http_status);
		return;
	}
	snprintf(a->reply_id, sizeof(a->reply_id), "%s", id);
	attempt_set(a, DELIVERY_DELIVERED, "%s acknowledged as %s information", id,
		information);
}

static void judge(struct courier *c, const struct queue_claim *claim,
	const struct destination_answer *e, struct delivery_attempt *a)
{
	long status = e->http_status;

	a->retry_after_s = e->retry_after_s;
	if (e->outcome == EXCHANGE_NOT_SENT)
		attempt_set(a, DELIVERY_DEFERRED, "%s", e->error);
	else if (e->outcome != EXCHANGE_ANSWERED)
		attempt_set(a, DELIVERY_UNKNOWN, "%s", e->error);
	else if (status == 200 || status == 201)
		take_acknowledgement(c, e, information_of(c, claim), a);
	else if (status == 400 || status == 409 || status == 413 || status == 415 ||
		 status == 422)
		attempt_set(a, DELIVERY_REFUSED, "HTTP %ld", status);
	else
		attempt_set(a, DELIVERY_DEFERRED, "HTTP %ld", status);
}

void deliver_push(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret)
{
	struct curl_slist *headers = headers_of(c, claim);
	struct destination_answer e = { 0 };
	struct span body = content->sealed.len ? content->sealed : content->container;

	*ret = (struct delivery_attempt){ 0 };
	if (headers && exchange(c, c->profile->url, headers, body, &e) == 0)
		judge(c, claim, &e, ret);
	else
		attempt_set(ret, DELIVERY_DEFERRED, "out of memory");
	buf_done(&e.body);
	curl_slist_free_all(headers);
}
