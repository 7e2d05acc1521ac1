/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/json.h"
#include "queue/backend.h"
#include "queue/replay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Ends are the partner's business, attempts are not. */
static int tell(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *d, const char *event, const json_t *detail)
{
	const struct outcome o = { .event = event,
		.destination = d->destination,
		.state = delivery_state_text(d->state),
		.reply_id = json_string_of(detail, "reply_id"),
		.detail = json_string_of(detail, "text") };

	return replay_class(d->state) == DELIVERY_QUEUED ? 0
							 : outcome_add(e, now, doc, &o);
}

int delivery_settle(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d, enum delivery_state to, const char *actor, json_t *detail)
{
	bool hold = d->hold && (to == DELIVERY_DEFERRED || to == DELIVERY_UNKNOWN);
	char event[64];
	int r = delivery_become(e, d, to, now);

	json_object_set_new(detail, "destination", json_text(d->destination));
	if (r != QUEUE_DONE) {
		json_decref(detail);
		return r;
	}
	snprintf(event, sizeof(event), "delivery.%s", delivery_state_text(to));
	r = tell(e, now, doc, d, event, detail);
	if (r < 0) {
		json_decref(detail);
		return r;
	}
	r = audit_event(e, now, actor, event, doc, detail);
	if (r < 0 || !hold)
		return r < 0 ? r : QUEUE_DONE;
	d->held_from = to == DELIVERY_UNKNOWN ? DELIVERY_UNKNOWN : DELIVERY_QUEUED;
	r = delivery_become(e, d, DELIVERY_HELD, now);
	if (r != QUEUE_DONE)
		return r;
	r = audit_event(e, now, "queued", "delivery.held", doc,
		json_pack("{s:s}", "destination", d->destination));
	return r < 0 ? r : QUEUE_DONE;
}

/* What waited for the seal may go, unless the document that it follows comes first. */
static int release_deliveries(
	struct engine *e, int64_t now, int64_t document, json_t *ret_destinations)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int count, r = relation_lock(e, document);

	if (r < 0)
		return r;
	count = delivery_all(e, document, rows);
	for (int i = 0; i < count; i++) {
		struct delivery_row *d = &rows[i];

		if (d->state != DELIVERY_WAITING && d->held_from != DELIVERY_WAITING)
			continue;
		r = relation_waits(e, document, d->destination);
		if (r > 0)
			continue;
		if (r == 0)
			r = delivery_queue(e, now, d);
		if (r != QUEUE_DONE)
			return r;
		json_array_append_new(ret_destinations, json_text(d->destination));
	}
	return count < 0 ? count : QUEUE_DONE;
}

int document_claimed(
	struct engine *e, const char *id, uint64_t fence, struct document_row *ret_row)
{
	int r = document_lock(e, id, ret_row);

	if (r != QUEUE_DONE)
		return r;
	if (fence == 0 || ret_row->fence != fence)
		return QUEUE_STALE;
	return QUEUE_DONE;
}

static int store_container(struct engine *e, const struct document_row *d,
	struct span container, json_t **ret_detail)
{
	char digest[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(container, digest);

	if (r == 0)
		r = blob_write(e, d->key, QUEUE_CONTAINER, container);
	if (r < 0)
		return r;
	*ret_detail = json_pack("{s:s,s:I,s:[]}", "container_sha256", digest, "size",
		(json_int_t)container.len, "destinations");
	return *ret_detail ? 0 : -ENOMEM;
}

int engine_sealed(struct engine *e, int64_t now, const char *id, uint64_t fence,
	struct span container)
{
	_cleanup_json_ json_t *detail = NULL;
	struct document_row d;
	int r = document_claimed(e, id, fence, &d);

	if (r != QUEUE_DONE)
		return r;
	if (d.document.state == DOCUMENT_SEALED)
		return QUEUE_DONE; /* the same claim reported twice after a lost answer */
	if (d.document.state != DOCUMENT_ACCEPTED || container.len == 0)
		return QUEUE_ILLEGAL;
	r = store_container(e, &d, container, &detail);
	if (r < 0)
		return r;
	/* By which the signer's count is reconciled: each attempt signs once. */
	if (json_object_set_new(detail, "attempt", json_integer((int)d.attempt)) < 0)
		return -ENOMEM;
	r = document_become(e, &d, DOCUMENT_SEALED, 0);
	if (r == QUEUE_DONE)
		r = release_deliveries(
			e, now, d.key, json_object_get(detail, "destinations"));
	if (r == QUEUE_DONE)
		r = audit_event(
			e, now, "seal", "document.sealed", &d, json_incref(detail));
	if (r == 0)
		r = outcome_add(e, now, &d,
			&(struct outcome){
				.event = "document.sealed", .state = "sealed" });
	return r < 0 ? r : r == 0 ? QUEUE_DONE : r;
}

int engine_seal_failed(struct engine *e, int64_t now, const char *id, uint64_t fence,
	int64_t retry_at, const char *reason)
{
	struct document_row d;
	char retry[CLOCK_TEXT_SIZE];
	int r = document_claimed(e, id, fence, &d);

	if (r != QUEUE_DONE)
		return r;
	if (d.document.state != DOCUMENT_ACCEPTED)
		return d.document.state == DOCUMENT_QUARANTINED && retry_at == 0
			       ? QUEUE_DONE
			       : QUEUE_ILLEGAL;
	if (!d.first_try)
		d.first_try = now;
	clock_format(retry_at, retry);
	r = document_become(
		e, &d, retry_at ? DOCUMENT_ACCEPTED : DOCUMENT_QUARANTINED, retry_at);
	if (r != QUEUE_DONE)
		return r;
	r = audit_event(e, now, "seal",
		retry_at ? "document.seal-failed" : "document.quarantined", &d,
		json_pack("{s:o,s:i,s:o*}", "reason", json_text(reason), "attempt",
			(int)d.attempt, "retry_at",
			retry_at ? json_string(retry) : NULL));
	return r < 0 ? r : QUEUE_DONE;
}

static bool is_result(enum delivery_state s)
{
	return s == DELIVERY_DELIVERED || s == DELIVERY_DEFERRED ||
	       s == DELIVERY_UNKNOWN || s == DELIVERY_REFUSED || s == DELIVERY_EXPIRED;
}

/* The delivery of a claim, in state sending, or what stands in the way. *ret_again: this
 * very result was reported before. */
static int claimed_delivery(struct engine *e, int64_t now,
	const struct queue_delivery_result_request *q, struct document_row *ret_doc,
	struct delivery_row *ret_row, bool *ret_again)
{
	int r = document_lock(e, q->id, ret_doc);

	*ret_again = false;
	if (r == QUEUE_DONE)
		r = delivery_find(e, ret_doc->key, q->destination, ret_row);
	if (r != QUEUE_DONE)
		return r;
	if (q->fence == 0 || ret_row->fence != q->fence)
		return QUEUE_STALE;
	if (ret_row->state == DELIVERY_SENDING)
		return QUEUE_DONE;
	if (ret_row->state == (enum delivery_state)q->state ||
		(ret_row->state == DELIVERY_EXPIRED && q->state == DELIVERY_DEFERRED)) {
		*ret_again = true;
		return QUEUE_DONE;
	}
	/* late, but nobody else has had it: what is known now counts */
	if (ret_row->state == DELIVERY_UNKNOWN)
		return delivery_become(e, ret_row, DELIVERY_SENDING, now);
	return QUEUE_ILLEGAL;
}

/* It was withdrawn or replaced while this attempt was under way, and is not there. */
static int end_unsent(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d)
{
	int r = relation_end(e, now, doc, d);

	if (r == 0)
		r = audit_event(e, now, "queued", "delivery.expired", doc,
			json_pack("{s:s,s:s}", "destination", d->destination, "reason",
				document_state_text(
					(enum document_state)doc->document.state)));
	return r < 0 ? r : QUEUE_DONE;
}

int engine_delivery_result(
	struct engine *e, int64_t now, const struct queue_delivery_result_request *q)
{
	enum delivery_state to = (enum delivery_state)q->state;
	struct document_row doc;
	struct delivery_row d;
	bool again;
	int r = is_result(to) ? claimed_delivery(e, now, q, &doc, &d, &again)
			      : QUEUE_ILLEGAL;

	if (r != QUEUE_DONE || again)
		return r;
	if (q->absent)
		d.doubt = false;
	r = to == DELIVERY_DEFERRED && !d.doubt ? relation_ended(e, &doc, &d) : 0;
	if (r != 0)
		return r < 0 ? r : end_unsent(e, now, &doc, &d);
	r = sql_run(e, SQL_NOTE_DELIVERY, "itt", (int64_t)d.key, q->reply_id, q->detail);
	if (r < 0)
		return r;
	d.due = q->retry_at > now ? q->retry_at : now;
	if (q->form)
		d.form = q->form;
	r = delivery_settle(e, now, &doc, &d, to, "forward",
		json_pack("{s:i,s:o,s:o}", "attempt", (int)d.attempt, "reply_id",
			json_text(q->reply_id), "text", json_text(q->detail)));
	return r == QUEUE_DONE && to == DELIVERY_DELIVERED
		       ? notice_follow(e, now, &doc, &d, q)
		       : r;
}
