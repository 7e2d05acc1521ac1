/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents whose time is over: which they are, and who may erase them. */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

/* Documents of one answer: few enough not to keep others waiting. */
#define LOOK_MAX 256

/* Why a document stays. */
enum stays {
	UNDECIDED = 0,
	GOES,
	YOUNG,
	UNENDED,
	HELD,
	ELSEWHERE,
	GONE,
	REFUSED, /* at its claim: its erasure would be, too */
	STAYS,
};

static const char *const STAYS_TEXT[STAYS] = { [YOUNG] = "young",
	[UNENDED] = "open",
	[HELD] = "legal_hold",
	[ELSEWHERE] = "claimed",
	[GONE] = "erased",
	[REFUSED] = "kept" };

struct looked {
	struct document_row d;
	int64_t seconds; /* its period; 0: it is kept for ever */
	enum stays why;
};

static int64_t period(
	const struct queue_retention_request *q, const struct queue_document *d)
{
	if (d->state == DOCUMENT_REFUSED)
		return q->refused_s;
	for (uint32_t i = 0; i < q->rule_count; i++)
		if (strcmp(q->rules[i].type, d->type) == 0)
			return q->rules[i].seconds;
	return q->other_s;
}

/* A clock that jumped ahead may have left records behind it, but none so long ago; and by
 * when it has, somebody has seen it. */
#define PROVEN_FROM_S (30 * INT64_C(86400))
#define PROVEN_TO_S (7 * INT64_C(86400))

int retention_clock(
	struct engine *e, int64_t now, const struct queue_retention_request *q)
{
	return q->clock_confirmed
		       ? 1
		       : audit_between(e, now - PROVEN_FROM_S, now - PROVEN_TO_S);
}

bool retention_over(const struct queue_retention_request *q, const struct document_row *d,
	int64_t now, int64_t seconds)
{
	int64_t ahead =
		q->verb == QUEUE_RETENTION_PLAN || q->clock_confirmed ? 0 : PROVEN_FROM_S;

	return now - d->document.received >= seconds + ahead;
}

bool retention_unended(const struct queue_document *d)
{
	return d->state == DOCUMENT_HELD || d->state == DOCUMENT_ACCEPTED ||
	       d->state == DOCUMENT_QUARANTINED;
}

static void judge(struct row *s, int64_t now, const struct queue_retention_request *q,
	struct looked *ret)
{
	document_read(s, &ret->d);
	ret->seconds = period(q, &ret->d.document);
	if (sql_int(s, RETENTION_ERASED))
		ret->why = GONE;
	else if (!ret->seconds || !retention_over(q, &ret->d, now, ret->seconds))
		ret->why = YOUNG;
	else if (retention_unended(&ret->d.document) || sql_int(s, RETENTION_OPEN))
		ret->why = UNENDED;
	else if (sql_int(s, RETENTION_KEPT))
		ret->why = HELD;
	else
		ret->why = sql_int(s, RETENTION_CLAIMED) > now ? ELSEWHERE : GOES;
}

/* As many as one answer is about: one that is claimed ends it, so that its lease is its
 * own. */
static int look(struct engine *e, int64_t now, const struct queue_retention_request *q,
	struct looked ret[LOOK_MAX])
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_RETENTION_NEXT, "ii", q->after, (int64_t)LOOK_MAX);
	int n = 0, r = 0;

	while (n < LOOK_MAX && (r = sql_step(e, s)) > 0) {
		judge(s, now, q, &ret[n++]);
		if (q->verb == QUEUE_RETENTION_CLAIM && ret[n - 1].why == GOES)
			break;
	}
	return r < 0 ? r : n;
}

/* *ret_fence: 0 when another was quicker. Return: 0 or negative. */
static int take(struct engine *e, int64_t now, const struct queue_retention_request *q,
	const struct looked *l, int64_t *ret_fence)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_ERASURE_CLAIM, "iiiti",
		l->d.key, now, now + (int64_t)q->lease_s, q->policy, l->seconds);
	int r = sql_step(e, s);

	*ret_fence = r > 0 ? sql_int(s, 0) : 0;
	if (r <= 0)
		return r;
	/* its container gets nothing newer while it is archived */
	return sql_run(e, SQL_RENEWAL_YIELD, "ii", l->d.key, now + (int64_t)q->lease_s);
}

/* What would not be erased is not archived either, at each run anew. Return: 0 or
 * negative. */
static int claim(struct engine *e, int64_t now, const struct queue_retention_request *q,
	struct looked *l, int64_t *ret_fence)
{
	int r = retention_may_go(e, &l->d);

	if (r == QUEUE_ILLEGAL)
		l->why = REFUSED;
	if (r != QUEUE_DONE)
		return r < 0 ? r : 0;
	r = take(e, now, q, l, ret_fence);
	if (r == 0 && !*ret_fence)
		l->why = ELSEWHERE;
	return r;
}

static int add(json_t *list, const struct looked *l, int64_t fence)
{
	const struct queue_document *d = &l->d.document;

	return json_array_append_new(list,
		json_pack("{s:s,s:o,s:o,s:o,s:o,s:s,s:o,s:I,s:I,s:I}", "id", d->id,
			"partner", json_text(d->partner), "country",
			json_text(d->country), "type", json_text(d->type), "number",
			json_text(d->number), "state",
			document_state_text((enum document_state)d->state), "received",
			json_time(d->received), "size", (json_int_t)d->size, "seconds",
			(json_int_t)l->seconds, "fence", (json_int_t)fence));
}

static bool lawful(int64_t seconds)
{
	return seconds == 0 || seconds >= QUEUE_RETENTION_MIN_S;
}

static bool request_ok(const struct queue_retention_request *q)
{
	bool ok = strlen(q->policy) == SHA256_TEXT_SIZE - 1 && q->after >= 0 &&
		  lawful(q->other_s) && q->refused_s >= 0 &&
		  q->rule_count <= QUEUE_RETENTION_RULES_MAX;

	for (uint32_t i = 0; ok && i < q->rule_count; i++)
		ok = q->rules[i].seconds && lawful(q->rules[i].seconds);
	if (q->verb == QUEUE_RETENTION_CLAIM)
		ok = ok && q->lease_s > 0 && q->lease_s <= QUEUE_LEASE_MAX_S;
	return ok;
}

static json_t *step_to_json(
	int64_t after, bool more, int looked, const int why[STAYS], json_t *list)
{
	json_t *value = json_pack("{s:I,s:b,s:i,s:O}", "after", (json_int_t)after, "more",
		more, "looked", looked, "documents", list);

	for (int i = GOES + 1; value && i < STAYS; i++)
		json_object_set_new(value, STAYS_TEXT[i], json_integer(why[i]));
	return value;
}

int engine_retention(struct engine *e, int64_t now,
	const struct queue_retention_request *q, int *ret_fd)
{
	bool claims = q->verb == QUEUE_RETENTION_CLAIM, more, one;
	_cleanup_json_ json_t *list = json_array();
	struct looked l[LOOK_MAX];
	int why[STAYS] = { 0 }, n, i = 0, r = 0;
	int64_t after = q->after, fence = 0;

	if (!request_ok(q))
		return QUEUE_ILLEGAL;
	n = look(e, now, q, l);
	one = claims && n > 0 && l[n - 1].why == GOES;
	/* A gate from which nothing would go has nobody to ask about its clock. */
	r = one ? retention_clock(e, now, q) : 1;
	if (r <= 0)
		return r < 0 ? r
			     : json_to_fd(json_pack("{s:s,s:b,s:[]}", "clock", "unproven",
						  "more", 0, "documents"),
				       ret_fd);
	r = 0;
	more = n == LOOK_MAX || one;
	for (; i < n; i++) {
		if (claims && l[i].why == GOES)
			r = claim(e, now, q, &l[i], &fence);
		why[l[i].why]++;
		if (r == 0 && (l[i].why == GOES || l[i].why == REFUSED))
			r = add(list, &l[i], fence);
		if (r < 0)
			return r;
		after = l[i].d.key;
	}
	return n < 0 ? n : json_to_fd(step_to_json(after, more, n, why, list), ret_fd);
}

int erased_at(struct engine *e, int64_t document, int64_t *ret_at)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_ERASED_AT, "i", document);
	int r = sql_step(e, s);

	*ret_at = r > 0 ? sql_int(s, 0) : 0;
	return r < 0 ? r : 0;
}
