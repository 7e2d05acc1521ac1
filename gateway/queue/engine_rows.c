/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/backend.h"
#include "queue/replay.h"

#include <errno.h>
#include <string.h>

void document_read(struct row *s, struct document_row *ret_row)
{
	struct queue_document *d = &ret_row->document;
	struct span hash = sql_octets(s, 3);
	char state[16];

	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->key = sql_int(s, 0);
	sql_text(s, 1, d->id, sizeof(d->id));
	sql_text(s, 2, d->partner, sizeof(d->partner));
	if (hash.len == SHA256_SIZE)
		memcpy(d->sha256, hash.data, SHA256_SIZE);
	sql_text(s, 4, d->country, sizeof(d->country));
	sql_text(s, 5, d->import_country, sizeof(d->import_country));
	sql_text(s, 6, d->type, sizeof(d->type));
	sql_text(s, 7, d->number, sizeof(d->number));
	sql_text(s, 8, d->status, sizeof(d->status));
	sql_text(s, 9, state, sizeof(state));
	d->state = document_state_find(state);
	d->size = (uint32_t)sql_int(s, 10);
	d->received = sql_int(s, 11);
	d->held_until = sql_int(s, 12);
	sql_text(s, 13, d->hold_reason, sizeof(d->hold_reason));
	sql_text(s, 14, d->policy_digest, sizeof(d->policy_digest));
	sql_text(s, 15, d->store_version, sizeof(d->store_version));
	sql_text(s, 16, ret_row->correlation, sizeof(ret_row->correlation));
	ret_row->due = sql_int(s, 17);
	ret_row->fence = (uint64_t)sql_int(s, 18);
	ret_row->attempt = (uint32_t)sql_int(s, 19);
	ret_row->first_try = sql_int(s, 20);
	ret_row->urgency = (uint32_t)sql_int(s, 21);
	ret_row->rank = sql_int(s, 22);
	ret_row->share = (uint32_t)sql_int(s, DOCUMENT_SHARE);
}

static int find(struct engine *e, struct row *statement, struct document_row *ret_row)
{
	_cleanup_statement_ struct row *s = statement;
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	document_read(s, ret_row);
	return QUEUE_DONE;
}

int document_find(struct engine *e, const char *id, struct document_row *ret_row)
{
	return find(e, sql_bind(e, SQL_FIND_ID, "t", id), ret_row);
}

int document_lock(struct engine *e, const char *id, struct document_row *ret_row)
{
	return find(e, sql_bind(e, SQL_LOCK_ID, "t", id), ret_row);
}

int delivery_lock(struct engine *e, struct delivery_row *d)
{
	struct document_row doc;
	int r = find(e, sql_bind(e, SQL_LOCK_KEY, "i", d->document), &doc);

	if (r == QUEUE_DONE)
		r = delivery_find(e, d->document, d->destination, d);
	return r == QUEUE_NOT_FOUND ? -ENODATA : r;
}

int document_become(
	struct engine *e, struct document_row *d, enum document_state to, int64_t due)
{
	enum document_state from = (enum document_state)d->document.state;
	int r;

	if (from != to && !document_may_become(from, to))
		return QUEUE_ILLEGAL;
	if (to != DOCUMENT_HELD) {
		d->document.held_until = 0;
		memset(d->document.hold_reason, 0, sizeof(d->document.hold_reason));
	}
	d->document.state = to;
	d->due = due;
	r = sql_run(e, SQL_UPDATE_DOCUMENT, "itiiiiit", (int64_t)d->key,
		document_state_text(to), due, (int64_t)d->fence, (int64_t)d->attempt,
		d->first_try, d->document.held_until, d->document.hold_reason);
	return r < 0 ? r : QUEUE_DONE;
}

void delivery_read(struct row *s, struct delivery_row *ret_row)
{
	char state[16], from[16];

	memset(ret_row, 0, sizeof(*ret_row));
	ret_row->key = sql_int(s, 0);
	ret_row->document = sql_int(s, 1);
	sql_text(s, 2, ret_row->destination, sizeof(ret_row->destination));
	sql_text(s, 3, state, sizeof(state));
	sql_text(s, 4, from, sizeof(from));
	ret_row->state = delivery_state_find(state);
	ret_row->held_from = delivery_state_find(from);
	ret_row->hold = (int)sql_int(s, 5) != 0;
	ret_row->received = sql_int(s, 6);
	ret_row->due = sql_int(s, 7);
	ret_row->fence = (uint64_t)sql_int(s, 8);
	ret_row->attempt = (uint32_t)sql_int(s, 9);
	ret_row->first_try = sql_int(s, 10);
	ret_row->form = (uint32_t)sql_int(s, 12);
	/* a program that knows of no doubt may have been at work meanwhile */
	ret_row->doubt = sql_int(s, 13) != 0 || ret_row->state == DELIVERY_UNKNOWN ||
			 ret_row->held_from == DELIVERY_UNKNOWN;
	ret_row->updated = sql_int(s, 14);
}

int delivery_find(struct engine *e, int64_t document, const char *destination,
	struct delivery_row *ret_row)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_FIND_DELIVERY, "it", (int64_t)document, destination);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	delivery_read(s, ret_row);
	return QUEUE_DONE;
}

static int select_all(struct engine *e, enum statement which, int64_t document,
	struct delivery_row ret_rows[QUEUE_DELIVERIES_MAX])
{
	_cleanup_statement_ struct row *s = sql_bind(e, which, "i", document);
	int count = 0, r;

	while ((r = sql_step(e, s)) > 0 && count < QUEUE_DELIVERIES_MAX)
		delivery_read(s, &ret_rows[count++]);
	return r < 0 ? r : count;
}

int delivery_all(struct engine *e, int64_t document,
	struct delivery_row ret_rows[QUEUE_DELIVERIES_MAX])
{
	return select_all(e, SQL_LOCK_DELIVERIES, document, ret_rows);
}

int delivery_list(struct engine *e, int64_t document,
	struct delivery_row ret_rows[QUEUE_DELIVERIES_MAX])
{
	return select_all(e, SQL_ALL_DELIVERIES, document, ret_rows);
}

static const char *held_from_text(const struct delivery_row *d)
{
	return d->held_from == DELIVERY_NONE ? "" : delivery_state_text(d->held_from);
}

/* Count what comes to its end or back from it. */
static int count_flow(
	struct engine *e, const struct delivery_row *d, enum delivery_state to)
{
	bool ended = to == DELIVERY_DELIVERED || to == DELIVERY_REFUSED ||
		     to == DELIVERY_EXPIRED;

	if (d->state == to)
		return 0;
	if (ended)
		return flow_count(
			e, d->document, d->destination, delivery_state_text(to));
	return d->state == DELIVERY_REFUSED || d->state == DELIVERY_EXPIRED
		       ? flow_count(e, d->document, d->destination, "returned")
		       : 0;
}

int delivery_become(
	struct engine *e, struct delivery_row *d, enum delivery_state to, int64_t now)
{
	int r;

	if (d->state != to && !delivery_may_become(d->state, to))
		return QUEUE_ILLEGAL;
	r = count_flow(e, d, to);
	if (r < 0)
		return r;
	d->state = to;
	if (to != DELIVERY_HELD)
		d->held_from = DELIVERY_NONE;
	if (to != DELIVERY_SENDING)
		d->hold = false;
	if (to == DELIVERY_UNKNOWN)
		d->doubt = true;
	r = sql_run(e, SQL_UPDATE_DELIVERY, "ittiiiiiiii", (int64_t)d->key,
		delivery_state_text(to), held_from_text(d), (int64_t)d->hold, d->due,
		(int64_t)d->fence, (int64_t)d->attempt, d->first_try, now,
		(int64_t)d->form, (int64_t)d->doubt);
	if (r == 0 && replay_class(to) != DELIVERY_QUEUED)
		r = relation_let_followers_go(e, now, d);
	if (r == 0 && replay_class(to) != DELIVERY_QUEUED)
		r = notice_let_go(e, now, d);
	return r < 0 ? r : QUEUE_DONE;
}

/* Only a decision is not asked for before its time: what a clock that was ahead has
 * received may go now. */
int64_t delivery_from(const struct delivery_row *d, int64_t now)
{
	const char *notice = strchr(d->destination, DESTINATION_NOTICE);

	if (d->received > now && (!notice || strcmp(notice, NOTICE_DECISION) != 0))
		return now;
	return d->received;
}

int delivery_queue(struct engine *e, int64_t now, struct delivery_row *d)
{
	enum delivery_state to = DELIVERY_QUEUED;

	if (d->state == DELIVERY_HELD) {
		d->held_from = DELIVERY_QUEUED;
		to = DELIVERY_HELD;
	}
	d->due = delivery_from(d, now) > now ? d->received : 0;
	return delivery_become(e, d, to, now);
}
