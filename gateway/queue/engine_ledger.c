/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/acts.h"
#include "queue/backend.h"
#include "queue/replay.h"

#include <errno.h>
#include <string.h>

/* So many of the longest names are a record (QUEUE_RECORD_MAX). */
#define BALANCE_ROWS 100

int flow_count(
	struct engine *e, int64_t document, const char *destination, const char *flow)
{
	return sql_run(e, SQL_FLOW, "itt", (int64_t)document, destination, flow);
}

/* -- balances -------------------------------------------------------------- */

/* partner, destination, key, n, group as {partner: {destination: {group: {key: n}}}}; by
 * one statement, as others may write between two. */
static int read_counts(struct engine *e, json_t *partners)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_LEDGER_COUNTS, "");
	int r;

	while ((r = sql_step(e, s)) > 0) {
		const char *partner = sql_string(s, 0);
		const char *destination = sql_string(s, 1);
		const char *key = sql_string(s, 2);
		json_t *counts = json_child(json_child(partners, partner), destination);
		json_t *of = json_child(counts, sql_string(s, 4));

		if (json_object_set_new(of, key, json_integer(sql_int(s, 3))) < 0)
			return -ENOMEM;
	}
	return r;
}

static json_int_t count(const json_t *counts, const char *group, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(counts, group), key));
}

static json_int_t state_count(const json_t *counts, enum delivery_state s)
{
	return count(counts, "states", delivery_state_text(s));
}

/* What the triggers and the program have counted apart from each other. */
static bool balanced(const json_t *c, json_int_t all)
{
	json_int_t ended =
		state_count(c, DELIVERY_REFUSED) + state_count(c, DELIVERY_EXPIRED);

	return count(c, "flows", "entered") == all &&
	       count(c, "flows", "delivered") == state_count(c, DELIVERY_DELIVERED) &&
	       count(c, "flows", "refused") + count(c, "flows", "expired") -
			       count(c, "flows", "returned") ==
		       ended;
}

static json_t *row_of(const char *partner, const char *destination, const json_t *c)
{
	json_int_t withdrawn = count(c, "withdrawn", "ended"), all = 0, queued = 0;

	for (int s = DELIVERY_WAITING; s < DELIVERY_STATES; s++) {
		enum delivery_state state = (enum delivery_state)s;

		all += state_count(c, state);
		if (replay_class(state) == DELIVERY_QUEUED && state != DELIVERY_HELD)
			queued += state_count(c, state);
	}
	return json_pack("{s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "partner",
		json_text(partner), "destination", json_text(destination), "accepted",
		count(c, "flows", "entered"), "delivered",
		state_count(c, DELIVERY_DELIVERED), "in_queue", queued, "held",
		state_count(c, DELIVERY_HELD), "refused",
		state_count(c, DELIVERY_REFUSED), "expired",
		state_count(c, DELIVERY_EXPIRED) - withdrawn, "withdrawn", withdrawn,
		"balanced", balanced(c, all));
}

static int add_rows(json_t *partners, json_t *rows, bool *balance)
{
	const char *partner, *destination;
	json_t *destinations, *c;

	json_object_foreach(partners, partner, destinations)
	{
		json_object_foreach(destinations, destination, c)
		{
			json_t *row = row_of(partner, destination, c);

			if (json_array_append_new(rows, row) < 0)
				return -ENOMEM;
			if (!json_is_true(json_object_get(row, "balanced")))
				*balance = false;
		}
	}
	return 0;
}

/* Documents are never deleted and numbered without a gap: the last number is how many
 * there are, whatever the counts say. */
static int documents_counted(struct engine *e, bool *ret_numbered)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_LEDGER_DOCUMENTS, "");
	int r = sql_step(e, s);

	*ret_numbered = r <= 0 || sql_int(s, 0) == sql_int(s, 1);
	return r < 0 ? r : 0;
}

/* "numbered": there are as many documents as were numbered; that, and each row, is of
 * "balanced", too. */
int ledger_read(struct engine *e, json_t **ret_ledger)
{
	_cleanup_json_ json_t *partners = json_object();
	_cleanup_json_ json_t *rows = json_array();
	bool balance = true, numbered = true;
	int r = read_counts(e, partners);

	if (r == 0)
		r = documents_counted(e, &numbered);
	if (r == 0)
		r = add_rows(partners, rows, &balance);
	if (r < 0)
		return r;
	*ret_ledger = json_pack("{s:b,s:b,s:O}", "balanced", balance && numbered,
		"numbered", numbered, "destinations", rows);
	return *ret_ledger ? 0 : -ENOMEM;
}

/* -- the walk -------------------------------------------------------------- */

static int found(struct engine *e, const char *id, const char *destination,
	const char *is, const char *recorded)
{
	return ledger_walk_found(&e->walk,
		json_pack("{s:o,s:o,s:s,s:s}", "id", json_text(id), "destination",
			json_text(destination), "found", is, "recorded", recorded));
}

static int replay_document(struct engine *e, int64_t document, struct replay *ret)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_LEDGER_RECORDS, "i", (int64_t)document);
	int r;

	*ret = (struct replay){ 0 };
	while ((r = sql_step(e, s)) > 0) {
		_cleanup_json_ json_t *record =
			json_read(sql_octets(s, 0), QUEUE_RECORD_READ_MAX);

		if (record)
			replay_record(ret, record);
	}
	return r;
}

static const struct delivery_row *stored(
	const struct delivery_row *rows, int count, const char *destination)
{
	for (int i = 0; i < count; i++)
		if (strcmp(rows[i].destination, destination) == 0)
			return &rows[i];
	return NULL;
}

int delivery_elsewhere(struct engine *e, const struct delivery_row *d)
{
	struct replay p;
	int r;

	if (d->state != DELIVERY_REFUSED && d->state != DELIVERY_EXPIRED)
		return 0;
	r = replay_document(e, d->document, &p);
	for (size_t i = 0; r == 0 && i < p.count; i++)
		if (strcmp(p.deliveries[i].destination, d->destination) == 0)
			return p.deliveries[i].elsewhere;
	return r;
}

static int compare_deliveries(
	struct engine *e, const struct document_row *d, const struct replay *p)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int n = delivery_list(e, d->key, rows), r = n < 0 ? n : 0;

	for (size_t i = 0; r == 0 && i < p->count; i++) {
		const struct replay_delivery *told = &p->deliveries[i];
		const struct delivery_row *row = stored(rows, n, told->destination);

		if (!row || replay_class(row->state) != told->state)
			r = found(e, d->document.id, told->destination,
				row ? delivery_state_text(row->state) : "absent",
				delivery_state_text(told->state));
	}
	return r;
}

static int compare_document(struct engine *e, const struct document_row *d)
{
	struct replay p;
	int r = replay_document(e, d->key, &p);

	if (r == 0 && p.document != (enum document_state)d->document.state)
		r = found(e, d->document.id, NULL,
			document_state_text((enum document_state)d->document.state),
			document_state_text(p.document));
	return r < 0 ? r : compare_deliveries(e, d, &p);
}

int ledger_agrees(struct engine *e, const struct document_row *d)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	struct replay p;
	int n, r = replay_document(e, d->key, &p);

	if (r < 0 || p.document != (enum document_state)d->document.state)
		return r;
	n = delivery_list(e, d->key, rows);
	if (n < 0)
		return n;
	for (size_t i = 0; i < p.count; i++) {
		const struct delivery_row *row =
			stored(rows, n, p.deliveries[i].destination);

		if (!row || replay_class(row->state) != p.deliveries[i].state)
			return 0;
	}
	return 1;
}

/* The next rows of the round. Return: how many were looked at, or negative. */
static int walk_documents(struct engine *e, int limit)
{
	for (int n = 0; n < limit; n++) {
		struct document_row d;
		int r;
		{
			_cleanup_statement_ struct row *s =
				sql_bind(e, SQL_LEDGER_NEXT, "i", e->walk.document);

			r = sql_step(e, s);
			if (r <= 0)
				return r < 0 ? r : n;
			document_read(s, &d);
		}
		r = compare_document(e, &d);
		if (r < 0)
			return r;
		e->walk.document = d.key;
	}
	return limit;
}

/* Records of documents that are not there any more. */
static int walk_records(struct engine *e, int limit)
{
	_cleanup_statement_ struct row *s = sql_bind(
		e, SQL_LEDGER_ORPHANS, "ii", e->walk.position, e->walk.position + limit);
	int r;

	while ((r = sql_step(e, s)) > 0) {
		_cleanup_json_ json_t *record =
			json_read(sql_octets(s, 0), QUEUE_RECORD_READ_MAX);
		const char *event = record ? json_string_of(record, "event") : NULL;

		r = found(e, record ? json_string_of(record, "document") : NULL, NULL,
			"absent", event ? event : "unreadable");
		if (r < 0)
			return r;
	}
	if (r == 0)
		e->walk.position += limit;
	return r;
}

int engine_ledger_walk(struct engine *e, int limit)
{
	int n = e->backend->steady ? e->backend->steady(e) : 0, r;

	n = n < 0 ? n : walk_documents(e, limit);
	r = n < 0 ? n : walk_records(e, limit * 16);

	if (r < 0)
		return r;
	if (n == limit || e->walk.position < e->committed.position)
		return 1;
	ledger_walk_end(&e->walk);
	return 0;
}

const json_t *engine_ledger_found(const struct engine *e)
{
	return e->walk.standing.list;
}

int64_t engine_ledger_count(const struct engine *e)
{
	return e->walk.standing.count;
}

static json_t *walk_to_json(const struct engine *e)
{
	json_t *value = json_pack("{s:I,s:I}", "rounds", (json_int_t)e->walk.rounds,
		"documents", (json_int_t)e->walk.documents);

	if (value && ledger_walk_tell(&e->walk, value) == 0)
		return value;
	json_decref(value);
	return NULL;
}

int engine_ledger(struct engine *e, int *ret_fd)
{
	json_t *ledger = NULL;
	int r = ledger_read(e, &ledger);

	if (r < 0)
		return r;
	json_object_set_new(ledger, "check", walk_to_json(e));
	return json_to_fd(ledger, ret_fd);
}

/* Where there is more than one, each says which of how many it is. */
static int note_part(
	struct engine *e, int64_t now, const json_t *ledger, size_t which, size_t parts)
{
	json_t *rows = json_object_get(ledger, "destinations"), *some = json_array();
	json_t *detail = json_copy((json_t *)(uintptr_t)ledger);

	for (size_t i = which * BALANCE_ROWS;
		i < (which + 1) * BALANCE_ROWS && i < json_array_size(rows); i++)
		json_array_append(some, json_array_get(rows, i));
	json_object_set_new(detail, "destinations", some);
	if (parts > 1) {
		json_object_set_new(detail, "part", json_integer((json_int_t)which + 1));
		json_object_set_new(detail, "parts", json_integer((json_int_t)parts));
	}
	return audit_event(e, now, "queued", "ledger.balance", NULL, detail);
}

int engine_ledger_note(struct engine *e, int64_t now)
{
	_cleanup_json_ json_t *ledger = NULL;
	size_t rows, parts;
	int r = ledger_read(e, &ledger);

	if (r < 0)
		return r;
	json_object_set_new(ledger, "mismatches", json_integer(e->walk.standing.count));
	rows = json_array_size(json_object_get(ledger, "destinations"));
	parts = rows ? (rows + BALANCE_ROWS - 1) / BALANCE_ROWS : 1;
	for (size_t i = 0; r == 0 && i < parts; i++)
		r = note_part(e, now, ledger, i, parts);
	return r < 0 ? r : QUEUE_DONE;
}
