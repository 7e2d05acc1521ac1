/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/encode.h"
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int outcome_add(struct engine *e, int64_t now, const struct document_row *d,
	const struct outcome *o)
{
	char feed[FEED_NAME_SIZE];

	snprintf(feed, sizeof(feed), "%s%s",
		d->document.state == DOCUMENT_SANDBOX ? SANDBOX_FEED_PREFIX : "",
		d->document.partner);
	return outcome_add_to(e, now, feed, d, o);
}

int outcomes_rehearse(struct engine *e, int64_t now, const char *id)
{
	char reply_id[DOCUMENT_ID_SIZE + 16];
	struct document_row d;
	int r = document_find(e, id, &d);

	if (r != QUEUE_DONE)
		return r < 0 ? r : -EINVAL;
	snprintf(reply_id, sizeof(reply_id), "SANDBOX-%s", id);
	r = outcome_add(e, now, &d,
		&(struct outcome){ .event = "document.sealed",
			.state = "sealed",
			.detail = "rehearsed: nothing was sealed" });
	if (r < 0)
		return r;
	return outcome_add(e, now, &d,
		&(struct outcome){ .event = "delivery.delivered",
			.destination = "sandbox",
			.state = "delivered",
			.reply_id = reply_id,
			.detail = "rehearsed: nothing was sent" });
}

int outcome_add_to(struct engine *e, int64_t now, const char *feed,
	const struct document_row *d, const struct outcome *o)
{
	int r = sql_run(e, SQL_OUTCOME_NEXT, "t", feed);

	if (r < 0)
		return r;
	return sql_run(e, SQL_OUTCOME_INSERT, "tiittttt", feed, (int64_t)d->key, now,
		o->event, o->destination ? o->destination : "", o->state,
		o->reply_id ? o->reply_id : "", o->detail ? o->detail : "");
}

struct cursors {
	int64_t last, acknowledged;
};

static int read_cursors(struct engine *e, const char *partner, struct cursors *ret)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_OUTCOME_CURSORS, "t", partner);
	int r = sql_step(e, s);

	*ret = (struct cursors){ 0 };
	if (r > 0) {
		ret->last = sql_int(s, 0);
		ret->acknowledged = sql_int(s, 1);
	}
	return r < 0 ? r : 0;
}

/* A feed that was raised has nothing between what it has and its last cursor. */
int outcomes_wait(struct engine *e, const char *partner)
{
	_cleanup_statement_ struct row *s = NULL;
	struct cursors c;
	int r = read_cursors(e, partner, &c);

	if (r < 0 || c.last <= c.acknowledged)
		return r;
	s = sql_bind(e, SQL_OUTCOMES, "tii", partner, c.acknowledged, INT64_C(1));
	return sql_step(e, s);
}

int engine_outcomes_raise(struct engine *e)
{
	int r = sql_run(e, SQL_OUTCOMES_FLOOR_ROW, "");

	return r < 0 ? r : sql_run(e, SQL_OUTCOMES_RAISE, "i", OUTCOMES_STEP);
}

/* Cursors are texts: what they count is nobody's business. */
static json_t *cursor_text(int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return json_string(text);
}

static json_t *column(struct row *s, int i)
{
	return json_text(sql_string(s, i));
}

static json_t *outcome_to_json(struct row *s)
{
	struct span digest = sql_octets(s, 12);
	const char *type = sql_string(s, 9);
	char hash[SHA256_TEXT_SIZE] = "";
	json_t *outcome;

	if (digest.len == SHA256_SIZE)
		hex_encode(digest.data, SHA256_SIZE, hash);
	outcome = json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s}",
		"cursor", cursor_text(sql_int(s, 0)), "at", json_time(sql_int(s, 1)),
		"event", column(s, 2), "destination", column(s, 3), "state", column(s, 4),
		"reply_id", column(s, 5), "detail", column(s, 6), "id", column(s, 7),
		"number", column(s, 8), "type", column(s, 9), "country", column(s, 10),
		"status", column(s, 11), "sha256", hash);
	if (outcome && type && strncmp(type, SANDBOX_PREFIX, strlen(SANDBOX_PREFIX)) == 0)
		json_object_set_new(outcome, "sandbox", json_true());
	return outcome;
}

static int read_outcomes(struct engine *e, const char *partner, int64_t after, int limit,
	json_t *list, int64_t *ret_next)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_OUTCOMES, "tii", partner, after, (int64_t)limit);
	int r;

	*ret_next = after;
	while ((r = sql_step(e, s)) > 0) {
		if (json_array_append_new(list, outcome_to_json(s)) < 0)
			return -ENOMEM;
		*ret_next = sql_int(s, 0);
	}
	return r;
}

int engine_outcomes(
	struct engine *e, const char *partner, int64_t after, int limit, int *ret_fd)
{
	_cleanup_json_ json_t *list = json_array();
	struct cursors c;
	int64_t next;
	int r = read_cursors(e, partner, &c);

	if (r < 0)
		return r;
	if (after > c.last)
		return QUEUE_ILLEGAL;
	r = read_outcomes(
		e, partner, after < 0 ? c.acknowledged : after, limit, list, &next);
	if (r < 0)
		return r;
	return json_to_fd(
		json_pack("{s:O,s:o,s:o,s:b}", "outcomes", list, "next",
			cursor_text(next), "acknowledged", cursor_text(c.acknowledged),
			"more", json_array_size(list) >= (size_t)limit && next < c.last),
		ret_fd);
}

int engine_outcomes_acknowledge(
	struct engine *e, int64_t now, const char *partner, int64_t upto, int *ret_fd)
{
	struct cursors c;
	int r = read_cursors(e, partner, &c);

	if (r < 0)
		return r;
	if (upto < 0 || upto > c.last)
		return QUEUE_ILLEGAL;
	if (upto > c.acknowledged) {
		r = sql_run(e, SQL_OUTCOME_ACKNOWLEDGE, "ti", partner, upto);
		if (r == 0)
			r = audit_event(e, now, partner, "outcomes.acknowledged", NULL,
				json_pack("{s:o}", "cursor", cursor_text(upto)));
		c.acknowledged = upto;
	}
	return r < 0 ? r
		     : json_to_fd(json_pack("{s:o}", "acknowledged",
					  cursor_text(c.acknowledged)),
			       ret_fd);
}
