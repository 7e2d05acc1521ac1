/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/id.h"
#include "queue/audit.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The document that a select finds. Return: QUEUE_DONE, QUEUE_NOT_FOUND, negative. */
static int read_one(struct engine *e, struct row *statement, struct queue_document *ret)
{
	_cleanup_statement_ struct row *s = statement;
	struct document_row row;
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	document_read(s, &row);
	*ret = row.document;
	return QUEUE_DONE;
}

/* Same partner, same octets. */
static int find_octets(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	return read_one(e,
		sql_bind(e, SQL_FIND_HASH, "bt", span_of(s->sha256, SHA256_SIZE),
			s->partner),
		ret_first);
}

static int find_number(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	if (!s->number[0])
		return QUEUE_NOT_FOUND;
	return read_one(e,
		sql_bind(e, SQL_FIND_NUMBER, "tttt", s->number, s->type, s->country,
			s->status),
		ret_first);
}

static int held_full(struct engine *e, const struct queue_submission *s)
{
	_cleanup_statement_ struct row *count =
		sql_bind(e, SQL_HELD_COUNT, "ti", s->partner, (int64_t)QUEUE_HELD_MAX);
	int r = sql_step(e, count);

	if (r < 0)
		return r;
	return r > 0 && sql_int(count, 0) >= QUEUE_HELD_MAX ? QUEUE_FULL : QUEUE_DONE;
}

int engine_find(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	int r = find_octets(e, s, ret_first);

	if (r != QUEUE_NOT_FOUND)
		return r == QUEUE_DONE ? QUEUE_DUPLICATE : r;
	r = find_number(e, s, ret_first);
	if (r != QUEUE_NOT_FOUND)
		return r == QUEUE_DONE ? QUEUE_CONFLICT : r;
	r = paper_find(e, s, ret_first);
	if (r != QUEUE_NOT_FOUND)
		return r == QUEUE_DONE ? QUEUE_PAPER : r;
	return s->state == DOCUMENT_HELD ? held_full(e, s) : QUEUE_DONE;
}

/* The same id again is the same commit asked twice, after a lost answer. */
static int find_before_insert(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	struct document_row row;
	int r = document_find(e, s->id, &row);

	if (r < 0)
		return r;
	if (r == QUEUE_DONE) {
		if (strcmp(row.document.partner, s->partner) != 0 ||
			memcmp(row.document.sha256, s->sha256, SHA256_SIZE) != 0)
			return QUEUE_ILLEGAL;
		*ret_first = row.document;
		return QUEUE_DUPLICATE;
	}
	return s->state == DOCUMENT_REFUSED ? QUEUE_DONE : engine_find(e, s, ret_first);
}

/* What is refused has no document and no receipt; all else has everything. */
static bool parts_ok(const struct queue_submission *s, const struct engine_parts *p)
{
	uint8_t digest[SHA256_SIZE];

	if (!p->report.data || !p->record.data || !audit_record_ok(p->record, s->id))
		return false;
	if (s->state == DOCUMENT_REFUSED)
		return !p->document.data && !p->receipt.data;
	return p->document.data && p->receipt.data && p->document.len == s->size &&
	       digest_sha256(p->document, digest) == 0 &&
	       memcmp(digest, s->sha256, SHA256_SIZE) == 0;
}

/* What passed in a sandbox goes nowhere and has no real document's key; nothing else has
 * a sandbox's. */
static bool sandbox_ok(const struct queue_submission *s)
{
	bool key = strncmp(s->type, SANDBOX_PREFIX, strlen(SANDBOX_PREFIX)) == 0;

	if (s->state == DOCUMENT_SANDBOX)
		return key && s->destination_count == 0;
	return !key || s->state == DOCUMENT_REFUSED;
}

static bool submission_ok(const struct queue_submission *s)
{
	if (s->state != DOCUMENT_REFUSED && s->state != DOCUMENT_HELD &&
		s->state != DOCUMENT_ACCEPTED && s->state != DOCUMENT_SANDBOX)
		return false;
	if (!sandbox_ok(s))
		return false;
	if (s->destination_count > QUEUE_DESTINATIONS_MAX || !id_valid(s->id) ||
		!s->partner[0] || s->received <= 0)
		return false;
	if (s->state != DOCUMENT_REFUSED && !s->number[0])
		return false;
	for (uint32_t i = 0; i < s->destination_count; i++)
		if (!s->destinations[i][0])
			return false;
	if (s->relation >= RELATIONS ||
		(s->relation != RELATION_NONE) != (s->original[0] != '\0'))
		return false;
	if (s->urgency > URGENCY_C || s->share > SHARE_MAX || s->rank < 0)
		return false;
	return (s->state == DOCUMENT_HELD) == (s->hold_reason[0] != '\0');
}

static int insert_document(
	struct engine *e, const struct queue_submission *s, int64_t *ret_key)
{
	bool held = s->state == DOCUMENT_HELD;
	_cleanup_statement_ struct row *row = sql_bind(e, SQL_INSERT_DOCUMENT,
		"ttbttttttiiittttiiii", s->id, s->partner,
		span_of(s->sha256, SHA256_SIZE), s->country, s->import_country, s->type,
		s->number, s->status, document_state_text((enum document_state)s->state),
		(int64_t)s->size, s->received, held ? s->held_until : (int64_t)0,
		s->hold_reason, s->policy_digest, s->store_version, s->correlation,
		held ? s->received + QUEUE_HELD_RETRY_S : (int64_t)0,
		(int64_t)(s->urgency ? s->urgency : URGENCY_B),
		s->rank ? s->rank : s->received, (int64_t)(s->share ? s->share : 1));

	int r = sql_step(e, row);

	if (r > 0)
		*ret_key = sql_int(row, 0);
	else
		*ret_key = r == 0 && e->backend->last_key ? e->backend->last_key(e) : 0;
	return r < 0 ? r : 0;
}

static int insert_parts(struct engine *e, int64_t key, const struct engine_parts *p)
{
	int r = blob_write(e, key, QUEUE_REPORT, p->report);

	if (r == 0 && p->document.data)
		r = blob_write(e, key, QUEUE_DOCUMENT, p->document);
	if (r == 0 && p->receipt.data)
		r = blob_write(e, key, QUEUE_RECEIPT, p->receipt);
	return r;
}

static int insert_deliveries(
	struct engine *e, int64_t key, const struct queue_submission *s)
{
	int r = 0;

	for (uint32_t i = 0;
		r == 0 && s->state != DOCUMENT_REFUSED && i < s->destination_count; i++) {
		r = sql_run(e, SQL_INSERT_DELIVERY, "iti", (int64_t)key,
			s->destinations[i], s->received);
		if (r == 0)
			r = flow_count(e, key, s->destinations[i], "entered");
	}
	return r;
}

/* What it says of earlier ones counts once it is accepted. */
static int relate(struct engine *e, int64_t key, const struct queue_submission *s)
{
	struct document_row row;
	int r = s->state == DOCUMENT_REFUSED ? 0 : relation_insert(e, key, s);

	if (r < 0 || s->relation == RELATION_NONE ||
		(s->state != DOCUMENT_ACCEPTED && s->state != DOCUMENT_SANDBOX))
		return r;
	r = document_find(e, s->id, &row);
	if (r != QUEUE_DONE)
		return r;
	return s->state == DOCUMENT_SANDBOX ? relation_rehearse(e, s->received, &row)
					    : relation_take_effect(e, s->received, &row);
}

/* Another appliance has committed the like of it in between: now it is found. */
static int lost_the_race(struct engine *e, const struct queue_submission *s,
	struct queue_document *ret_first)
{
	int r = find_before_insert(e, s, ret_first);

	return r == QUEUE_DONE ? -EAGAIN : r;
}

int engine_insert(struct engine *e, const struct queue_submission *s,
	const struct engine_parts *parts, struct queue_document *ret_first)
{
	int64_t key;
	int r;

	if (!submission_ok(s) || !parts_ok(s, parts))
		return QUEUE_ILLEGAL;
	r = find_before_insert(e, s, ret_first);
	if (r != QUEUE_DONE)
		return r;
	r = insert_document(e, s, &key);
	if (r == 0 && key == 0)
		return lost_the_race(e, s, ret_first);
	if (r == 0)
		r = paper_take(e, key, s, ret_first);
	if (r == QUEUE_PAPER)
		return r;
	if (r >= 0)
		r = insert_parts(e, key, parts);
	if (r == 0 && s->state == DOCUMENT_HELD)
		r = stamp_start(e, key);
	if (r == 0)
		r = insert_deliveries(e, key, s);
	if (r == 0)
		r = audit_append(e, key, parts->record);
	if (r == 0)
		r = relate(e, key, s);
	if (r == 0 && s->state == DOCUMENT_SANDBOX)
		r = outcomes_rehearse(e, s->received, s->id);
	return r < 0 ? r : QUEUE_DONE;
}
