/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"
#include "queue/backend.h"
#include "queue/replay.h"

#include <errno.h>
#include <string.h>

static bool listed(const char (*list)[COUNTRY_SIZE], const char *country)
{
	for (size_t i = 0; i < QUEUE_SCOPE_MAX && list[i][0]; i++)
		if (list[i][0] == '*' || strncmp(list[i], country, COUNTRY_SIZE) == 0)
			return true;
	return false;
}

static bool is_own(const struct queue_scope *scope, const struct queue_document *d)
{
	return strcmp(scope->partner, d->partner) == 0;
}

static bool in_scope(const struct queue_scope *scope, const struct queue_document *d)
{
	if (d->state == DOCUMENT_SANDBOX)
		return is_own(scope, d);
	return is_own(scope, d) || (listed(scope->issued_by, d->country) &&
					   listed(scope->bound_for, d->import_country));
}

/* Replay the document's records up to a time; the rows may have moved on since.
 * *ret_since: when it came into the state that it had then. Return: 0 or negative. */
static int replay_until(struct engine *e, const struct document_row *d, int64_t at,
	struct replay *ret, int64_t *ret_since)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_LEDGER_RECORDS, "i", (int64_t)d->key);
	int r;

	while ((r = sql_step(e, s)) > 0) {
		_cleanup_json_ json_t *record =
			json_read(sql_octets(s, 0), QUEUE_RECORD_READ_MAX);
		const char *text = json_string_of(record, "at");
		enum document_state before = ret->document;
		int64_t when;

		if (!text || clock_parse(text, &when) < 0)
			return -EIO;
		if (when > at)
			return 0;
		replay_record(ret, record);
		if (ret->document != before)
			*ret_since = when;
	}
	return r;
}

static json_t *deliveries_of(const struct replay *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(list,
			json_pack("{s:o,s:s}", "destination",
				json_text(p->deliveries[i].destination), "state",
				p->deliveries[i].state == DELIVERY_QUEUED
					? "open"
					: delivery_state_text(p->deliveries[i].state)));
	return list;
}

/* What it is to others: a withdrawal, a replacement; of a rehearsal what became of it. */
static int add_relation(
	struct engine *e, const struct document_row *row, int64_t at, json_t *value)
{
	struct relation_row relation;
	const char *end;
	int r = relation_read(e, row->key, &relation);

	if (r == 0 && relation.relation != RELATION_NONE)
		r = json_object_set_new(value, "relation",
			json_string(document_relation_text(relation.relation)));
	if (r == 0)
		r = relation_rehearsed(e, row, at, &end);
	if (r == 0 && end)
		r = json_object_set_new(value, "rehearsed", json_string(end));
	return r;
}

static json_t *held_to_json(
	const struct document_row *row, const struct replay *p, int64_t since, bool own)
{
	const struct queue_document *d = &row->document;
	char hash[SHA256_TEXT_SIZE];
	json_t *value;

	hex_encode(d->sha256, SHA256_SIZE, hash);
	value = json_pack("{s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:s,s:o}", "id", d->id,
		"sha256", hash, "size", (json_int_t)d->size, "country",
		json_text(d->country), "import_country", json_text(d->import_country),
		"type", json_text(d->type), "status", json_text(d->status), "received",
		json_time(d->received), "state", document_state_text(p->document),
		"since", json_time(since));
	if (value && own &&
		json_object_set_new(value, "deliveries", deliveries_of(p)) < 0) {
		json_decref(value);
		return NULL;
	}
	return value;
}

/* Return: 1 one more is in the list, 0 the document was not held then, negative. */
static int add_document(struct engine *e, const struct queue_status_request *q,
	const struct document_row *row, json_t *list)
{
	struct replay p = { 0 };
	int64_t since = 0, erased = 0;
	json_t *value;
	int r = replay_until(e, row, q->at, &p, &since);

	if (r < 0)
		return r;
	if (p.document == DOCUMENT_NONE || p.document == DOCUMENT_REFUSED)
		return 0;
	value = held_to_json(row, &p, since, is_own(&q->scope, &row->document));
	r = erased_at(e, row->key, &erased);
	if (r == 0 && value && erased && erased <= q->at)
		r = json_object_set_new(value, "erased", json_time(erased));
	if (r == 0 && value)
		r = add_relation(e, row, q->at, value);
	if (json_array_append_new(list, value) < 0)
		r = -ENOMEM;
	return r < 0 ? r : 1;
}

/* Return: 0 with *ret_complete, or negative. */
static int list_held(struct engine *e, const struct queue_status_request *q, json_t *list,
	bool *ret_complete)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_STATUS_OF, "ti", q->number, q->at);
	struct document_row row;
	int r;

	*ret_complete = true;
	while ((r = sql_step(e, s)) > 0) {
		document_read(s, &row);
		if (!in_scope(&q->scope, &row.document))
			continue;
		if (json_array_size(list) == QUEUE_STATUS_MAX) {
			*ret_complete = false;
			return 0;
		}
		r = add_document(e, q, &row, list);
		if (r < 0)
			return r;
	}
	return r;
}

int engine_status_of(struct engine *e, const struct queue_status_request *q, int *ret_fd)
{
	_cleanup_json_ json_t *list = json_array();
	char chain[SHA256_TEXT_SIZE];
	bool complete;
	int r = list_held(e, q, list, &complete);

	if (r < 0)
		return r;
	hex_encode(e->head.chain, SHA256_SIZE, chain);
	return json_to_fd(json_pack("{s:O,s:b,s:{s:I,s:s}}", "documents", list,
				  "complete", complete, "head", "position",
				  (json_int_t)e->head.position, "chain", chain),
		ret_fd);
}
