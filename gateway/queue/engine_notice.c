/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void destination_base(const char *destination, char ret_base[DESTINATION_NAME_SIZE])
{
	snprintf(ret_base, DESTINATION_NAME_SIZE, "%.*s",
		(int)strcspn(destination, (const char[]){ DESTINATION_NOTICE, '\0' }),
		destination);
}

static bool ended(const struct delivery_row *d)
{
	return d->state == DELIVERY_DELIVERED || d->state == DELIVERY_REFUSED ||
	       d->state == DELIVERY_EXPIRED;
}

/* One more delivery of a document that is there; claimed from due on, or after the
 * delivery that it is about. Return: QUEUE_DONE, QUEUE_DUPLICATE, negative. */
static int notice_add(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *about, const char *notice, int64_t due)
{
	char name[DESTINATION_NAME_SIZE];
	struct delivery_row d;
	int r;

	if (snprintf(name, sizeof(name), "%s%s", about->destination, notice) >=
		(int)sizeof(name))
		return -E2BIG;
	r = delivery_find(e, doc->key, name, &d);
	if (r != QUEUE_NOT_FOUND)
		return r < 0 ? r : QUEUE_DUPLICATE;
	r = sql_run(e, SQL_INSERT_DELIVERY, "iti", (int64_t)doc->key, name, due);
	if (r == 0)
		r = flow_count(e, doc->key, name, "entered");
	if (r == 0)
		r = delivery_find(e, doc->key, name, &d);
	if (r != QUEUE_DONE || !ended(about))
		return r;
	return delivery_queue(e, now, &d);
}

static int await_decision(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *d, int64_t at)
{
	int r = strchr(d->destination, DESTINATION_NOTICE)
			? QUEUE_DUPLICATE
			: notice_add(
				  e, now, doc, d, NOTICE_DECISION, at > now ? at : now);

	if (r != QUEUE_DONE)
		return r < 0 ? r : QUEUE_DONE;
	r = audit_event(e, now, "queued", "delivery.queued", doc,
		json_pack("{s:s+}", "destination", d->destination, NOTICE_DECISION));
	return r < 0 ? r : QUEUE_DONE;
}

/* Everybody of the list whom the document was sent to. */
static int tell_all(struct engine *e, int64_t now, const struct document_row *doc,
	const struct queue_followed *f, json_t *ret_names)
{
	int r = QUEUE_DONE;

	for (uint32_t i = 0; r >= 0 && i < f->tell_count; i++) {
		struct delivery_row d;

		r = delivery_find(e, doc->key, f->tell[i], &d);
		if (r == QUEUE_DONE)
			r = notice_add(
				e, now, doc, &d, NOTICE_CLEARED, doc->document.received);
		if (r == QUEUE_DONE)
			json_array_append_new(ret_names,
				json_sprintf("%s%s", f->tell[i], NOTICE_CLEARED));
	}
	return r < 0 ? r : QUEUE_DONE;
}

/* A decision on what was withdrawn or replaced meanwhile clears nothing. */
static int clear(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *d, const struct queue_delivery_result_request *q)
{
	_cleanup_json_ json_t *names = json_array();
	const struct outcome o = { .event = "document.cleared",
		.state = "cleared",
		.reply_id = q->reply_id,
		.detail = q->detail };
	struct document_row row = *doc;
	char by[DESTINATION_NAME_SIZE];
	int r;

	if (doc->document.state != DOCUMENT_SEALED)
		return QUEUE_DONE;
	r = document_become(e, &row, DOCUMENT_CLEARED, 0);
	if (r == QUEUE_DONE)
		r = tell_all(e, now, &row, &q->followed, names);
	if (r != QUEUE_DONE)
		return r;
	destination_base(d->destination, by);
	r = outcome_add(e, now, &row, &o);
	if (r == 0)
		r = audit_event(e, now, "forward", o.event, &row,
			json_pack("{s:s,s:o,s:o,s:O}", "by", by, "reply_id",
				json_text(q->reply_id), "text", json_text(q->detail),
				"destinations", names));
	return r < 0 ? r : QUEUE_DONE;
}

static const char *information_of(
	const struct delivery_row *d, const struct relation_row *relation)
{
	const char *notice = strchr(d->destination, DESTINATION_NOTICE);

	if (notice && strcmp(notice, NOTICE_CLEARED) == 0)
		return "cleared";
	return relation->relation == RELATION_WITHDRAWS ? "withdrawn" : "advance";
}

/* Whoever pulls reads it there, in this order, and says how far it has read. */
static int feed(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *d)
{
	char base[DESTINATION_NAME_SIZE];
	char name[sizeof(FEED_PREFIX) + DESTINATION_NAME_SIZE], event[32];
	char reply[DOCUMENT_REPLY_SIZE];
	struct relation_row relation;
	int r = relation_told(e, doc->key, d->destination, &relation, reply);
	const struct outcome o = { .event = event,
		.destination = base,
		.state = information_of(d, &relation),
		.reply_id = document_relation_text(relation.relation),
		.detail = relation.number };

	if (r < 0)
		return r;
	destination_base(d->destination, base);
	snprintf(name, sizeof(name), FEED_PREFIX "%s", base);
	snprintf(event, sizeof(event), "document.%s", o.state);
	r = outcome_add_to(e, now, name, doc, &o);
	return r < 0 ? r : QUEUE_DONE;
}

int notice_follow(struct engine *e, int64_t now, const struct document_row *doc,
	const struct delivery_row *d, const struct queue_delivery_result_request *q)
{
	switch ((enum queue_follow)q->followed.what) {
	case FOLLOW_DECISION:
		return await_decision(e, now, doc, d, q->followed.at);
	case FOLLOW_CLEARED:
		return clear(e, now, doc, d, q);
	case FOLLOW_FEED:
		return feed(e, now, doc, d);
	case FOLLOW_NONE:
	case FOLLOWS:
	default:
		return QUEUE_DONE;
	}
}

int notice_let_go(struct engine *e, int64_t now, const struct delivery_row *d)
{
	struct document_row doc;
	struct delivery_row notice;
	char name[DESTINATION_NAME_SIZE];
	int r;

	if (snprintf(name, sizeof(name), "%s%s", d->destination, NOTICE_CLEARED) >=
		(int)sizeof(name))
		return 0;
	r = delivery_find(e, d->document, name, &notice);
	if (r != QUEUE_DONE)
		return r < 0 ? r : 0;
	if (notice.state != DELIVERY_WAITING && notice.held_from != DELIVERY_WAITING)
		return 0;
	r = delivery_queue(e, now, &notice);
	if (r == QUEUE_DONE)
		r = delivery_document(e, d, &doc);
	return r < 0 ? r
		     : audit_event(e, now, "queued", "delivery.queued", &doc,
			       json_pack("{s:s}", "destination", name));
}
