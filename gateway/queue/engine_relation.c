/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Documents of one number differ by their status: they are few. */
#define ORIGINALS_MAX 16

/* Does a select find anything? Return: 1, 0, negative. */
static int any(struct engine *e, struct row *statement)
{
	_cleanup_statement_ struct row *s = statement;

	return sql_step(e, s);
}

int relation_insert(struct engine *e, int64_t document, const struct queue_submission *s)
{
	if (s->relation == RELATION_NONE)
		return 0;
	return sql_run(e, SQL_RELATION_INSERT, "itt", (int64_t)document,
		document_relation_text((enum document_relation)s->relation), s->original);
}

int relation_read(struct engine *e, int64_t document, struct relation_row *ret_row)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_RELATION_OF, "i", (int64_t)document);
	int r = sql_step(e, s);

	*ret_row = (struct relation_row){ 0 };
	if (r > 0) {
		ret_row->relation = document_relation_find(sql_string(s, 0));
		sql_text(s, 1, ret_row->number, sizeof(ret_row->number));
	}
	return r < 0 ? r : 0;
}

int relation_told(struct engine *e, int64_t document, const char *destination,
	struct relation_row *ret_row, char ret_reply[DOCUMENT_REPLY_SIZE])
{
	_cleanup_statement_ struct row *s = NULL;
	int r = relation_read(e, document, ret_row);

	ret_reply[0] = '\0';
	if (r < 0 || ret_row->relation == RELATION_NONE)
		return r;
	s = sql_bind(e, SQL_ORIGINAL_REPLY, "it", (int64_t)document, destination);
	r = sql_step(e, s);
	if (r > 0) {
		sql_text(s, 0, ret_reply, DOCUMENT_REPLY_SIZE);
		sql_text(s, 1, ret_row->number, sizeof(ret_row->number));
	}
	return r < 0 ? r : 0;
}

/* Two appliances at one database: whoever ends a delivery looks for followers, whoever
 * seals one looks for open originals, and neither sees what the other has not committed.
 */
int relation_lock(struct engine *e, int64_t document)
{
	return sql_run(e, SQL_ORIGINALS_WAIT, "i", document);
}

int relation_waits(struct engine *e, int64_t document, const char *destination)
{
	return any(
		e, sql_bind(e, SQL_ORIGINAL_OPEN, "it", (int64_t)document, destination));
}

static int sealed(struct engine *e, const struct document_row *doc)
{
	return any(
		e, sql_bind(e, SQL_BLOB_THERE, "i", blob_id(doc->key, QUEUE_CONTAINER)));
}

static int original_there(
	struct engine *e, const struct document_row *doc, const struct delivery_row *d)
{
	return any(e,
		sql_bind(e, SQL_ORIGINAL_THERE, "it", (int64_t)doc->key, d->destination));
}

int relation_ended(
	struct engine *e, const struct document_row *doc, const struct delivery_row *d)
{
	int r;

	if (doc->document.state != DOCUMENT_WITHDRAWN &&
		doc->document.state != DOCUMENT_REPLACED)
		return 0;
	/* who has what this one stood in the place of must learn of it all the same, but
	 * not by what never gets its seal */
	r = sealed(e, doc);
	if (r > 0)
		r = original_there(e, doc, d);
	return r < 0 ? r : !r;
}

static int select_followers(struct engine *e, const struct delivery_row *d,
	struct delivery_row *ret_rows, int max)
{
	char base[DESTINATION_NAME_SIZE];
	_cleanup_statement_ struct row *s = NULL;
	int count = 0, r = 0;

	destination_base(d->destination, base);
	s = sql_bind(e, SQL_FOLLOWERS, "it", (int64_t)d->document, base);

	while (count < max && (r = sql_step(e, s)) > 0)
		delivery_read(s, &ret_rows[count++]);
	return r < 0 ? r : count;
}

int relation_let_go(struct engine *e, int64_t now, struct delivery_row *d)
{
	struct document_row doc;
	int r = delivery_document(e, d, &doc);

	if (r == 0)
		r = delivery_queue(e, now, d);
	if (r != QUEUE_DONE)
		return r;
	return audit_event(e, now, "queued", "delivery.queued", &doc,
		json_pack("{s:s}", "destination", d->destination));
}

int relation_let_followers_go(struct engine *e, int64_t now, const struct delivery_row *d)
{
	struct delivery_row rows[ORIGINALS_MAX];
	int count = select_followers(e, d, rows, ORIGINALS_MAX);

	for (int i = 0; i < count; i++) {
		int r = relation_waits(e, rows[i].document, rows[i].destination);

		if (r == 0)
			r = relation_let_go(e, now, &rows[i]);
		if (r < 0)
			return r;
	}
	return count < 0 ? count : 0;
}

/* Nothing of it can have arrived there yet. */
static bool unsent(const struct delivery_row *d)
{
	return !d->doubt &&
	       (d->state == DELIVERY_WAITING || d->state == DELIVERY_QUEUED ||
		       d->state == DELIVERY_DEFERRED || d->state == DELIVERY_HELD);
}

static bool may_be_there(const struct delivery_row *d)
{
	return !strchr(d->destination, DESTINATION_NOTICE) &&
	       (d->doubt ||
		       (d->state != DELIVERY_REFUSED && d->state != DELIVERY_EXPIRED));
}

int relation_end(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d)
{
	const char *why = document_state_text((enum document_state)doc->document.state);
	const struct outcome o = { .event = "delivery.expired",
		.destination = d->destination,
		.state = "expired",
		.detail = why };
	int r = delivery_become(e, d, DELIVERY_EXPIRED, now);

	if (r != QUEUE_DONE)
		return r < 0 ? r : -EINVAL;
	r = sql_run(e, SQL_NOTE_DELIVERY, "itt", (int64_t)d->key, "", why);
	if (r == 0)
		r = sql_run(e, SQL_WITHDRAWN, "it", (int64_t)d->document, d->destination);
	return r < 0 ? r : outcome_add(e, now, doc, &o);
}

/* Whoever has the original gets the later document too, whatever the routes say now. */
static int take_along(struct engine *e, const struct document_row *later,
	const struct delivery_row *d, json_t *added)
{
	struct delivery_row row;
	int r = delivery_find(e, later->key, d->destination, &row);

	if (r != QUEUE_NOT_FOUND)
		return r < 0 ? r : 0;
	r = sql_run(e, SQL_INSERT_DELIVERY, "iti", (int64_t)later->key, d->destination,
		later->document.received);
	if (r == 0)
		r = flow_count(e, later->key, d->destination, "entered");
	json_array_append_new(added, json_text(d->destination));
	return r;
}

/* One that was never sealed goes nowhere: the later document takes its place where what
 * it was to replace may be. */
static int take_place(struct engine *e, const struct document_row *later,
	const struct document_row *original, const struct delivery_row *d, json_t *added)
{
	int r = sealed(e, original);

	if (r != 0)
		return r < 0 ? r : 0;
	r = sql_run(e, SQL_RELATED_INHERIT, "ii", (int64_t)later->key,
		(int64_t)original->key);
	if (r == 0)
		r = original_there(e, original, d);
	return r > 0 ? take_along(e, later, d, added) : r;
}

/* What becomes of each delivery of an original. */
static int follow(struct engine *e, int64_t now, const struct document_row *later,
	const struct document_row *original, json_t *ended, json_t *added)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int count = delivery_all(e, original->key, rows), r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		struct delivery_row *d = &rows[i];

		r = unsent(d) ? relation_ended(e, original, d) : 0;
		if (r > 0) {
			json_array_append_new(ended, json_text(d->destination));
			r = take_place(e, later, original, d, added);
			if (r == 0)
				r = relation_end(e, now, original, d);
		} else if (r == 0 && may_be_there(d)) {
			r = take_along(e, later, d, added);
		}
	}
	return count < 0 ? count : r;
}

static int select_later(struct engine *e, const struct document_row *original,
	struct document_row *ret_rows, int max)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_RELATED_LATER, "i", original->key);
	int count = 0, r = 0;

	while (count < max && (r = sql_step(e, s)) > 0)
		document_read(s, &ret_rows[count++]);
	return r < 0 ? r : count;
}

/* The record that a document withdraws or replaces others, and where that is told. */
static int record_relation(struct engine *e, int64_t now,
	const struct document_row *later, const struct relation_row *relation,
	json_t *ids, json_t *destinations)
{
	char event[32];

	snprintf(event, sizeof(event), "document.%s",
		document_relation_text(relation->relation));
	return audit_event(e, now, "queued", event, later,
		json_pack("{s:o,s:O,s:O}", "number", json_text(relation->number),
			"originals", ids, "destinations", destinations));
}

/* A later document takes its place after all. */
static int succeed(struct engine *e, int64_t now, const struct document_row *later,
	const struct document_row *original, const struct delivery_row *d)
{
	_cleanup_json_ json_t *added = json_array(), *ids = json_array();
	struct relation_row relation;
	int r = take_place(e, later, original, d, added);

	if (r < 0 || json_array_size(added) == 0)
		return r;
	r = relation_read(e, later->key, &relation);
	if (r < 0)
		return r;
	json_array_append_new(ids, json_text(original->document.id));
	return record_relation(e, now, later, &relation, ids, added);
}

int relation_pass_over(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d)
{
	struct document_row later[ORIGINALS_MAX];
	int count = select_later(e, doc, later, ORIGINALS_MAX), r = 0;

	for (int i = 0; r == 0 && i < count; i++)
		r = succeed(e, now, &later[i], doc, d);
	if (r == 0 && count >= 0)
		r = relation_end(e, now, doc, d);
	if (r < 0 || count < 0)
		return r < 0 ? r : count;
	return audit_event(e, now, "queued", "delivery.expired", doc,
		json_pack("{s:s,s:s}", "destination", d->destination, "text",
			document_state_text((enum document_state)doc->document.state)));
}

/* One original takes its new state, and its partner is told. */
static int supersede(struct engine *e, int64_t now, const struct document_row *later,
	struct document_row *original, enum document_state to, json_t *added)
{
	const struct outcome o = { .event = to == DOCUMENT_WITHDRAWN
						    ? "document.withdrawn"
						    : "document.replaced",
		.state = document_state_text(to),
		.detail = later->document.id };
	_cleanup_json_ json_t *ended = json_array();
	int r = document_become(e, original, to, 0);

	if (r != QUEUE_DONE)
		return r < 0 ? r : -EINVAL;
	r = sql_run(
		e, SQL_RELATED_INSERT, "ii", (int64_t)later->key, (int64_t)original->key);
	if (r == 0 && to == DOCUMENT_REPLACED)
		r = paper_take_over(e, later->key, original->key);
	if (r == 0)
		r = follow(e, now, later, original, ended, added);
	if (r == 0)
		r = outcome_add(e, now, original, &o);
	return r < 0 ? r
		     : audit_event(e, now, later->document.partner, o.event, original,
			       json_pack("{s:s,s:O}", "by", later->document.id, "ended",
				       ended));
}

static int select_originals(struct engine *e, const struct document_row *later,
	const char *number, struct document_row *ret_rows, int max)
{
	const struct queue_document *d = &later->document;
	bool rehearsal = d->state == DOCUMENT_SANDBOX;
	_cleanup_statement_ struct row *s =
		sql_bind(e, rehearsal ? SQL_REHEARSED : SQL_ORIGINALS, "tttti", number,
			d->type, d->country, d->partner, (int64_t)later->key);
	int count = 0, r = 0;

	while (count < max && (r = sql_step(e, s)) > 0)
		document_read(s, &ret_rows[count++]);
	return r < 0 ? r : count;
}

static int supersede_all(struct engine *e, int64_t now, const struct document_row *later,
	const struct relation_row *relation, json_t *added, json_t *ids)
{
	struct document_row originals[ORIGINALS_MAX];
	int count =
		select_originals(e, later, relation->number, originals, ORIGINALS_MAX);

	for (int i = 0; i < count; i++) {
		int r = supersede(e, now, later, &originals[i],
			relation->relation == RELATION_WITHDRAWS ? DOCUMENT_WITHDRAWN
								 : DOCUMENT_REPLACED,
			added);

		if (r < 0)
			return r;
		json_array_append_new(ids, json_text(originals[i].document.id));
	}
	return count < 0 ? count : 0;
}

int relation_take_effect(struct engine *e, int64_t now, const struct document_row *d)
{
	_cleanup_json_ json_t *added = json_array(), *ids = json_array();
	struct relation_row relation;
	int r = relation_read(e, d->key, &relation);

	if (r < 0 || relation.relation == RELATION_NONE)
		return r;
	r = supersede_all(e, now, d, &relation, added, ids);
	return r < 0 ? r : record_relation(e, now, d, &relation, ids, added);
}

/* One of them is told of, as a real one is that takes its new state. */
static int rehearse_end(struct engine *e, int64_t now, const struct document_row *later,
	const struct document_row *original, enum document_relation relation)
{
	bool withdrawn = relation == RELATION_WITHDRAWS;
	const struct outcome o = { .event = withdrawn ? "document.withdrawn"
						      : "document.replaced",
		.state = document_state_text(
			withdrawn ? DOCUMENT_WITHDRAWN : DOCUMENT_REPLACED),
		.detail = later->document.id };
	int r = sql_run(
		e, SQL_RELATED_INSERT, "ii", (int64_t)later->key, (int64_t)original->key);

	return r < 0 ? r : outcome_add(e, now, original, &o);
}

int relation_rehearse(struct engine *e, int64_t now, const struct document_row *d)
{
	struct document_row originals[ORIGINALS_MAX];
	_cleanup_json_ json_t *ids = json_array();
	struct relation_row relation;
	char event[32];
	int count, r = relation_read(e, d->key, &relation);

	if (r < 0 || relation.relation == RELATION_NONE)
		return r;
	count = select_originals(e, d, relation.number, originals, ORIGINALS_MAX);
	for (int i = 0; r == 0 && i < count; i++) {
		r = rehearse_end(e, now, d, &originals[i], relation.relation);
		json_array_append_new(ids, json_text(originals[i].document.id));
	}
	if (r < 0 || count < 0)
		return r < 0 ? r : count;
	snprintf(event, sizeof(event), "document.%s",
		document_relation_text(relation.relation));
	return audit_event(e, now, "queued", event, d,
		json_pack("{s:o,s:O}", "number", json_text(relation.number), "originals",
			ids));
}

int relation_rehearsed(
	struct engine *e, const struct document_row *d, int64_t at, const char **ret_end)
{
	_cleanup_statement_ struct row *s = NULL;
	int r;

	*ret_end = NULL;
	if (d->document.state != DOCUMENT_SANDBOX)
		return 0;
	s = sql_bind(e, SQL_REHEARSED_END, "ii", (int64_t)d->key, at);
	r = sql_step(e, s);
	if (r > 0)
		*ret_end = document_state_text(
			document_relation_find(sql_string(s, 0)) == RELATION_WITHDRAWS
				? DOCUMENT_WITHDRAWN
				: DOCUMENT_REPLACED);
	return r < 0 ? r : 0;
}
