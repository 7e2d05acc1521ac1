/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/acts.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Deliveries of one answer: enough to be quick, few enough not to keep others waiting. */
#define ACT_MAX 100

#define BIT(state) (1u << (state))

/* In which states a delivery may be for each act, and what the act is called. */
static const struct {
	unsigned states;
	const char *event;
} ACTS[] = {
	[QUEUE_HOLD] = { BIT(DELIVERY_WAITING) | BIT(DELIVERY_QUEUED) |
				 BIT(DELIVERY_SENDING) | BIT(DELIVERY_UNKNOWN) |
				 BIT(DELIVERY_DEFERRED),
		"operator.hold" },
	[QUEUE_RELEASE] = { BIT(DELIVERY_SENDING) | BIT(DELIVERY_HELD),
		"operator.release" },
	[QUEUE_REDRIVE] = { BIT(DELIVERY_UNKNOWN) | BIT(DELIVERY_DEFERRED) |
				    BIT(DELIVERY_REFUSED) | BIT(DELIVERY_EXPIRED),
		"operator.redrive" },
	[QUEUE_REROUTE] = { BIT(DELIVERY_WAITING) | BIT(DELIVERY_QUEUED) |
				    BIT(DELIVERY_DEFERRED) | BIT(DELIVERY_REFUSED) |
				    BIT(DELIVERY_EXPIRED) | BIT(DELIVERY_HELD),
		"operator.reroute" },
};

/* Only what this destination cannot have may go to another: what may have arrived is
 * looked up first, whatever has become of later attempts. What has left already leaves
 * from where it went. Return: 1, 0, negative. */
static int may_leave(struct engine *e, const struct delivery_row *d)
{
	int r;

	if (!(ACTS[QUEUE_REROUTE].states & BIT(d->state)) || d->doubt)
		return 0;
	r = delivery_elsewhere(e, d);
	return r < 0 ? r : !r;
}

/* The same document for another destination, as far on its way as the document is. */
static int add_delivery(
	struct engine *e, int64_t now, const struct document_row *doc, const char *to)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX], d;
	int r = delivery_all(e, doc->key, rows);

	if (r < 0 || r == QUEUE_DELIVERIES_MAX)
		return r < 0 ? r : QUEUE_ILLEGAL;
	r = sql_run(e, SQL_INSERT_DELIVERY, "iti", (int64_t)doc->key, to,
		doc->document.received);
	if (r == 0)
		r = flow_count(e, doc->key, to, "entered");
	if (r == 0)
		r = delivery_find(e, doc->key, to, &d);
	if (r != QUEUE_DONE || doc->document.state == DOCUMENT_ACCEPTED ||
		doc->document.state == DOCUMENT_HELD ||
		doc->document.state == DOCUMENT_QUARANTINED)
		return r;
	r = relation_waits(e, doc->key, to);
	return r == 0 ? delivery_queue(e, now, &d) : r < 0 ? r : QUEUE_DONE;
}

static int end_here(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d, const char *to)
{
	char detail[DESTINATION_NAME_SIZE + 32];
	const struct outcome o = { .event = "delivery.expired",
		.destination = d->destination,
		.state = "expired",
		.detail = detail };
	int r;

	if (d->state == DELIVERY_REFUSED || d->state == DELIVERY_EXPIRED)
		return QUEUE_DONE;
	snprintf(detail, sizeof(detail), "sent to %s instead", to);
	r = delivery_become(e, d, DELIVERY_EXPIRED, now);
	if (r != QUEUE_DONE)
		return r;
	r = sql_run(e, SQL_NOTE_DELIVERY, "itt", (int64_t)d->key, "", detail);
	if (r == 0)
		r = outcome_add(e, now, doc, &o);
	return r < 0 ? r : QUEUE_DONE;
}

/* Return: 1 changed, 0 no effect here, negative. */
static int reroute(struct engine *e, int64_t now, const struct document_row *doc,
	struct delivery_row *d, const char *to, bool spare_held)
{
	struct delivery_row there;
	int64_t erased;
	int r;

	if (doc->document.state == DOCUMENT_REFUSED ||
		(spare_held && d->state == DELIVERY_HELD) ||
		strchr(d->destination, DESTINATION_NOTICE))
		return 0;
	r = may_leave(e, d);
	if (r <= 0)
		return r;
	r = erased_at(e, doc->key, &erased);
	if (r < 0 || erased)
		return r;
	r = relation_ended(e, doc, d);
	if (r != 0)
		return r < 0 ? r : 0;
	r = delivery_find(e, doc->key, to, &there);
	if (r != QUEUE_NOT_FOUND)
		return r < 0 ? r : 0;
	r = add_delivery(e, now, doc, to);
	if (r == QUEUE_DONE)
		r = end_here(e, now, doc, d, to);
	return r < 0 ? r : r == QUEUE_DONE;
}

/* What went elsewhere comes back where it is named, and not with many others: it would
 * be at both. Return: 1, 0, negative. */
static int stays_elsewhere(
	struct engine *e, const struct queue_act_request *q, const struct delivery_row *d)
{
	bool named = q->selection.id[0] && q->selection.destination[0];

	return q->verb == QUEUE_REDRIVE && !named ? delivery_elsewhere(e, d) : 0;
}

/* The documents of one answer: of what was done, and of what could have been released but
 * was held after that was proposed. */
struct acted {
	json_t *ids, *passed_over;
};

static int act_on_row(struct engine *e, int64_t now, const struct queue_act_request *q,
	const struct act_review *review, struct delivery_row *d, struct acted *a)
{
	_cleanup_json_ json_t *detail = NULL;
	struct document_row doc;
	int r = stays_elsewhere(e, q, d);

	if (r != 0)
		return r < 0 ? r : 0;
	r = act_review_passes(e, review, d, a->passed_over);
	if (r <= 0)
		return r;
	r = delivery_document(e, d, &doc);
	if (r < 0)
		return r;
	r = q->verb == QUEUE_REROUTE
		    ? reroute(e, now, &doc, d, q->to, q->selection.spare_held)
		    : delivery_act(e, now, (enum queue_control)q->verb, d);
	if (r <= 0)
		return r;
	json_array_append_new(a->ids, json_text(doc.document.id));
	detail = json_pack("{s:o,s:[o],s:o*,s:b}", "reason", json_text(q->reason),
		"destinations", json_text(d->destination), "to",
		q->verb == QUEUE_REROUTE ? json_text(q->to) : NULL, "document", 0);
	act_review_add(detail, review);
	r = q->verb == QUEUE_HOLD ? act_hold_add(e, detail) : 0;
	return r < 0 ? r
		     : audit_event(e, now, q->operator_name, ACTS[q->verb].event, &doc,
			       TAKE(detail));
}

static int select_rows(struct engine *e, const struct queue_selection *s,
	enum delivery_state state, int64_t after, struct delivery_row *ret_rows, int max)
{
	_cleanup_statement_ struct row *q =
		sql_bind(e, SQL_SELECT_DELIVERIES, "tittii", delivery_state_text(state),
			after, s->partner, s->destination, s->before, (int64_t)max);
	int count = 0, r = 0;

	while (count < max && (r = sql_step(e, q)) > 0)
		delivery_read(q, &ret_rows[count++]);
	return r < 0 ? r : count;
}

/* One document's deliveries. */
static int act_on_one(struct engine *e, int64_t now, const struct queue_act_request *q,
	const struct act_review *review, struct acted *a)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	const struct queue_selection *s = &q->selection;
	struct document_row doc;
	int count, r = document_lock(e, s->id, &doc);

	if (r != QUEUE_DONE)
		return r;
	count = delivery_all(e, doc.key, rows);
	for (int i = 0; count >= 0 && i < count; i++) {
		if (s->destination[0] && strcmp(s->destination, rows[i].destination) != 0)
			continue;
		r = act_on_row(e, now, q, review, &rows[i], a);
		if (r < 0)
			return r;
	}
	if (count >= 0 && json_array_size(a->ids) == 0)
		return QUEUE_ILLEGAL;
	return count < 0 ? count : QUEUE_DONE;
}

/* The next rows of the selection, state after state, each as it is once its document is
 * locked: another appliance may be at it. *state and *after go on; *state is
 * DELIVERY_STATES at the end. */
static int act_on_many(struct engine *e, int64_t now, const struct queue_act_request *q,
	const struct act_review *review, struct acted *a, uint32_t *state, int64_t *after)
{
	struct delivery_row rows[ACT_MAX];
	int count = 0;

	while (*state < DELIVERY_STATES && !(ACTS[q->verb].states & BIT(*state)))
		(*state)++;
	if (*state < DELIVERY_STATES)
		count = select_rows(e, &q->selection, (enum delivery_state) * state,
			*after, rows, ACT_MAX);
	for (int i = 0; i < count; i++) {
		int r = delivery_lock(e, &rows[i]);

		if (r == QUEUE_DONE && rows[i].state == (enum delivery_state) * state)
			r = act_on_row(e, now, q, review, &rows[i], a);
		if (r < 0)
			return r;
		*after = rows[i].key;
	}
	if (count >= 0 && count < ACT_MAX && *state < DELIVERY_STATES) {
		(*state)++;
		*after = 0;
	}
	return count < 0 ? count : QUEUE_DONE;
}

int engine_act(
	struct engine *e, int64_t now, const struct queue_act_request *q, int *ret_fd)
{
	json_t *answer;
	int r = act_some(e, now, q, NULL, &answer);

	return r == QUEUE_DONE ? json_to_fd(answer, ret_fd) : r;
}

int act_some(struct engine *e, int64_t now, const struct queue_act_request *q,
	const struct act_review *review, json_t **ret_answer)
{
	_cleanup_json_ json_t *ids = json_array(), *passed_over = json_array();
	struct acted a = { ids, passed_over };
	uint32_t state = q->selection.state;
	int64_t after = q->selection.after;
	int r;

	if (q->verb < QUEUE_HOLD || q->verb > QUEUE_REROUTE || !q->operator_name[0] ||
		!q->reason[0] || state > DELIVERY_STATES || after < 0 ||
		(q->verb == QUEUE_REROUTE) != (q->to[0] != '\0'))
		return QUEUE_ILLEGAL;
	if (q->selection.id[0]) {
		r = act_on_one(e, now, q, review, &a);
		state = DELIVERY_STATES;
	} else {
		r = act_on_many(e, now, q, review, &a, &state, &after);
	}
	if (r != QUEUE_DONE)
		return r;
	*ret_answer = json_pack("{s:I,s:O,s:b,s:i,s:I}", "done",
		(json_int_t)json_array_size(ids), "ids", ids, "more",
		state < DELIVERY_STATES, "state", (int)state, "after", (json_int_t)after);
	if (!*ret_answer)
		return -ENOMEM;
	if (json_array_size(passed_over) > 0)
		json_object_set(*ret_answer, "passed_over", passed_over);
	return QUEUE_DONE;
}
