/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/acts.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

/* Each act on one delivery. Return: 1 changed, 0 it has no effect here, negative. */
static int changed(int answer)
{
	return answer < 0 ? answer : answer == QUEUE_DONE;
}

static int hold_one(struct engine *e, int64_t now, struct delivery_row *d)
{
	if (d->state == DELIVERY_SENDING) {
		d->hold = true;
		return changed(delivery_become(e, d, DELIVERY_SENDING, now));
	}
	if (!delivery_may_become(d->state, DELIVERY_HELD))
		return 0;
	d->held_from = d->state == DELIVERY_DEFERRED ? DELIVERY_QUEUED : d->state;
	return changed(delivery_become(e, d, DELIVERY_HELD, now));
}

static int release_one(struct engine *e, int64_t now, struct delivery_row *d)
{
	if (d->state == DELIVERY_SENDING && d->hold) {
		d->hold = false;
		return changed(delivery_become(e, d, DELIVERY_SENDING, now));
	}
	if (d->state != DELIVERY_HELD)
		return 0;
	d->due = delivery_from(d, now);
	return changed(delivery_become(e, d, d->held_from, now));
}

/* What is withdrawn or replaced is not sent where it is not; what is erased, nowhere. */
static int may_go_again(struct engine *e, const struct delivery_row *d)
{
	struct document_row doc;
	int64_t erased;
	int r;

	if (d->state != DELIVERY_REFUSED && d->state != DELIVERY_EXPIRED)
		return 1;
	r = erased_at(e, d->document, &erased);
	if (r < 0 || erased)
		return r;
	r = delivery_document(e, d, &doc);
	if (r == 0)
		r = relation_ended(e, &doc, d);
	return r < 0 ? r : !r;
}

/* What waits of a sealed document though nothing comes before it any more: it was left so
 * when two appliances did not see each other. */
static int go_at_last(struct engine *e, int64_t now, struct delivery_row *d)
{
	struct document_row doc;
	int r = delivery_document(e, d, &doc);

	if (r < 0)
		return r;
	if ((doc.document.state != DOCUMENT_SEALED &&
		    doc.document.state != DOCUMENT_CLEARED) ||
		strchr(d->destination, DESTINATION_NOTICE))
		return 0;
	r = relation_lock(e, doc.key);
	if (r == 0)
		r = relation_waits(e, doc.key, d->destination);
	return r < 0 ? r : r > 0 ? 0 : changed(delivery_queue(e, now, d));
}

static int redrive_one(struct engine *e, int64_t now, struct delivery_row *d)
{
	enum delivery_state to = d->state;
	int r;

	if (d->state == DELIVERY_WAITING)
		return go_at_last(e, now, d);
	r = may_go_again(e, d);
	if (r <= 0)
		return r;
	if (d->state == DELIVERY_REFUSED)
		to = DELIVERY_QUEUED;
	else if (d->state == DELIVERY_EXPIRED) /* what may have arrived: look it up */
		to = d->doubt ? DELIVERY_UNKNOWN : DELIVERY_QUEUED;
	else if (d->state != DELIVERY_DEFERRED && d->state != DELIVERY_UNKNOWN)
		return 0;
	d->due = now;
	if (to != d->state) {
		d->attempt = 0;
		d->first_try = 0;
	}
	return changed(delivery_become(e, d, to, now));
}

typedef int (*act)(struct engine *e, int64_t now, struct delivery_row *d);

static const struct verb {
	act one;
	const char *event;
} VERBS[] = {
	[QUEUE_HOLD] = { hold_one, "operator.hold" },
	[QUEUE_RELEASE] = { release_one, "operator.release" },
	[QUEUE_REDRIVE] = { redrive_one, "operator.redrive" },
};

int delivery_act(
	struct engine *e, int64_t now, enum queue_control verb, struct delivery_row *d)
{
	return VERBS[verb].one(e, now, d);
}

/* An act on the document itself: sealing again what is in quarantine, judging again what
 * is held. No operator turns held into accepted: only a new verdict does. Return as
 * above. */
static int act_on_document(
	struct engine *e, int64_t now, enum queue_control verb, struct document_row *d)
{
	if (verb == QUEUE_REDRIVE && d->document.state == DOCUMENT_QUARANTINED) {
		d->attempt = 0;
		d->first_try = 0;
		return changed(document_become(e, d, DOCUMENT_ACCEPTED, now));
	}
	if (verb == QUEUE_RELEASE && d->document.state == DOCUMENT_HELD)
		return changed(document_become(e, d, DOCUMENT_HELD, now));
	return 0;
}

/* What another destination has got instead goes here, too, only where this one is named.
 */
static int act_unnamed(
	struct engine *e, int64_t now, const struct verb *v, struct delivery_row *d)
{
	int r = v->one == redrive_one ? delivery_elsewhere(e, d) : 0;

	return r == 0 ? v->one(e, now, d) : r < 0 ? r : 0;
}

static int act_on_all(struct engine *e, int64_t now, const struct verb *v,
	const struct act_review *review, int64_t document, json_t *ret_changed)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int count = delivery_all(e, document, rows);

	for (int i = 0; i < count; i++) {
		int r = act_review_covers(e, review, &rows[i]);

		if (r > 0)
			r = act_unnamed(e, now, v, &rows[i]);
		if (r < 0)
			return r;
		if (r > 0)
			json_array_append_new(
				ret_changed, json_text(rows[i].destination));
	}
	return count < 0 ? count : 0;
}

static int act_on_one(struct engine *e, int64_t now, const struct verb *v,
	const struct act_review *review, int64_t document, const char *destination,
	json_t *ret_changed)
{
	struct delivery_row d;
	int r = delivery_find(e, document, destination, &d);

	if (r != QUEUE_DONE)
		return r;
	r = act_review_covers(e, review, &d);
	if (r > 0)
		r = v->one(e, now, &d);
	if (r > 0)
		json_array_append_new(ret_changed, json_text(destination));
	return r < 0 ? r : 0;
}

int engine_control(struct engine *e, int64_t now, const struct queue_control_request *c)
{
	return control_reviewed(e, now, c, NULL);
}

int control_reviewed(struct engine *e, int64_t now, const struct queue_control_request *c,
	const struct act_review *review)
{
	_cleanup_json_ json_t *list = json_array();
	json_t *detail;
	const struct verb *v;
	struct document_row d;
	int r, whole = 0;

	if (c->verb < QUEUE_HOLD || c->verb > QUEUE_REDRIVE || !c->operator_name[0] ||
		!c->reason[0])
		return QUEUE_ILLEGAL;
	v = &VERBS[c->verb];
	r = document_lock(e, c->id, &d);
	if (r != QUEUE_DONE)
		return r;
	if (c->destination[0]) {
		r = act_on_one(e, now, v, review, d.key, c->destination, list);
	} else {
		whole = act_on_document(e, now, (enum queue_control)c->verb, &d);
		r = whole < 0 ? whole : act_on_all(e, now, v, review, d.key, list);
	}
	if (r != 0)
		return r;
	if (!whole && json_array_size(list) == 0)
		return QUEUE_ILLEGAL;
	detail = json_pack("{s:o,s:O,s:b}", "reason", json_text(c->reason),
		"destinations", list, "document", whole);
	act_review_add(detail, review);
	r = c->verb == QUEUE_HOLD ? act_hold_add(e, detail) : 0;
	if (r < 0) {
		json_decref(detail);
		return r;
	}
	r = audit_event(e, now, c->operator_name, v->event, &d, detail);
	return r < 0 ? r : QUEUE_DONE;
}
