/* SPDX-License-Identifier: EUPL-1.2 */
/* What keeps documents from being erased, by named persons; where retention stands. */
#include "common/clock.h"
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

/* Ids or documents at once, and how often for one who asks, and no longer. */
#define LOOK_AT_ONCE 200
#define LOOK_TIMES 5
#define LOOK_MS 5

#define HOLDS_MAX 1000 /* of one answer */
#define KEEPS_MAX 2000 /* documents at once for whoever asks what one hold keeps */

static int insert(struct engine *e, int64_t now, const struct queue_legal_hold_request *q,
	int64_t *ret_hold)
{
	const struct queue_legal_hold *h = &q->hold;
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_LEGAL_HOLD_SET, "ttttitt",
		h->id, h->partner, h->type, h->ground, now, q->operator_name, q->reason);
	int r = sql_step(e, s);

	if (r > 0)
		*ret_hold = sql_int(s, 0);
	return r < 0 ? r : 0;
}

static bool is_of(const struct queue_document *d, const struct queue_legal_hold *h)
{
	return (!h->partner[0] || strcmp(h->partner, d->partner) == 0) &&
	       (!h->type[0] || strcmp(h->type, d->type) == 0);
}

/* *ret_documents: how many it keeps, where that is known at once. Return: 0,
 * QUEUE_NOT_FOUND, QUEUE_STALE the document is erased, negative. */
static int set(struct engine *e, int64_t now, const struct queue_legal_hold_request *q,
	int64_t *ret_hold, int *ret_documents)
{
	struct document_row d;
	int64_t erased = 0;
	/* erasures that are under way are over, or see the hold */
	int r = sql_run(e, SQL_ERASURES_WAIT, "");

	if (r == 0 && q->hold.id[0]) {
		r = document_find(e, q->hold.id, &d);
		if (r == QUEUE_DONE) {
			*ret_documents = is_of(&d.document, &q->hold);
			r = erased_at(e, d.key, &erased);
		}
	}
	if (r != 0)
		return r;
	return erased ? QUEUE_STALE : insert(e, now, q, ret_hold);
}

/* *ret: what it was about. Return: 0, QUEUE_NOT_FOUND, negative. */
static int lift(struct engine *e, int64_t now, const struct queue_legal_hold_request *q,
	struct queue_legal_hold *ret)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_LEGAL_HOLD_LIFT, "iitt",
		q->hold.lift, now, q->operator_name, q->reason);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	sql_text(s, 0, ret->id, sizeof(ret->id));
	sql_text(s, 1, ret->partner, sizeof(ret->partner));
	sql_text(s, 2, ret->type, sizeof(ret->type));
	sql_text(s, 3, ret->ground, sizeof(ret->ground));
	return 0;
}

static bool selects(const struct queue_legal_hold *h)
{
	return (h->id[0] || h->partner[0] || h->type[0]) &&
	       (strcmp(h->ground, "legal") == 0 || strcmp(h->ground, "dispute") == 0);
}

/* A hold on one document is a record of that document. */
static int record(struct engine *e, int64_t now, const struct queue_legal_hold_request *q,
	const struct queue_legal_hold *h, int64_t hold)
{
	struct document_row d;
	int r = h->id[0] ? document_find(e, h->id, &d) : QUEUE_DONE;

	if (r != QUEUE_DONE)
		return r;
	r = audit_event(e, now, q->operator_name,
		q->hold.lift ? "operator.legal-hold-end" : "operator.legal-hold",
		h->id[0] ? &d : NULL,
		json_pack("{s:I,s:o,s:o,s:o,s:o}", "hold", (json_int_t)hold, "partner",
			json_text(h->partner), "type", json_text(h->type), "ground",
			json_text(h->ground), "reason", json_text(q->reason)));
	return r < 0 ? r : QUEUE_DONE;
}

int engine_legal_hold(struct engine *e, int64_t now,
	const struct queue_legal_hold_request *q, int *ret_fd)
{
	struct queue_legal_hold h = q->hold;
	int64_t hold = q->hold.lift;
	int documents = -1, r;

	if (!q->operator_name[0] || !q->reason[0] || hold < 0 || (!hold && !selects(&h)))
		return QUEUE_ILLEGAL;
	r = hold ? lift(e, now, q, &h) : set(e, now, q, &hold, &documents);
	if (r == 0)
		r = record(e, now, q, &h, hold);
	if (r != QUEUE_DONE)
		return r;
	return json_to_fd(json_pack("{s:I,s:o*}", "hold", (json_int_t)hold, "documents",
				  documents < 0 ? NULL : json_integer(documents)),
		ret_fd);
}

int engine_legal_keeps(struct engine *e, int64_t hold, int64_t after, int *ret_fd)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_LEGAL_KEEPS, "iii", after, (int64_t)KEEPS_MAX, hold);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	return json_to_fd(
		json_pack("{s:I,s:I,s:b}", "documents", (json_int_t)sql_int(s, 2),
			"after", (json_int_t)sql_int(s, 1), "more",
			sql_int(s, 0) == KEEPS_MAX),
		ret_fd);
}

static json_t *holds(struct engine *e, int64_t after)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_LEGAL_HOLD_LIST, "ii", after, (int64_t)HOLDS_MAX);
	_cleanup_json_ json_t *list = json_array();
	int r;

	while ((r = sql_step(e, s)) > 0)
		if (json_array_append_new(
			    list, json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "hold",
					  (json_int_t)sql_int(s, 0), "id",
					  json_text(sql_string(s, 1)), "partner",
					  json_text(sql_string(s, 2)), "type",
					  json_text(sql_string(s, 3)), "ground",
					  json_text(sql_string(s, 4)), "since",
					  json_time(sql_int(s, 5)), "by",
					  json_text(sql_string(s, 6)), "reason",
					  json_text(sql_string(s, 7)))) < 0)
			return NULL;
	return r < 0 ? NULL : TAKE(list);
}

/* Others than at the last look: it begins anew. Return: 0 or negative. */
static int read_holds(struct engine *e, struct legal_count *c)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_LEGAL_HOLDS, "");
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	if (sql_int(s, 0) != c->holds || sql_int(s, 1) != c->which)
		*c = (struct legal_count){ .holds = sql_int(s, 0),
			.which = sql_int(s, 1),
			.broad = sql_int(s, 2) };
	if (c->holds == 0)
		c->known = true;
	return 0;
}

static void end_round(struct legal_count *c)
{
	c->documents = c->so_far;
	c->known = true;
	c->ids_done = false;
	c->after_id[0] = '\0';
	c->after = c->so_far = 0;
}

/* Return: 1 it ended the round, 0, negative. */
static int look_at_some(struct engine *e, struct legal_count *c)
{
	bool ids = !c->ids_done;
	_cleanup_statement_ struct row *s =
		ids ? sql_bind(e, SQL_LEGAL_COUNT_IDS, "ti", c->after_id,
			      (int64_t)LOOK_AT_ONCE)
		    : sql_bind(e, SQL_LEGAL_COUNT, "ii", c->after, (int64_t)LOOK_AT_ONCE);
	int r = sql_step(e, s);
	bool last;

	if (r <= 0)
		return r < 0 ? r : -EIO;
	last = sql_int(s, 0) < LOOK_AT_ONCE;
	c->so_far += sql_int(s, 2);
	if (ids) {
		sql_text(s, 1, c->after_id, sizeof(c->after_id));
		c->ids_done = last;
	} else {
		c->after = sql_int(s, 1);
	}
	if (!last || (ids && c->broad > 0))
		return 0;
	end_round(c);
	return 1;
}

/* The one thread that commits does this: a little at a time. */
static int count_some(struct engine *e, struct legal_count *c)
{
	int64_t end = clock_monotonic_ms() + LOOK_MS;
	int r = read_holds(e, c);

	if (r < 0 || c->holds == 0)
		return r;
	for (int n = 0; r == 0 && n < LOOK_TIMES; n++) {
		r = look_at_some(e, c);
		if (clock_monotonic_ms() >= end)
			break;
	}
	return r < 0 ? r : 0;
}

/* Does all else go on after this? */
static bool forgive(struct engine *e)
{
	if (e->failure == ENGINE_FATAL || (e->backend->lost && e->backend->lost(e)))
		return false;
	e->failure = ENGINE_FINE;
	return true;
}

/* In bounds of its own: whoever asks is told everything else where it cannot be done. */
json_t *legal_to_json(struct engine *e)
{
	struct legal_count *c = &e->legal;
	bool counted = false;

	if (e->failure == ENGINE_FINE && engine_mark(e) == 0) {
		counted = count_some(e, c) == 0;
		if (counted || forgive(e))
			counted = engine_unmark(e, counted) == 0 && counted;
	}
	return json_pack("{s:o,s:o}", "holds",
		counted ? json_integer(c->holds) : json_null(), "documents",
		counted && c->known ? json_integer(c->documents) : json_null());
}

static int64_t stated_last(struct engine *e)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_STATED_LAST, "");

	return sql_step(e, s) > 0 ? sql_int(s, 0) : 0;
}

int engine_retention_status(struct engine *e, int64_t now, int64_t after, int *ret_fd)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_ERASED_COUNTS, "i", now);
	_cleanup_json_ json_t *list = NULL;
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	list = holds(e, after);
	return json_to_fd(
		json_pack("{s:I,s:o,s:I,s:I,s:O,s:b}", "erased",
			(json_int_t)sql_int(s, 0), "last", json_time(sql_int(s, 1)),
			"claimed", (json_int_t)sql_int(s, 2), "statement",
			(json_int_t)stated_last(e), "holds", list, "more",
			json_array_size(list) == HOLDS_MAX),
		ret_fd);
}
