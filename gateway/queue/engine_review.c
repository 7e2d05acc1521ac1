/* SPDX-License-Identifier: EUPL-1.2 */
/* Releases that take two people: one proposes, another confirms. */
#include "common/json.h"
#include "queue/acts.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

struct proposal {
	struct queue_selection selection;
	int64_t since, until;
	struct act_review by;
	char state[16];
	char second[QUEUE_KEY_SIZE]; /* "" while it is open */
};

static void read_proposal(struct row *s, int64_t number, struct proposal *ret)
{
	*ret = (struct proposal){ .selection.before = sql_int(s, 3),
		.since = sql_int(s, 4),
		.until = sql_int(s, 5),
		.by = { .proposal = number, .since = sql_int(s, 4) } };
	sql_text(s, 0, ret->selection.id, sizeof(ret->selection.id));
	sql_text(s, 1, ret->selection.partner, sizeof(ret->selection.partner));
	sql_text(s, 2, ret->selection.destination, sizeof(ret->selection.destination));
	sql_text(s, 6, ret->by.by, sizeof(ret->by.by));
	sql_text(s, 7, ret->by.reason, sizeof(ret->by.reason));
	sql_text(s, 8, ret->state, sizeof(ret->state));
	sql_text(s, 9, ret->second, sizeof(ret->second));
}

/* Would a release let anything of the document go now? Return: 1, 0, negative. */
static int held_here(
	struct engine *e, const struct document_row *doc, const char *destination)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int count = delivery_list(e, doc->key, rows);

	if (!*destination && doc->document.state == DOCUMENT_HELD)
		return 1;
	for (int i = 0; i < count; i++)
		if ((!*destination || strcmp(destination, rows[i].destination) == 0) &&
			(rows[i].state == DELIVERY_HELD || rows[i].hold))
			return 1;
	return count < 0 ? count : 0;
}

/* Return: QUEUE_DONE with the document of a selection that names one, QUEUE_ILLEGAL when
 * nothing of it is held, or as document_find. */
static int find_held(
	struct engine *e, const struct queue_selection *s, struct document_row *ret)
{
	int r;

	if (!s->id[0])
		return QUEUE_DONE;
	r = document_find(e, s->id, ret);
	if (r != QUEUE_DONE)
		return r;
	r = held_here(e, ret, s->destination);
	return r < 0 ? r : r ? QUEUE_DONE : QUEUE_ILLEGAL;
}

/* Return: QUEUE_DONE one more has its place, QUEUE_DUPLICATE, QUEUE_FULL, negative. */
static int room(struct engine *e, int64_t now, const struct queue_selection *s)
{
	_cleanup_statement_ struct row *q = sql_bind(
		e, SQL_REVIEW_SAME, "ittt", now, s->id, s->partner, s->destination);
	int r = sql_step(e, q);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	if (sql_int(q, 1) > 0)
		return QUEUE_DUPLICATE;
	return sql_int(q, 0) >= QUEUE_REVIEWS_MAX ? QUEUE_FULL : QUEUE_DONE;
}

static int insert(
	struct engine *e, const struct queue_propose_request *q, struct proposal *p)
{
	const struct queue_selection *s = &p->selection;
	_cleanup_statement_ struct row *row = sql_bind(e, SQL_REVIEW_PROPOSE, "tttiiitt",
		s->id, s->partner, s->destination, s->before, p->since, p->until,
		q->operator_name, q->reason);
	int r = sql_step(e, row);

	if (r > 0)
		p->by.proposal = sql_int(row, 0);
	return r < 0 ? r : r ? QUEUE_DONE : -EIO;
}

/* What was proposed; of many, which. */
static json_t *tell(const struct proposal *p)
{
	const struct queue_selection *s = &p->selection;
	json_t *told = json_pack("{s:I,s:o}", "proposal", (json_int_t)p->by.proposal,
		"destination", json_text(s->destination));

	if (!s->id[0]) {
		json_object_set_new(told, "partner", json_text(s->partner));
		json_object_set_new(told, "before", json_time(s->before));
	}
	return told;
}

int engine_propose(
	struct engine *e, int64_t now, const struct queue_propose_request *q, int *ret_fd)
{
	struct proposal p = { .selection = q->selection, .since = now };
	struct document_row doc;
	json_t *detail;
	int r;

	if (!q->operator_name[0] || !q->reason[0] || q->seconds <= 0 ||
		q->seconds > QUEUE_REVIEW_MAX_S || q->selection.before < 0)
		return QUEUE_ILLEGAL;
	p.until = now + q->seconds;
	if (p.selection.before == 0 || p.selection.before > now)
		p.selection.before = now + 1; /* what is there, not what is to come */
	r = find_held(e, &p.selection, &doc);
	if (r == QUEUE_DONE)
		r = room(e, now, &p.selection);
	if (r == QUEUE_DONE)
		r = insert(e, q, &p);
	if (r != QUEUE_DONE)
		return r;
	detail = tell(&p);
	json_object_set_new(detail, "reason", json_text(q->reason));
	json_object_set_new(detail, "until", json_time(p.until));
	r = audit_event(e, now, q->operator_name, "operator.release-proposed",
		p.selection.id[0] ? &doc : NULL, detail);
	return r < 0 ? r
		     : json_to_fd(json_pack("{s:I,s:o}", "proposal",
					  (json_int_t)p.by.proposal, "until",
					  json_time(p.until)),
			       ret_fd);
}

/* Return: QUEUE_DONE and it is locked, QUEUE_NOT_FOUND, QUEUE_STALE, negative. */
static int find(struct engine *e, int64_t now, int64_t number, struct proposal *ret)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_REVIEW_FIND, "i", number);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	read_proposal(s, number, ret);
	if (strcmp(ret->state, "open") != 0 && strcmp(ret->state, "confirmed") != 0)
		return QUEUE_NOT_FOUND;
	/* who confirmed many does not go on with them for ever */
	return ret->until > now ? QUEUE_DONE : QUEUE_STALE;
}

static int become(struct engine *e, int64_t now, const struct queue_review_request *q,
	const char *state)
{
	int r = sql_run(e, SQL_REVIEW_BECOME, "ittti", q->proposal, state,
		q->operator_name, q->reason, now);

	return r < 0 ? r : QUEUE_DONE;
}

/* The record of a decision that has no other one. */
static int record(struct engine *e, int64_t now, const struct queue_review_request *q,
	const struct proposal *p, const char *event)
{
	struct document_row doc;
	json_t *detail;
	int r = p->selection.id[0] ? document_find(e, p->selection.id, &doc) : QUEUE_DONE;

	if (r != QUEUE_DONE)
		return r;
	detail = tell(p);
	act_review_add(detail, &p->by);
	json_object_set_new(detail, "reason", json_text(q->reason));
	r = audit_event(e, now, q->operator_name, event, p->selection.id[0] ? &doc : NULL,
		detail);
	return r < 0 ? r : QUEUE_DONE;
}

static int decline(struct engine *e, int64_t now, const struct queue_review_request *q,
	const struct proposal *p, int *ret_fd)
{
	int r = strcmp(p->state, "open") == 0 ? become(e, now, q, "declined")
					      : QUEUE_NOT_FOUND;

	if (r == QUEUE_DONE)
		r = record(e, now, q, p, "operator.release-declined");
	return r == QUEUE_DONE ? json_to_fd(tell(p), ret_fd) : r;
}

static int release_one(struct engine *e, int64_t now,
	const struct queue_review_request *q, const struct proposal *p, int *ret_fd)
{
	struct queue_control_request c = { .verb = QUEUE_RELEASE };
	int r;

	memcpy(c.id, p->selection.id, sizeof(c.id));
	memcpy(c.destination, p->selection.destination, sizeof(c.destination));
	memcpy(c.operator_name, q->operator_name, sizeof(c.operator_name));
	memcpy(c.reason, q->reason, sizeof(c.reason));
	r = control_reviewed(e, now, &c, &p->by);
	if (r == QUEUE_DONE)
		r = become(e, now, q, "done");
	return r == QUEUE_DONE ? json_to_fd(tell(p), ret_fd) : r;
}

/* Some of many; whoever asked for them asks again while there is more. */
static int release_many(struct engine *e, int64_t now,
	const struct queue_review_request *q, const struct proposal *p, int *ret_fd)
{
	struct queue_act_request a = { .verb = QUEUE_RELEASE, .selection = p->selection };
	json_t *answer;
	int r = QUEUE_DONE;

	a.selection.state = q->state;
	a.selection.after = q->after;
	memcpy(a.operator_name, q->operator_name, sizeof(a.operator_name));
	memcpy(a.reason, q->reason, sizeof(a.reason));
	if (strcmp(p->state, "open") == 0)
		r = record(e, now, q, p, "operator.release-confirmed");
	if (r == QUEUE_DONE)
		r = act_some(e, now, &a, &p->by, &answer);
	if (r != QUEUE_DONE)
		return r;
	json_object_set_new(answer, "proposal", json_integer(q->proposal));
	r = become(e, now, q,
		json_is_true(json_object_get(answer, "more")) ? "confirmed" : "done");
	if (r == QUEUE_DONE)
		return json_to_fd(answer, ret_fd);
	json_decref(answer);
	return r;
}

int engine_review(
	struct engine *e, int64_t now, const struct queue_review_request *q, int *ret_fd)
{
	struct proposal p;
	int r;

	if ((q->verb != QUEUE_CONFIRM && q->verb != QUEUE_DECLINE) ||
		!q->operator_name[0] || !q->reason[0])
		return QUEUE_ILLEGAL;
	r = find(e, now, q->proposal, &p);
	if (r != QUEUE_DONE)
		return r;
	if (q->verb == QUEUE_DECLINE)
		return decline(e, now, q, &p, ret_fd);
	if (strcmp(q->operator_name, p.by.by) == 0)
		return QUEUE_CONFLICT;
	if (p.second[0] && strcmp(q->operator_name, p.second) != 0)
		return QUEUE_NOT_FOUND;
	return p.selection.id[0] ? release_one(e, now, q, &p, ret_fd)
				 : release_many(e, now, q, &p, ret_fd);
}

int64_t reviews_waiting(struct engine *e, int64_t now)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_REVIEW_SAME, "ittt", now, "", "", "");
	int r = sql_step(e, s);

	return r <= 0 ? (r < 0 ? r : -EIO) : sql_int(s, 0);
}

static json_t *listed(const struct proposal *p)
{
	json_t *told = tell(p);

	json_object_set_new(told, "id", json_text(p->selection.id));
	json_object_set_new(told, "since", json_time(p->since));
	json_object_set_new(told, "until", json_time(p->until));
	json_object_set_new(told, "by", json_text(p->by.by));
	json_object_set_new(told, "reason", json_text(p->by.reason));
	json_object_set_new(told, "state", json_text(p->state));
	if (p->second[0])
		json_object_set_new(told, "confirmed_by", json_text(p->second));
	return told;
}

int engine_reviews(struct engine *e, int64_t now, int *ret_fd)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_REVIEW_LIST, "i", now);
	_cleanup_json_ json_t *list = json_array();
	struct proposal p;
	int r;

	while ((r = sql_step(e, s)) > 0) {
		read_proposal(s, sql_int(s, 10), &p);
		if (json_array_append_new(list, listed(&p)) < 0)
			return -ENOMEM;
	}
	return r < 0 ? r : json_to_fd(TAKE(list), ret_fd);
}
