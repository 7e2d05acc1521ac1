/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/json.h"
#include "queue/backend.h"

#include <errno.h>

int maintenance_now(
	struct engine *e, int64_t now, const char *destination, int64_t *ret_until)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_MAINTENANCE_NOW, "ti", destination, now);
	int r = sql_step(e, s);

	if (r <= 0 || sql_null(s, 0))
		return r < 0 ? r : 0;
	*ret_until = sql_int(s, 0);
	return 1;
}

json_t *maintenance_to_json(struct engine *e, int64_t now)
{
	_cleanup_statement_ struct row *s = sql_bind(e, SQL_MAINTENANCE_LIST, "i", now);
	_cleanup_json_ json_t *list = json_array();
	int r;

	while ((r = sql_step(e, s)) > 0)
		if (json_array_append_new(
			    list, json_pack("{s:o,s:o,s:o,s:o,s:o,s:b}", "destination",
					  json_text(sql_string(s, 0)), "since",
					  json_time(sql_int(s, 1)), "until",
					  json_time(sql_int(s, 2)), "by",
					  json_text(sql_string(s, 3)), "reason",
					  json_text(sql_string(s, 4)), "now",
					  sql_int(s, 1) <= now)) < 0)
			return NULL;
	return r < 0 ? NULL : TAKE(list);
}

static int start(struct engine *e, int64_t now, const struct queue_maintenance_request *q)
{
	int64_t since = q->since > now ? q->since : now;

	if (q->until && q->until <= since)
		return QUEUE_ILLEGAL;
	return sql_run(e, SQL_MAINTENANCE_START, "tiitt", q->destination, since, q->until,
		q->operator_name, q->reason);
}

/* Return: 0, QUEUE_ILLEGAL when there was none, negative. */
static int end(struct engine *e, int64_t now, const char *destination)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_MAINTENANCE_END, "ti", destination, now);
	int ended = 0, r;

	while ((r = sql_step(e, s)) > 0)
		ended++;
	return r < 0 || ended ? r : QUEUE_ILLEGAL;
}

int engine_maintenance(
	struct engine *e, int64_t now, const struct queue_maintenance_request *q)
{
	int r;

	if (!q->operator_name[0] || !q->reason[0] || q->since < 0 || q->until < 0)
		return QUEUE_ILLEGAL;
	r = q->start ? start(e, now, q) : end(e, now, q->destination);
	if (r != 0)
		return r;
	r = audit_event(e, now, q->operator_name,
		q->start ? "operator.maintenance" : "operator.maintenance-end", NULL,
		json_pack("{s:o,s:o,s:o,s:o}", "destination", json_text(q->destination),
			"since", json_time(q->since), "until", json_time(q->until),
			"reason", json_text(q->reason)));
	return r < 0 ? r : QUEUE_DONE;
}
