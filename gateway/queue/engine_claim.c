/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int due_next(struct engine *e, struct row *statement, int64_t *ret_due)
{
	_cleanup_statement_ struct row *s = statement;
	int r = sql_step(e, s);

	if (r > 0 && !sql_null(s, 0) && sql_int(s, 0) < *ret_due)
		*ret_due = sql_int(s, 0);
	return r < 0 ? r : 0;
}

static int lease_document(
	struct engine *e, int64_t now, int lease_s, struct document_row *d)
{
	d->due = now + lease_s;
	d->fence++;
	d->attempt++;
	return sql_run(e, SQL_LEASE_DOCUMENT, "iiiii", (int64_t)d->key, d->due,
		(int64_t)d->fence, (int64_t)d->attempt,
		d->first_try ? d->first_try : now);
}

static int read_parts(struct engine *e, int64_t key, int ret_fds[3])
{
	static const struct {
		enum queue_part part;
		size_t max;
	} PARTS[3] = { { QUEUE_DOCUMENT, LIMIT_DOCUMENT }, { QUEUE_REPORT, LIMIT_REPORT },
		{ QUEUE_RECEIPT, LIMIT_RECEIPT } };

	for (size_t i = 0; i < 3; i++) {
		int r = part_read(e, key, PARTS[i].part, PARTS[i].max, &ret_fds[i]);

		if (r != QUEUE_DONE)
			return r < 0 ? r : -ENODATA;
	}
	return QUEUE_DONE;
}

/* The next due document under a new lease. QUEUE_DONE, QUEUE_EMPTY, negative. */
static int claim_document(struct engine *e, int64_t now, int lease_s,
	const struct line *line, struct document_row *ret_row,
	struct queue_claim *ret_claim, int64_t *ret_due)
{
	_cleanup_statement_ struct row *s = NULL;
	struct document_row d;
	int r;

	*ret_due = INT64_MAX;
	r = leases_look(e, now);
	if (r < 0)
		return r;
	r = turn_take(e, line, now, &s, ret_due);
	if (r <= 0)
		return r < 0 ? r : QUEUE_EMPTY;
	document_read(s, &d);
	r = lease_document(e, now, lease_s, &d);
	if (r < 0)
		return r;
	*ret_claim = (struct queue_claim){ .document = d.document,
		.fence = d.fence,
		.attempt = d.attempt,
		.first_try = d.first_try };
	*ret_row = d;
	return QUEUE_DONE;
}

static void close_parts(int fds[3])
{
	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(take_fd(&fds[i]));
}

/* There may be more behind what was set aside. */
static int ask_again(int64_t now, int64_t *ret_due)
{
	*ret_due = now;
	return QUEUE_EMPTY;
}

int engine_claim_seal(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int ret_fds[3], int64_t *ret_due)
{
	const struct line line = { SQL_SEAL_LOOK, SQL_SEAL_COME, SQL_SEAL_PARTNER,
		SQL_CLAIM_SEAL, DOCUMENT_SHARE, NULL, &e->seal_turn };

	e->seal_asked = now;
	for (int n = 0; n < SET_ASIDE_MAX; n++) {
		struct document_row d;
		int r = claim_document(e, now, lease_s, &line, &d, ret_claim, ret_due);

		if (r != QUEUE_DONE)
			return r;
		r = read_parts(e, d.key, ret_fds);
		if (r == QUEUE_DONE)
			r = stamp_there(e, d.key, &ret_claim->stamped);
		if (!row_spoiled(r))
			return r;
		close_parts(ret_fds);
		r = document_set_aside(e, now, &d);
		if (r != QUEUE_DONE)
			return r;
	}
	return ask_again(now, ret_due);
}

int engine_claim_held(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int *ret_fd, int64_t *ret_due)
{
	const struct line line = { SQL_HELD_LOOK, SQL_HELD_COME, SQL_HELD_PARTNER,
		SQL_CLAIM_HELD, DOCUMENT_SHARE, NULL, &e->held_turn };

	for (int n = 0; n < SET_ASIDE_MAX; n++) {
		struct document_row d;
		int r = claim_document(e, now, lease_s, &line, &d, ret_claim, ret_due);

		if (r != QUEUE_DONE)
			return r;
		r = blob_read(e, d.key, QUEUE_DOCUMENT, LIMIT_DOCUMENT, ret_fd);
		if (r != QUEUE_NOT_FOUND && !row_spoiled(r))
			return r;
		r = held_set_aside(e, now, &d);
		if (r != QUEUE_DONE)
			return r;
	}
	return ask_again(now, ret_due);
}

int engine_held_due(struct engine *e, int64_t now)
{
	int r = sql_run(e, SQL_HELD_DUE, "i", now);

	return r < 0 ? r : QUEUE_DONE;
}

int document_by_key(struct engine *e, int64_t key, struct document_row *ret_row)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_FIND_KEY, "i", key);
	int r = sql_step(e, s);

	if (r > 0)
		document_read(s, ret_row);
	return r < 0 ? r : r > 0 ? 0 : -ENODATA;
}

int delivery_document(
	struct engine *e, const struct delivery_row *d, struct document_row *ret_row)
{
	return document_by_key(e, d->document, ret_row);
}

/* An attempt that nobody finished: its outcome is unknown. */
static int expire_one(struct engine *e, int64_t now, struct delivery_row *d)
{
	struct document_row doc;
	int r = delivery_document(e, d, &doc);

	d->due = now;
	return r < 0 ? r
		     : delivery_settle(e, now, &doc, d, DELIVERY_UNKNOWN, "queued",
			       json_pack("{s:s}", "reason", "the lease ran out"));
}

static int select_expired(
	struct engine *e, int64_t now, struct delivery_row *ret_rows, int max)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_EXPIRED_LEASES, "i", now);
	int count = 0, r = 0;

	while (count < max && (r = sql_step(e, s)) > 0)
		delivery_read(s, &ret_rows[count++]);
	return r < 0 ? r : count;
}

int engine_expire_leases(struct engine *e, int64_t now)
{
	struct delivery_row rows[16];
	int count = select_expired(e, now, rows, 16);

	for (int i = 0; i < count; i++) {
		int r = expire_one(e, now, &rows[i]);

		if (r < 0)
			return r;
	}
	return count < 0 ? count : QUEUE_DONE;
}

static int select_delivery(struct engine *e, int64_t now, const char *destination,
	struct delivery_row *ret_row, int64_t *ret_due)
{
	const struct line line = { SQL_DELIVERY_LOOK, SQL_DELIVERY_COME,
		SQL_DELIVERY_PARTNER, SQL_CLAIM_DELIVERY, DELIVERY_SHARE, destination,
		turn_at(e, destination) };
	_cleanup_statement_ struct row *s = NULL;
	int r = turn_take(e, &line, now, &s, ret_due);

	if (r > 0)
		delivery_read(s, ret_row);
	return r;
}

/* What the document says about an earlier one, for this destination. */
static int add_relation(struct engine *e, const struct document_row *doc,
	const struct delivery_row *d, struct queue_claim *c)
{
	struct relation_row relation;
	int r = relation_told(e, doc->key, d->destination, &relation, c->original_reply);

	if (r == 0 && relation.relation != RELATION_NONE) {
		c->relation = relation.relation;
		memcpy(c->original, relation.number, sizeof(c->original));
	}
	if (r == 0)
		r = relation_ended(e, doc, d);
	c->ended = r > 0;
	return r < 0 ? r : 0;
}

static int send_delivery(struct engine *e, int64_t now, int lease_s, uint32_t form,
	const struct document_row *doc, struct delivery_row *d,
	struct queue_claim *ret_claim)
{
	struct queue_claim c = {
		.document = doc->document, .first_try = d->first_try, .look_up = d->doubt
	};
	int r;

	d->due = now + lease_s;
	c.fence = ++d->fence;
	c.attempt = ++d->attempt;
	if (!d->first_try)
		d->first_try = now;
	if (!c.look_up || !d->form)
		d->form = form;
	c.form = d->form;
	memcpy(c.destination, d->destination, sizeof(c.destination));
	r = add_relation(e, doc, d, &c);
	if (r < 0)
		return r;
	r = delivery_become(e, d, DELIVERY_SENDING, now);
	if (r != QUEUE_DONE)
		return r;
	*ret_claim = c;
	r = audit_event(e, now, "queued", "delivery.sending", doc,
		json_pack("{s:s,s:i,s:b}", "destination", d->destination, "attempt",
			(int)d->attempt, "look_up", (int)c.look_up));
	return r < 0 ? r : QUEUE_DONE;
}

/* The version of both schemas by which it is known what was sent. */
const char SENT_FORM[] =
	"ALTER TABLE deliveries ADD COLUMN form INTEGER NOT NULL DEFAULT 0"
	" CHECK(form BETWEEN 0 AND 3);";

/* And the one by which it is known what may have arrived. The program before kept it only
 * in words, or not at all, of what has come to its end and of what it put off after an
 * answer that says nothing of what was done; held and released, that is queued. */
const char SENT_DOUBT[] =
	"ALTER TABLE deliveries ADD COLUMN doubt INTEGER NOT NULL DEFAULT 0"
	" CHECK(doubt BETWEEN 0 AND 1);"
	"UPDATE deliveries SET doubt=1 WHERE (state='expired' AND fence>0)"
	" OR (state<>'delivered' AND (detail LIKE '%an earlier attempt may have %'"
	" OR detail LIKE 'HTTP 2%' OR detail LIKE 'HTTP 3%' OR detail='HTTP 408'));";

/* The next delivery that is due, or none. QUEUE_DONE, QUEUE_EMPTY, negative; *ret_spoiled
 * when it was moved aside instead. */
static int claim_one(struct engine *e, int64_t now, const char *destination, int lease_s,
	uint32_t form, struct queue_claim *ret_claim, int *ret_fd, bool *ret_spoiled,
	int64_t *ret_due)
{
	struct document_row doc;
	struct delivery_row d;
	int r = select_delivery(e, now, destination, &d, ret_due);

	*ret_spoiled = false;
	if (r <= 0)
		return r < 0 ? r : QUEUE_EMPTY;
	r = delivery_document(e, &d, &doc);
	if (r == 0)
		r = send_delivery(e, now, lease_s, form, &doc, &d, ret_claim);
	if (r != QUEUE_DONE)
		return r;
	r = part_read(e, doc.key, QUEUE_CONTAINER, LIMIT_CONTAINER, ret_fd);
	if (r != QUEUE_NOT_FOUND && !row_spoiled(r))
		return r;
	*ret_spoiled = true;
	return delivery_set_aside(e, now, &doc, &d, ret_claim->look_up);
}

static int when_due(struct engine *e, int64_t *ret_due)
{
	int r = due_next(e, sql_bind(e, SQL_NEXT_EXPIRY, ""), ret_due);

	return r < 0 ? r : QUEUE_EMPTY;
}

int engine_claim_delivery(struct engine *e, int64_t now, const char *destination,
	int lease_s, uint32_t form, struct queue_claim *ret_claim, int *ret_fd,
	int64_t *ret_due)
{
	char base[DESTINATION_NAME_SIZE];
	bool spoiled = true;
	int r = leases_look(e, now);

	e->forward_asked = now;
	*ret_due = INT64_MAX;
	if (r == 0)
		r = engine_expire_leases(e, now);
	if (r < 0)
		return r;
	destination_base(destination, base);
	r = maintenance_now(e, now, base, "", ret_due);
	if (r != 0)
		return r < 0 ? r : QUEUE_EMPTY;
	for (int n = 0; spoiled && n < SET_ASIDE_MAX; n++) {
		r = claim_one(e, now, destination, lease_s, form, ret_claim, ret_fd,
			&spoiled, ret_due);
		if (r != QUEUE_DONE)
			return r == QUEUE_EMPTY ? when_due(e, ret_due) : r;
	}
	return spoiled ? ask_again(now, ret_due) : QUEUE_DONE;
}
