/* SPDX-License-Identifier: EUPL-1.2 */
/* What of a proposed release is still as its two people have seen it. */
#include "common/json.h"
#include "queue/acts.h"
#include "queue/backend.h"

#include <errno.h>
#include <string.h>

#define NEWEST "newest_proposal"

static bool names(const json_t *detail, const char *destination)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(detail, "destinations"), i,
		name) if (strcmp(json_string_value(name), destination) == 0) return true;
	return false;
}

/* Is this the record of a hold of the delivery that came after the proposal? A version
 * that knew of no proposals wrote none: then its second has to do. */
static bool held_later(const json_t *record, const struct act_review *review,
	const struct delivery_row *d)
{
	const json_t *detail = json_object_get(record, "detail");
	const json_t *newest = json_object_get(detail, NEWEST);
	const char *event = json_string_of(record, "event"),
		   *at = json_string_of(record, "at");
	_cleanup_json_ json_t *since = NULL;

	if (!event || strcmp(event, "operator.hold") != 0 ||
		!names(detail, d->destination))
		return false;
	if (newest)
		return json_integer_value(newest) >= review->proposal;
	since = json_time(review->since);
	return !at || !since || strcmp(at, json_string_value(since)) >= 0;
}

int act_review_covers(
	struct engine *e, const struct act_review *review, const struct delivery_row *d)
{
	_cleanup_statement_ struct row *s = NULL;
	int r, later = 0;

	if (!review)
		return 1;
	s = sql_bind(e, SQL_LEDGER_RECORDS, "i", d->document);
	while ((r = sql_step(e, s)) > 0) {
		_cleanup_json_ json_t *record =
			json_read(sql_octets(s, 0), QUEUE_RECORD_READ_MAX);

		if (!record || held_later(record, review, d))
			later = 1;
	}
	return r < 0 ? r : !later;
}

int act_review_passes(struct engine *e, const struct act_review *review,
	const struct delivery_row *d, json_t *passed_over)
{
	struct document_row doc;
	int r = act_review_covers(e, review, d);

	if (r != 0 || (d->state != DELIVERY_HELD && !d->hold))
		return r;
	r = delivery_document(e, d, &doc);
	if (r == 0)
		json_array_append_new(passed_over, json_text(doc.document.id));
	return r;
}

void act_review_add(json_t *detail, const struct act_review *review)
{
	if (!detail || !review)
		return;
	json_object_set_new(detail, "proposal", json_integer(review->proposal));
	json_object_set_new(detail, "proposed_by", json_text(review->by));
	json_object_set_new(detail, "proposed_reason", json_text(review->reason));
}

int act_hold_add(struct engine *e, json_t *detail)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_REVIEW_NEWEST, "");
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EIO;
	return json_object_set_new(detail, NEWEST, json_integer(sql_int(s, 0))) < 0
		       ? -ENOMEM
		       : 0;
}
