/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool judgement_ok(const struct queue_judgement *j, struct span report)
{
	if (j->state == DOCUMENT_HELD)
		return j->hold_reason[0] && j->retry_at > 0 && !report.data;
	return (j->state == DOCUMENT_ACCEPTED || j->state == DOCUMENT_REFUSED) &&
	       report.data && report.len;
}

/* What was never accepted goes nowhere. */
static int end_deliveries(struct engine *e, int64_t now, int64_t document)
{
	struct delivery_row rows[QUEUE_DELIVERIES_MAX];
	int count = delivery_all(e, document, rows), r = QUEUE_DONE;

	for (int i = 0; r == QUEUE_DONE && i < count; i++)
		r = delivery_become(e, &rows[i], DELIVERY_EXPIRED, now);
	return count < 0 ? count : r;
}

static int store_report(struct engine *e, const struct document_row *d,
	struct span report, json_t *detail)
{
	char digest[SHA256_TEXT_SIZE];
	int r = digest_sha256_text(report, digest);

	if (r == 0)
		r = blob_write(e, d->key, BLOB_LATER_REPORT, report);
	if (r == 0)
		json_object_set_new(detail, "report_sha256", json_string(digest));
	return r;
}

static json_t *detail_of(const struct document_row *d, const struct queue_judgement *j)
{
	return json_pack("{s:s,s:i,s:o,s:o,s:o,s:o}", "state",
		document_state_text((enum document_state)j->state), "attempt",
		(int)d->attempt, "policy_digest", json_text(j->policy_digest),
		"store_version", json_text(j->store_version), "hold_reason",
		json_text(j->hold_reason), "held_until",
		json_time(j->state == DOCUMENT_HELD ? j->held_until : 0));
}

/* The document in its new state. A sealing that follows counts its attempts anew. */
static int become_judged(struct engine *e, int64_t now, struct document_row *d,
	const struct queue_judgement *j)
{
	bool again = j->state == DOCUMENT_HELD;
	int r = sql_run(e, SQL_JUDGED, "itt", (int64_t)d->key, j->policy_digest,
		j->store_version);

	if (r < 0)
		return r;
	if (again) {
		d->document.held_until = j->held_until;
		snprintf(d->document.hold_reason, sizeof(d->document.hold_reason), "%s",
			j->hold_reason);
	} else {
		d->attempt = 0;
		d->first_try = 0;
	}
	return document_become(
		e, d, (enum document_state)j->state, again ? j->retry_at : now);
}

static int tell(struct engine *e, int64_t now, const struct document_row *d)
{
	bool accepted = d->document.state == DOCUMENT_ACCEPTED;
	const struct outcome o = { .event = accepted ? "document.accepted"
						     : "document.refused",
		.state = accepted ? "accepted" : "refused" };

	return outcome_add(e, now, d, &o);
}

static int refuse_unread(struct engine *e, int64_t now, struct document_row *d)
{
	int r = document_become(e, d, DOCUMENT_REFUSED, now);

	if (r == QUEUE_DONE)
		r = end_deliveries(e, now, d->key);
	if (r != QUEUE_DONE)
		return r;
	r = tell(e, now, d);
	return r < 0 ? r : QUEUE_DONE;
}

int held_set_aside(struct engine *e, int64_t now, struct document_row *d)
{
	int64_t until = d->document.held_until;
	bool over = now >= until;
	int64_t due = now + SET_ASIDE_S < until ? now + SET_ASIDE_S : until;
	int r = over ? refuse_unread(e, now, d)
		     : document_become(e, d, DOCUMENT_HELD, due);

	if (r != QUEUE_DONE)
		return r;
	memcpy(e->aside, d->document.id, sizeof(e->aside));
	r = audit_event(e, now, "queued", "document.judged", d,
		json_pack("{s:s,s:s,s:i}", "state",
			document_state_text((enum document_state)d->document.state),
			"reason", "its octets are missing or too large", "attempt",
			(int)d->attempt));
	return r < 0 ? r : QUEUE_DONE;
}

int engine_judged(struct engine *e, int64_t now, const char *id, uint64_t fence,
	const struct queue_judgement *j, struct span report)
{
	_cleanup_json_ json_t *detail = NULL;
	struct document_row d;
	int r = document_claimed(e, id, fence, &d);

	if (r != QUEUE_DONE)
		return r;
	if (d.document.state != DOCUMENT_HELD)
		return d.document.state == j->state ? QUEUE_DONE : QUEUE_ILLEGAL;
	if (!judgement_ok(j, report))
		return QUEUE_ILLEGAL;
	detail = detail_of(&d, j);
	if (!detail)
		return -ENOMEM;
	r = report.data ? store_report(e, &d, report, detail) : 0;
	if (r < 0)
		return r;
	r = become_judged(e, now, &d, j);
	if (r == QUEUE_DONE && j->state == DOCUMENT_REFUSED)
		r = end_deliveries(e, now, d.key);
	if (r != QUEUE_DONE)
		return r;
	if (j->state != DOCUMENT_HELD) {
		r = tell(e, now, &d);
		if (r < 0)
			return r;
	}
	r = audit_event(e, now, "intake", "document.judged", &d, json_incref(detail));
	if (r == 0 && j->state == DOCUMENT_ACCEPTED)
		r = relation_take_effect(e, now, &d);
	return r < 0 ? r : QUEUE_DONE;
}
