/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/forward.h"

#include "common/clock.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

bool claim_is(const struct queue_claim *claim, const char *notice)
{
	const char *at = strchr(claim->destination, DESTINATION_NOTICE);

	return at && strcmp(at, notice) == 0;
}

/* Asking less and less often: most decisions come soon or take days. */
static int64_t ask_again_in(const struct profile *p, uint32_t attempt)
{
	int64_t delay = p->decision.first_s;

	for (uint32_t i = 1; i < attempt && delay < p->decision.max_s; i++)
		delay *= 2;
	return delay < p->decision.max_s ? delay : p->decision.max_s;
}

static bool asked_too_long(
	const struct profile *p, const struct queue_claim *claim, int64_t now)
{
	return claim->first_try && now - claim->first_try > p->decision.expire_s &&
	       claim->attempt >=
		       (uint32_t)(p->decision.expire_s / (2 * p->decision.max_s));
}

static void undecided(
	struct courier *c, const struct queue_claim *claim, struct delivery_attempt *a)
{
	if (asked_too_long(c->profile, claim, clock_now())) {
		attempt_set(a, DELIVERY_EXPIRED, "no decision, and asked for too long");
		return;
	}
	a->retry_after_s = ask_again_in(c->profile, claim->attempt);
	a->answered = true;
	attempt_set(a, DELIVERY_DEFERRED, "no decision yet");
}

void ask_decision(
	struct courier *c, const struct queue_claim *claim, struct delivery_attempt *ret)
{
	_cleanup_json_ json_t *reply = NULL;
	const char *decision, *status;
	int found;

	/* asking leaves nothing there */
	*ret = (struct delivery_attempt){ .absent = true };
	found = soap_look_up(c, claim, &reply, ret);
	decision = json_string_of(reply, "decision");
	status = json_string_of(reply, "status");
	if (found < 0) {
		/* what is unknown is asked again */
		ret->state = DELIVERY_DEFERRED;
	} else if (found == 0 || !decision) {
		undecided(c, claim, ret);
	} else {
		ret->favourable = strcmp(decision, "favourable") == 0;
		attempt_set(ret, ret->favourable ? DELIVERY_DELIVERED : DELIVERY_REFUSED,
			"%s: %s", decision, status ? status : "");
	}
}

static void add_told(const struct courier *c, struct queue_followed *ret)
{
	for (size_t i = 0;
		i < c->profiles->count && ret->tell_count < QUEUE_DESTINATIONS_MAX; i++)
		if (c->profiles->list[i].cleared)
			memcpy(ret->tell[ret->tell_count++], c->profiles->list[i].name,
				DESTINATION_NAME_SIZE);
}

void follow(const struct courier *c, const struct queue_claim *claim,
	const struct delivery_attempt *a, int64_t now, struct queue_followed *ret)
{
	*ret = (struct queue_followed){ 0 };
	if (c->profile->protocol == PROFILE_PULL) {
		ret->what = FOLLOW_FEED;
		return;
	}
	if (claim_is(claim, NOTICE_DECISION) && a->favourable) {
		ret->what = FOLLOW_CLEARED;
		add_told(c, ret);
	} else if (!strchr(claim->destination, DESTINATION_NOTICE) &&
		   c->profile->decision.favourable &&
		   claim->relation != RELATION_WITHDRAWS) {
		ret->what = FOLLOW_DECISION;
		ret->at = now + c->profile->decision.first_s;
	}
}
