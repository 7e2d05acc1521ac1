/* SPDX-License-Identifier: EUPL-1.2 */
/* Held documents whose octets get an evidence record: which wait for one, and each. */
#include "common/json.h"
#include "common/memfd.h"
#include "queue/backend.h"

#include <errno.h>

/* What one waits for. */
struct stamp_row {
	int64_t document;
	uint64_t fence;
	uint32_t attempt;
};

int stamp_start(struct engine *e, int64_t document)
{
	return sql_run(e, SQL_STAMP_START, "i", document);
}

static int find(
	struct engine *e, enum statement which, int64_t key, struct stamp_row *ret)
{
	_cleanup_statement_ struct row *s = sql_bind(e, which, "i", key);
	int r = sql_step(e, s);

	if (r <= 0)
		return r;
	*ret = (struct stamp_row){ .document = sql_int(s, 0),
		.fence = (uint64_t)sql_int(s, 1),
		.attempt = (uint32_t)sql_int(s, 2) };
	return 1;
}

/* The document of one under a new lease. *ret_held: it is held still, and its octets are
 * in *ret_fd; otherwise it waits for nothing any more. Return: 0 or negative. */
static int lease(struct engine *e, int64_t now, int lease_s, const struct stamp_row *w,
	struct queue_claim *ret_claim, int *ret_fd, bool *ret_held)
{
	struct document_row d;
	int r = document_by_key(e, w->document, &d);

	*ret_held = r == 0 && d.document.state == DOCUMENT_HELD;
	if (*ret_held) {
		r = blob_read(e, w->document, QUEUE_DOCUMENT, LIMIT_DOCUMENT, ret_fd);
		/* Whoever judges it again says what is missing. */
		*ret_held = r == QUEUE_DONE;
		if (r == QUEUE_NOT_FOUND || row_spoiled(r))
			r = QUEUE_DONE;
	}
	if (r < 0)
		return r;
	*ret_claim = (struct queue_claim){
		.document = d.document, .fence = w->fence + 1, .attempt = w->attempt + 1
	};
	return sql_run(e, *ret_held ? SQL_STAMP_LEASE : SQL_STAMP_AGAIN, "ii",
		w->document, *ret_held ? now + lease_s : (int64_t)0);
}

static int nothing(struct engine *e, int64_t *ret_due)
{
	int r = due_next(e, sql_bind(e, SQL_STAMP_NEXT, ""), ret_due);

	return r < 0 ? r : QUEUE_EMPTY;
}

int engine_claim_stamp(struct engine *e, int64_t now, int lease_s,
	struct queue_claim *ret_claim, int *ret_fd, int64_t *ret_due)
{
	int r = leases_look(e, now);

	*ret_due = INT64_MAX;
	if (r < 0)
		return r;
	for (int n = 0; n < SET_ASIDE_MAX; n++) {
		struct stamp_row w;
		bool held;

		r = find(e, SQL_STAMP_DUE, now, &w);
		if (r <= 0)
			return r < 0 ? r : nothing(e, ret_due);
		r = lease(e, now, lease_s, &w, ret_claim, ret_fd, &held);
		if (r < 0 || held)
			return r < 0 ? r : QUEUE_DONE;
	}
	*ret_due = now;
	return QUEUE_EMPTY;
}

static int keep_record(
	struct engine *e, int64_t now, const struct document_row *d, struct span record)
{
	char digest[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(record, digest);

	if (r == 0)
		r = sql_run(e, SQL_STAMP_DONE, "ib", (int64_t)d->key, record);
	return r < 0 ? r
		     : audit_event(e, now, "seal", "document.stamped", d,
			       json_pack("{s:s}", "record_sha256", digest));
}

int engine_stamped(struct engine *e, int64_t now, const struct queue_stamped_request *q,
	struct span record)
{
	struct document_row d;
	struct stamp_row w;
	int r = document_find(e, q->id, &d);

	if (r != QUEUE_DONE)
		return r;
	r = find(e, SQL_STAMP_OF, d.key, &w);
	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	if (q->fence == 0 || q->fence != w.fence)
		return QUEUE_STALE;
	if (!record.len && q->retry_at <= 0)
		return QUEUE_ILLEGAL;
	r = record.len ? keep_record(e, now, &d, record)
		       : sql_run(e, SQL_STAMP_AGAIN, "ii", (int64_t)d.key, q->retry_at);
	return r < 0 ? r : QUEUE_DONE;
}

int stamp_read(struct engine *e, int64_t document, int *ret_fd)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_STAMP_READ, "i", document);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	r = memfd_from("record", sql_octets(s, 0));
	if (r < 0)
		return r;
	*ret_fd = r;
	return QUEUE_DONE;
}

int stamp_there(struct engine *e, int64_t document, uint32_t *ret_there)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_STAMP_READ, "i", document);
	int r = sql_step(e, s);

	*ret_there = r > 0;
	return r < 0 ? r : QUEUE_DONE;
}

json_t *stamps_to_json(struct engine *e)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_STAMP_STATS, "");
	int r = sql_step(e, s);

	if (r <= 0)
		return NULL;
	return json_pack("{s:I,s:o}", "waiting", (json_int_t)sql_int(s, 0), "since",
		json_time(sql_int(s, 1)));
}
