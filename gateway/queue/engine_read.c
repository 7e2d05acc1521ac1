/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/encode.h"
#include "common/json.h"
#include "common/memfd.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

#define EXPLAIN_DOCUMENTS_MAX 20

int json_to_fd(json_t *value, int *ret_fd)
{
	_cleanup_json_ json_t *owned = value;
	_cleanup_(freep) char *text = value ? json_canonical(value) : NULL;
	int r;

	if (!text)
		return -ENOMEM;
	r = memfd_from("json", span_str(text));
	if (r < 0)
		return r;
	*ret_fd = r;
	return QUEUE_DONE;
}

static json_t *column_text(struct row *s, int column)
{
	return json_text(sql_string(s, column));
}

static json_t *delivery_to_json(struct row *s)
{
	return json_pack("{s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:o}", "destination",
		column_text(s, 0), "state", column_text(s, 1), "due",
		json_time(sql_int(s, 2)), "attempts", (json_int_t)sql_int(s, 3),
		"first_try", json_time(sql_int(s, 4)), "updated",
		json_time(sql_int(s, 5)), "reply_id", column_text(s, 6), "detail",
		column_text(s, 7), "held_from", column_text(s, 8));
}

static json_t *deliveries_to_json(struct engine *e, int64_t document)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_JSON_DELIVERIES, "i", (int64_t)document);
	json_t *list = json_array();
	int r;

	while ((r = sql_step(e, s)) > 0)
		json_array_append_new(list, delivery_to_json(s));
	if (r == 0)
		return list;
	json_decref(list);
	return NULL;
}

json_t *document_to_json(struct engine *e, const struct document_row *row)
{
	const struct queue_document *d = &row->document;
	char hash[SHA256_TEXT_SIZE];
	json_t *deliveries = deliveries_to_json(e, row->key);
	struct relation_row relation;
	char paper[DOCUMENT_NUMBER_SIZE];
	const char *rehearsed = NULL;
	int64_t erased = 0;

	if (!deliveries || relation_read(e, row->key, &relation) < 0 ||
		paper_read(e, row->key, paper) < 0 ||
		relation_rehearsed(e, row, INT64_MAX, &rehearsed) < 0 ||
		erased_at(e, row->key, &erased) < 0) {
		json_decref(deliveries);
		return NULL;
	}
	hex_encode(d->sha256, SHA256_SIZE, hash);
	return json_pack(
		"{s:s,s:o,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:o,"
		"s:I,s:o,s:s,s:o,s:s,s:o,s:o,s:s*,s:o*}",
		"id", d->id, "partner", json_text(d->partner), "sha256", hash, "country",
		json_text(d->country), "import_country", json_text(d->import_country),
		"type", json_text(d->type), "number", json_text(d->number), "status",
		json_text(d->status), "state",
		document_state_text((enum document_state)d->state), "size",
		(json_int_t)d->size, "received", json_time(d->received), "held_until",
		json_time(d->held_until), "hold_reason", json_text(d->hold_reason),
		"policy_digest", json_text(d->policy_digest), "store_version",
		json_text(d->store_version), "correlation", json_text(row->correlation),
		"seal_attempts", (json_int_t)row->attempt, "deliveries", deliveries,
		"relation", document_relation_text(relation.relation), "original",
		json_text(relation.number), "urgency",
		urgency_text((enum urgency)row->urgency), "expected",
		json_time(row->rank), "paper", json_text(paper), "rehearsed", rehearsed,
		"erased", erased ? json_time(erased) : NULL);
}

/* One record with what proves its place: previous and own chain value and, where several
 * appliances have chains, whose it is. */
static json_t *event_to_json(int64_t position, struct row *s)
{
	struct span record = sql_octets(s, 1);
	struct span own = sql_octets(s, 2);
	struct span before = sql_octets(s, 3);
	static const uint8_t none[SHA256_SIZE];
	char hash[SHA256_TEXT_SIZE], chain[SHA256_TEXT_SIZE], previous[SHA256_TEXT_SIZE];

	if (position == 1)
		before = span_of(none, SHA256_SIZE);
	if (own.len != SHA256_SIZE || before.len != SHA256_SIZE ||
		digest_sha256_text(record, hash) < 0)
		return NULL;
	hex_encode(own.data, SHA256_SIZE, chain);
	hex_encode(before.data, SHA256_SIZE, previous);
	return json_pack("{s:I,s:s,s:s,s:s,s:o,s:o*}", "position", (json_int_t)position,
		"previous", previous, "record_sha256", hash, "chain", chain, "record",
		json_read(record, QUEUE_RECORD_MAX), "appliance",
		sql_null(s, 4) ? NULL : json_text(sql_string(s, 4)));
}

json_t *events_to_json(
	struct engine *e, const struct document_row *d, int64_t first, int64_t count)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_AUDIT_DOCUMENT, "iii", (int64_t)d->key, first, count);
	_cleanup_json_ json_t *list = json_array();
	int r;

	while ((r = sql_step(e, s)) > 0)
		if (json_array_append_new(list, event_to_json(sql_int(s, 0), s)) < 0)
			return NULL;
	return r < 0 ? NULL : TAKE(list);
}

static int count_events(
	struct engine *e, const struct document_row *d, int64_t *ret_count)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_AUDIT_COUNT, "i", (int64_t)d->key);
	int r = sql_step(e, s);

	*ret_count = r > 0 ? sql_int(s, 0) : 0;
	return r < 0 ? r : 0;
}

/* Of one that was tried for months the first and the newest, and how many not. */
static int add_events(struct engine *e, const struct document_row *d, json_t *value)
{
	_cleanup_json_ json_t *newest = NULL;
	int64_t all, half = QUEUE_EVENTS_PAGE / 2;
	int r = count_events(e, d, &all);
	json_t *events;

	if (r < 0)
		return r;
	events = events_to_json(e, d, 0, all > 2 * half ? half : 2 * half);
	if (json_object_set_new(value, "events", events) < 0)
		return -ENOMEM;
	if (all <= 2 * half)
		return 0;
	newest = events_to_json(e, d, all - half, half);
	if (!newest || json_array_extend(events, newest) < 0 ||
		json_object_set_new(
			value, "events_first", json_integer((json_int_t)half)) < 0 ||
		json_object_set_new(value, "events_left_out",
			json_integer((json_int_t)(all - 2 * half))) < 0)
		return -ENOMEM;
	return 0;
}

static size_t part_max(enum queue_part part)
{
	switch (part) {
	case QUEUE_DOCUMENT:
		return LIMIT_DOCUMENT;
	case QUEUE_REPORT:
	case QUEUE_FIRST_REPORT:
	case QUEUE_LATER_REPORT:
		return LIMIT_REPORT;
	case QUEUE_RECEIPT:
		return LIMIT_RECEIPT;
	case QUEUE_CONTAINER:
		return LIMIT_CONTAINER;
	case QUEUE_META:
	case QUEUE_EVENTS:
	case QUEUE_RECORD:
	case QUEUE_VERSIONS:
	case QUEUE_EVENTS_PAGES:
		break;
	}
	return 0;
}

static int stored_read(
	struct engine *e, int64_t document, enum queue_part part, int *ret_fd)
{
	size_t max = part_max(part);

	if (part >= QUEUE_VERSIONS)
		return container_version(
			e, document, (int64_t)part - QUEUE_VERSIONS, ret_fd);
	if (part == QUEUE_FIRST_REPORT)
		return blob_read(e, document, QUEUE_REPORT, max, ret_fd);
	if (part == QUEUE_RECORD)
		return stamp_read(e, document, ret_fd);
	if (part == QUEUE_LATER_REPORT)
		return blob_read(e, document, BLOB_LATER_REPORT, max, ret_fd);
	return max ? part_read(e, document, part, max, ret_fd) : QUEUE_NOT_FOUND;
}

static json_t *events_page(
	struct engine *e, const struct document_row *d, enum queue_part part)
{
	int64_t page = part == QUEUE_EVENTS ? 0 : (int64_t)part - QUEUE_EVENTS_PAGES;

	return events_to_json(e, d, page * QUEUE_EVENTS_PAGE, QUEUE_EVENTS_PAGE);
}

int engine_get(struct engine *e, const char *id, const char *partner,
	enum queue_part part, struct queue_document *ret_document, int *ret_fd)
{
	struct document_row d;
	int r = document_find(e, id, &d);

	if (r != QUEUE_DONE)
		return r;
	if (partner[0] && strcmp(partner, d.document.partner) != 0)
		return QUEUE_NOT_FOUND;
	if (part == QUEUE_META)
		r = json_to_fd(document_to_json(e, &d), ret_fd);
	else if (part == QUEUE_EVENTS || part >= QUEUE_EVENTS_PAGES)
		r = json_to_fd(events_page(e, &d, part), ret_fd);
	else
		r = stored_read(e, d.key, part, ret_fd);
	if (r == QUEUE_DONE)
		*ret_document = d.document;
	return r;
}

/* JSON of every document that a select finds; the statement is reset before anything else
 * is asked, as rows are few and small. */
static json_t *list_documents(struct engine *e, struct row *statement, bool events)
{
	_cleanup_statement_ struct row *s = statement;
	_cleanup_json_ json_t *list = json_array();
	struct document_row row;
	int r;

	while ((r = sql_step(e, s)) > 0) {
		json_t *d;

		document_read(s, &row);
		d = document_to_json(e, &row);
		if (json_array_append_new(list, d) < 0)
			return NULL;
		if (events && add_events(e, &row, d) < 0)
			return NULL;
	}
	return r < 0 ? NULL : TAKE(list);
}

int engine_list(
	struct engine *e, const char *state, const char *partner, int limit, int *ret_fd)
{
	struct row *s;

	if (partner[0])
		s = sql_bind(e, SQL_LIST_PARTNER, "itt", (int64_t)limit, state, partner);
	else if (state[0])
		s = sql_bind(e, SQL_LIST_STATE, "it", (int64_t)limit, state);
	else
		s = sql_bind(e, SQL_LIST_ALL, "i", (int64_t)limit);
	return json_to_fd(list_documents(e, s, false), ret_fd);
}

static int explain_id(struct engine *e, const char *key, json_t **ret_list)
{
	struct document_row d;
	json_t *value;
	int r = document_find(e, key, &d);

	if (r != QUEUE_DONE)
		return r;
	value = document_to_json(e, &d);
	if (!value)
		return -ENOMEM;
	r = add_events(e, &d, value);
	if (r < 0)
		json_decref(value);
	else
		*ret_list = json_pack("[o]", value);
	return r < 0 ? r : QUEUE_DONE;
}

/* Documents of that number, and behind them those that make a paper of it electronic. */
static json_t *explain_number(struct engine *e, const char *key)
{
	_cleanup_json_ json_t *list = list_documents(e,
		sql_bind(
			e, SQL_EXPLAIN_NUMBER, "ti", key, (int64_t)EXPLAIN_DOCUMENTS_MAX),
		true);
	_cleanup_json_ json_t *papers = NULL;
	char paper[DOCUMENT_NUMBER_SIZE];

	paper_fold(key, paper);
	papers = list_documents(e,
		sql_bind(e, SQL_EXPLAIN_PAPER, "tti", paper, key,
			(int64_t)EXPLAIN_DOCUMENTS_MAX),
		true);
	if (!list || !papers || json_array_extend(list, papers) < 0)
		return NULL;
	return TAKE(list);
}

int engine_explain(struct engine *e, const char *key, int *ret_fd)
{
	_cleanup_json_ json_t *list = NULL;
	uint8_t hash[SHA256_SIZE];
	int r = explain_id(e, key, &list);

	if (r < 0)
		return r;
	if (r == QUEUE_NOT_FOUND && strlen(key) == SHA256_TEXT_SIZE - 1 &&
		hex_decode(key, hash, SHA256_SIZE) == 0)
		list = list_documents(e,
			sql_bind(e, SQL_EXPLAIN_HASH, "bi", span_of(hash, SHA256_SIZE),
				(int64_t)EXPLAIN_DOCUMENTS_MAX),
			true);
	else if (r == QUEUE_NOT_FOUND)
		list = explain_number(e, key);
	if (!list)
		return -EIO;
	if (json_array_size(list) == 0)
		return QUEUE_NOT_FOUND;
	return json_to_fd(
		json_pack("{s:o,s:O}", "key", json_text(key), "documents", list), ret_fd);
}
