/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/stamp.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/log.h"
#include "pki/token.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#define TIMEOUT_MAX_MS 10000
#define TIMEOUT_MIN_MS 500

/* One query to one authority. */
struct query {
	struct seal_tools *tools;
	size_t index;
	const struct authority *authority;
	struct span octets;
	uint8_t digest[SHA256_SIZE];
	uint64_t nonce;
	uint8_t *token; /* owned */
	size_t token_len;
	int64_t gen_time;
	char *reason;
	size_t size;
};

static enum tsa_answer say(
	struct query *q, enum tsa_answer answer, const char *what, const char *why)
{
	(void)snprintf(q->reason, q->size, "%s: %s%s%s", q->authority->name, what,
		*why ? ": " : "", why);
	return answer;
}

/* All authorities together may use at most a third of the lease: signing and validating
 * follow. */
static struct tsa *connection(struct query *q)
{
	struct seal_house *house = q->tools->house;
	struct tsa **tsa = &q->tools->tsa[q->index];
	int ms = house->lease_s * 1000 / 3 / (int)house->authorities.count;

	if (ms > TIMEOUT_MAX_MS)
		ms = TIMEOUT_MAX_MS;
	if (ms < TIMEOUT_MIN_MS)
		ms = TIMEOUT_MIN_MS;
	if (!*tsa)
		*tsa = tsa_new(q->authority->url, house->proxy ? house->proxy : "", ms,
			house->daemon);
	return *tsa;
}

static enum tsa_answer read_reply(struct query *q, struct span reply)
{
	_cleanup_(freep) char *refusal = NULL;
	int r = token_response(
		reply, q->digest, q->nonce, &q->token, &q->token_len, &refusal);

	if (r > 0)
		return TSA_GRANTED;
	if (r < 0)
		return say(q, TSA_SILENT, "the reply", strerror(-r));
	switch (token_refusal_of(reply)) {
	case TOKEN_REFUSAL_NOW:
		return say(q, TSA_SILENT, refusal ? refusal : "not now", "");
	case TOKEN_REFUSAL_ALWAYS:
		return say(q, TSA_REFUSED, refusal ? refusal : "refused", "");
	case TOKEN_REFUSAL_NONE:
	default:
		return say(q, TSA_WRONG, refusal ? refusal : "a wrong reply", "");
	}
}

static enum tsa_answer ask(struct query *q)
{
	const char *policy = q->authority->policy[0] ? q->authority->policy : NULL;
	struct tsa *tsa = connection(q);
	_cleanup_(freep) uint8_t *der = NULL;
	char why[AUTHORITY_REASON_SIZE] = "";
	_cleanup_buf_ struct buf reply;
	bool lasting = false;
	size_t len = 0;
	int r = token_request_for(q->digest, q->nonce, policy, &der, &len);

	buf_init(&reply, TSA_REPLY_MAX);
	if (r < 0 || !tsa)
		return say(q, TSA_SILENT, "no query", strerror(r < 0 ? -r : ENOMEM));
	if (!tsa_ask(tsa, span_of(der, len), &reply, &lasting, why, sizeof(why)))
		return say(q, lasting ? TSA_REFUSED : TSA_SILENT, "no reply", why);
	return read_reply(q, buf_span(&reply));
}

static enum tsa_answer judge(struct query *q, const struct token_result *t)
{
	const char *policy = q->authority->policy;

	if (t->outcome != TOKEN_PASSED)
		return say(q, TSA_WRONG, "the token is not proven",
			t->reason ? t->reason : "");
	if (policy[0] && (!t->policy || strcmp(t->policy, policy) != 0))
		return say(q, TSA_WRONG, "the token is of another policy",
			t->policy ? t->policy : "none");
	q->gen_time = t->gen_time;
	if (!clock_guard_agrees(clock_now(), t->gen_time, q->authority->max_skew_s,
		    q->reason, q->size))
		return TSA_SKEWED;
	return TSA_GRANTED;
}

static enum tsa_answer prove(struct query *q)
{
	char why[AUTHORITY_REASON_SIZE] = "";
	struct anchors *anchors = &q->tools->house->anchors;
	const struct pki_material *material = anchors_borrow(anchors, why, sizeof(why));
	struct token_result result = { 0 };
	enum tsa_answer answer;
	int r;

	if (!material)
		return say(q, TSA_SILENT, "no anchors", why);
	r = token_verify(span_of(q->token, q->token_len), q->octets, material,
		clock_now(), &result);
	anchors_release(anchors);
	if (r < 0)
		return say(q, TSA_SILENT, "the token", strerror(-r));
	answer = judge(q, &result);
	token_result_done(&result);
	return answer;
}

/* Ask one authority and tell the pool what came of it. */
static enum tsa_answer try_one(struct query *q)
{
	struct seal_house *house = q->tools->house;
	enum tsa_answer answer;

	if (getrandom(&q->nonce, sizeof(q->nonce), 0) != (ssize_t)sizeof(q->nonce))
		return say(q, TSA_UNDECIDED, "no nonce", "");
	answer = ask(q);
	if (answer == TSA_GRANTED)
		answer = prove(q);
	if (answer != TSA_GRANTED) {
		free(TAKE(q->token));
		if (daemon_wait(house->daemon, 0))
			answer = TSA_STOPPED;
	}
	authorities_said(&house->authorities, q->index, answer,
		answer == TSA_GRANTED ? "" : q->reason);
	return answer;
}

/* What one authority does wrong is said even when another one does it right. */
static void report(const struct query *q, enum tsa_answer answer)
{
	if (answer == TSA_SILENT)
		log_event(LOG_WARNING, "seal.tsa-silent", NULL, "%s", q->reason);
	else if (answer != TSA_STOPPED)
		log_event(LOG_ERR, "seal.tsa-fault", NULL, "%s (%s)", q->reason,
			tsa_answer_text(answer));
}

enum stamp stamp_octets(struct seal_tools *t, struct span octets, uint8_t **ret_token,
	size_t *ret_len, int64_t *ret_gen_time, char *ret_reason, size_t size)
{
	struct query q = {
		.tools = t, .octets = octets, .reason = ret_reason, .size = size
	};
	struct authorities *all = &t->house->authorities;
	enum stamp outcome = STAMP_NONE;
	unsigned int tried = 0;
	int i;

	if (digest_sha256(octets, q.digest) < 0)
		return STAMP_NONE;
	while ((i = authorities_next(all, tried, ret_reason, size)) >= 0) {
		enum tsa_answer answer;

		tried |= 1u << i;
		q.index = (size_t)i;
		q.authority = &all->list[i];
		answer = try_one(&q);
		if (answer == TSA_GRANTED) {
			*ret_token = q.token;
			*ret_len = q.token_len;
			*ret_gen_time = q.gen_time;
			return STAMP_MADE;
		}
		report(&q, answer);
		if (answer == TSA_STOPPED)
			return STAMP_NONE;
		if (answer == TSA_SKEWED)
			outcome = STAMP_SKEWED;
	}
	return outcome;
}
