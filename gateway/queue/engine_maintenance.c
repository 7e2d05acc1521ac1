/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"
#include "queue/calendar.h"

#include <errno.h>

/* Windows that follow each other are followed so far; whoever comes then asks again. */
#define FOLLOWED_MAX 32

/* The last end of the windows at a time. */
static int windows_at(struct engine *e, int64_t at, const char *destination,
	const char *all, int64_t *ret_until)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_MAINTENANCE_NOW, "tit", destination, at, all);
	int r = sql_step(e, s);

	if (r <= 0 || sql_null(s, 0))
		return r < 0 ? r : 0;
	*ret_until = sql_int(s, 0);
	return 1;
}

int maintenance_now(struct engine *e, int64_t now, const char *destination,
	const char *all, int64_t *ret_until)
{
	int found = windows_at(e, now, destination, all, ret_until), r = found;

	for (int n = 0; r > 0 && *ret_until < INT64_MAX && n < FOLLOWED_MAX; n++)
		r = windows_at(e, *ret_until, destination, all, ret_until);
	return r < 0 ? r : found;
}

int engine_closed(struct engine *e, int64_t now, struct queue_document *ret_first)
{
	int64_t until;
	int r = maintenance_now(e, now, QUEUE_INTAKE, QUEUE_INTAKE, &until);

	if (r <= 0)
		return r < 0 ? r : QUEUE_DONE;
	*ret_first =
		(struct queue_document){ .held_until = until == INT64_MAX ? 0 : until };
	return QUEUE_CLOSED;
}

/* Takes the values of a row: destination, operator and reason from the column on. */
static json_t *window(
	const struct queue_window *w, int64_t now, struct row *s, int column)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "destination",
		json_text(sql_string(s, column)), "since", json_time(w->since), "until",
		json_time(w->until), "every", json_text(calendar_period_text(w->every)),
		"by", json_text(sql_string(s, column + 1)), "reason",
		json_text(sql_string(s, column + 2)), "now", w->since <= now);
}

static int add_windows(struct engine *e, int64_t now, json_t *list)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_MAINTENANCE_LIST, "i", now);
	int r;

	while ((r = sql_step(e, s)) > 0) {
		struct queue_window w = { .since = sql_int(s, 0),
			.until = sql_int(s, 1) };

		if (json_array_append_new(list, window(&w, now, s, 2)) < 0)
			return -ENOMEM;
	}
	return r;
}

/* Each series with its time that is or comes next. */
static int add_series(struct engine *e, int64_t now, json_t *list)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_CALENDAR_LIST, "");
	int r;

	while ((r = sql_step(e, s)) > 0) {
		int64_t length = sql_int(s, 1), over = sql_int(s, 3);
		struct queue_window w = { .every = sql_int(s, 2) };

		w.since = calendar_next(sql_int(s, 0), w.every,
			over > now - length ? over : now - length);
		w.until = w.since + length;
		if (json_array_append_new(list, window(&w, now, s, 4)) < 0)
			return -ENOMEM;
	}
	return r;
}

json_t *maintenance_to_json(struct engine *e, int64_t now)
{
	_cleanup_json_ json_t *list = json_array();
	int r = add_windows(e, now, list);

	if (r == 0)
		r = add_series(e, now, list);
	return r < 0 ? NULL : TAKE(list);
}

static bool window_ok(const struct queue_window *w)
{
	if (!w->every)
		return !w->until || w->until > w->since;
	return calendar_period_text(w->every) && w->until > w->since &&
	       w->until - w->since < w->every;
}

/* Return: 0 one more has its place, QUEUE_FULL, negative. */
static int room(struct engine *e, struct row *statement)
{
	_cleanup_statement_ struct row *s = statement;
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : -EINVAL;
	return sql_int(s, 0) >= QUEUE_MAINTENANCE_MAX ? QUEUE_FULL : 0;
}

/* Return: 0, QUEUE_ILLEGAL, QUEUE_FULL, negative. */
static int start(struct engine *e, int64_t now, const struct queue_maintenance_request *q,
	const struct queue_window *w)
{
	int r;

	if (!window_ok(w))
		return QUEUE_ILLEGAL;
	r = room(e, w->every ? sql_bind(e, SQL_CALENDAR_COUNT, "")
			     : sql_bind(e, SQL_MAINTENANCE_COUNT, "i", now));
	if (r != 0)
		return r;
	if (!w->every)
		return sql_run(e, SQL_MAINTENANCE_START, "tiitt", q->destination,
			w->since, w->until, q->operator_name, q->reason);
	return sql_run(e, SQL_CALENDAR_START, "tiiitt", q->destination, w->since,
		w->until - w->since, w->every, q->operator_name, q->reason);
}

/* How many rows a statement gives. */
static int count_rows(struct engine *e, struct row *statement)
{
	_cleanup_statement_ struct row *s = statement;
	int n = 0, r;

	while ((r = sql_step(e, s)) > 0)
		n++;
	return r < 0 ? r : n;
}

/* Return: 0, QUEUE_ILLEGAL when there was none, negative. */
static int end(struct engine *e, int64_t now, const struct queue_maintenance_request *q)
{
	int once = 0, series;

	if (q->window.every)
		series = count_rows(e, sql_bind(e, SQL_CALENDAR_END, "ti", q->destination,
					       q->window.every));
	else
		series = count_rows(
			e, sql_bind(e, SQL_CALENDAR_SKIP, "ti", q->destination, now));
	if (series >= 0 && !q->window.every)
		once = count_rows(
			e, sql_bind(e, SQL_MAINTENANCE_END, "ti", q->destination, now));
	if (series < 0 || once < 0)
		return series < 0 ? series : once;
	return series + once > 0 ? 0 : QUEUE_ILLEGAL;
}

int engine_maintenance(
	struct engine *e, int64_t now, const struct queue_maintenance_request *q)
{
	struct queue_window w = q->window;
	int r;

	if (!q->operator_name[0] || !q->reason[0] || w.since < 0 || w.until < 0 ||
		w.every < 0)
		return QUEUE_ILLEGAL;
	/* A series may have begun before; what was announced late begins now. */
	if (w.since == 0 || (!w.every && w.since < now))
		w.since = now;
	r = q->start ? start(e, now, q, &w) : end(e, now, q);
	if (r != 0)
		return r;
	r = audit_event(e, now, q->operator_name,
		q->start ? "operator.maintenance" : "operator.maintenance-end", NULL,
		json_pack("{s:o,s:o,s:o,s:o,s:o}", "destination",
			json_text(q->destination), "since", json_time(q->window.since),
			"until", json_time(q->window.until), "every",
			json_text(calendar_period_text(q->window.every)), "reason",
			json_text(q->reason)));
	return r < 0 ? r : QUEUE_DONE;
}
