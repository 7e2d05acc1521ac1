/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/cleanup.h"
#include "common/clock.h"
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
	const struct courier *c, const struct queue_claim *claim, bool container)
{
	struct curl_slist *headers = NULL;
	char key[128], line[256];

	key_of(c, claim, key, sizeof(key));
	headers = curl_slist_append(
		headers, container ? "Content-Type: application/vnd.etsi.asic-e+zip"
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

/* Send one form of it. */
static void send_form(struct courier *c, const struct queue_claim *claim,
	struct span body, bool container, struct delivery_attempt *ret)
{
	struct curl_slist *headers = headers_of(c, claim, container);
	struct destination_answer e = { 0 };
	_cleanup_json_ json_t *reply = NULL;

	*ret = (struct delivery_attempt){ 0 };
	if (headers && exchange(c, c->profile->url, headers, body, &e) == 0) {
		if (e.outcome == EXCHANGE_ANSWERED)
			(void)read_reply(c, buf_span(&e.body), &reply);
		push_answer(&e, reply, claim->look_up, ret);
	} else {
		attempt_set(ret, claim->look_up ? DELIVERY_UNKNOWN : DELIVERY_DEFERRED,
			"out of memory");
	}
	if (ret->state == DELIVERY_DELIVERED)
		attempt_set(ret, DELIVERY_DELIVERED, "%s acknowledged as %s information",
			ret->reply_id, information_of(c, claim));
	buf_done(&e.body);
	curl_slist_free_all(headers);
}

/* Ask what is there under the key. Return: as soap_found(). */
static int ask_for(
	struct courier *c, const struct queue_claim *claim, struct delivery_attempt *ret)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
	const struct span nothing = { 0 };
	struct destination_answer e = { 0 };
	_cleanup_json_ json_t *reply = NULL;
	_cleanup_(freep) char *url = NULL;
	char key[128], *escaped;
	int found;

	key_of(c, claim, key, sizeof(key));
	escaped = curl_easy_escape(c->curl, key, 0);
	if (!escaped || asprintf(&url, "%s/%s", c->profile->url, escaped) < 0)
		url = NULL;
	curl_free(escaped);
	if (url && headers && exchange(c, url, headers, nothing, &e) == 0 &&
		e.outcome == EXCHANGE_ANSWERED)
		(void)read_reply(c, buf_span(&e.body), &reply);
	found = push_found(&e, reply, ret);
	buf_done(&e.body);
	curl_slist_free_all(headers);
	return found;
}

/* It is not there. Return: whether it may be sent. */
static bool may_be_sent(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret)
{
	if (claim->ended)
		attempt_set(ret, DELIVERY_EXPIRED, "not there, and %s meanwhile",
			document_state_text((enum document_state)claim->document.state));
	else if (!claim->look_up)
		return true;
	else if (retry_is_over(c->profile, claim, clock_now()))
		attempt_set(ret, DELIVERY_EXPIRED, "not there, and tried for too long");
	else if (!content->wanted.len)
		attempt_impossible(ret);
	else
		return true;
	return false;
}

/* A repetition of what was sent is answered by the first acknowledgement. Another form
 * would be a message of its own: refused though one is there, or taken as the first. So
 * what may have arrived is sent again, whatever is wanted by now. */
static void repeat(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret)
{
	uint32_t form = claim->form ? claim->form : form_wanted(c->profile);

	if (form > DELIVERY_FORMS || !content->forms[form - 1].len)
		attempt_set(ret, DELIVERY_REFUSED,
			"what an earlier attempt may have carried there cannot be had "
			"any "
			"more");
	else
		send_form(c, claim, content->forms[form - 1],
			form - 1 == PROFILE_INSIDE_NONE, ret);
}

void deliver_push(struct courier *c, const struct queue_claim *claim,
	const struct delivery_content *content, struct delivery_attempt *ret)
{
	struct queue_claim first = *claim;

	*ret = (struct delivery_attempt){ 0 };
	if (claim->look_up && !c->profile->look_up) {
		repeat(c, claim, content, ret);
		return;
	}
	if (claim->look_up && ask_for(c, claim, ret) != 0)
		return;
	if (may_be_sent(c, claim, content, ret)) {
		first.look_up = 0;
		send_form(c, &first, content->wanted,
			c->profile->inside == PROFILE_INSIDE_NONE, ret);
		ret->form = form_wanted(c->profile);
	}
	ret->absent = true;
}
