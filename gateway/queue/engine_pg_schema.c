/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/engine_pg.h"
#include "queue/transitions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of advisory locks: whoever brings the schema up to date, and each appliance at work. */
#define LOCK_SCHEMA "7354,0"
#define LOCK_APPLIANCE "7355"

/* The first column of the first row as a text, "" where there is none. */
static int ask(struct engine_pg *p, const char *sql, char *ret_text, size_t size)
{
	PGresult *result;
	int r = pg_exec(p, sql, &result);

	ret_text[0] = '\0';
	if (r < 0)
		return r;
	if (PQntuples(result) > 0)
		snprintf(ret_text, size, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return 0;
}

static int read_version(struct engine_pg *p, int *ret_version)
{
	char text[32];
	int r = pg_exec(p,
		"CREATE TABLE IF NOT EXISTS sealgate_schema(version BIGINT NOT NULL)",
		NULL);

	if (r == 0)
		r = ask(p, "SELECT max(version) FROM sealgate_schema", text,
			sizeof(text));
	*ret_version = r == 0 ? (int)strtol(text, NULL, 10) : 0;
	return r;
}

static int migrate(struct engine_pg *p, int from)
{
	const char *text;
	char insert[80];
	int r = 0;

	for (int v = from; r == 0 && v < pg_schema_versions(); v++) {
		for (int i = 0; r == 0 && (text = pg_schema_text(v, i)) != NULL; i++)
			r = pg_exec(p, text, NULL);
		snprintf(insert, sizeof(insert), "INSERT INTO sealgate_schema VALUES(%d)",
			v + 1);
		if (r == 0)
			r = pg_exec(p, insert, NULL);
	}
	return r;
}

/* A trigger's condition is remembered in its comment: what has not changed is left alone,
 * as another appliance may be at work. */
static int set_trigger(struct engine_pg *p, const char *table, const char *suffix,
	const char *event, const struct buf *condition, const char *why)
{
	_cleanup_buf_ struct buf sql;
	char there[TRANSITIONS_MAX / 8], query[256];
	int r = condition->error;

	buf_init(&sql, 3 * TRANSITIONS_MAX);
	snprintf(query, sizeof(query),
		"SELECT obj_description(oid,'pg_trigger') FROM pg_trigger"
		" WHERE tgname='%s_%s' AND tgrelid='%s'::regclass",
		table, suffix, table);
	if (r == 0)
		r = ask(p, query, there, sizeof(there));
	if (r < 0 || strcmp(there, condition->data) == 0)
		return r;
	buf_addf(&sql,
		"DROP TRIGGER IF EXISTS %s_%s ON %s; CREATE TRIGGER %s_%s BEFORE %s ON %s"
		" FOR EACH ROW WHEN (%s) EXECUTE FUNCTION sealgate_refuse('%s');"
		"COMMENT ON TRIGGER %s_%s ON %s IS $c$%s$c$",
		table, suffix, table, table, suffix, event, table, condition->data, why,
		table, suffix, table, condition->data);
	return sql.error ? sql.error : pg_exec(p, sql.data, NULL);
}

static int transition_triggers(struct engine_pg *p, const struct machine *m)
{
	_cleanup_buf_ struct buf first, next;
	int r;

	buf_init(&first, TRANSITIONS_MAX);
	buf_init(&next, TRANSITIONS_MAX);
	transitions_add_first(&first, m);
	transitions_add_next(&next, m);
	r = set_trigger(p, m->table, "start", "INSERT", &first, "illegal first state");
	return r < 0 ? r
		     : set_trigger(p, m->table, "next", "UPDATE OF state", &next,
			       "illegal transition");
}

static int update_in_transaction(struct engine_pg *p)
{
	int version = 0,
	    r = pg_exec(p, "SELECT pg_advisory_xact_lock(" LOCK_SCHEMA ")", NULL);

	if (r == 0)
		r = read_version(p, &version);
	if (r < 0)
		return r;
	if (version > pg_schema_versions()) {
		snprintf(p->base.failure_text, sizeof(p->base.failure_text),
			"the database has schema version %d, this program knows up to %d",
			version, pg_schema_versions());
		return -EPROTONOSUPPORT;
	}
	p->timeout_ms = PG_TIMEOUT_SCHEMA_MS;
	r = migrate(p, version);
	p->timeout_ms = PG_TIMEOUT_MS;
	if (r == 0)
		r = transition_triggers(p, &TRANSITIONS_DOCUMENTS);
	return r < 0 ? r : transition_triggers(p, &TRANSITIONS_DELIVERIES);
}

/* One session for each appliance: two would write one chain. */
static int take_appliance(struct engine_pg *p, const char *name)
{
	char *quoted = PQescapeLiteral(p->connection, name, strlen(name));
	char sql[512], number[32];
	int r = quoted ? 0 : pg_failed(p, NULL);

	if (r == 0) {
		snprintf(sql, sizeof(sql),
			"INSERT INTO appliances(name) VALUES(%s) ON CONFLICT DO NOTHING;"
			"SELECT appliance FROM appliances WHERE name=%s",
			quoted, quoted);
		r = ask(p, sql, number, sizeof(number));
	}
	PQfreemem(quoted);
	if (r < 0)
		return r;
	snprintf(sql, sizeof(sql),
		"SET sealgate.appliance='%s';"
		"SELECT pg_advisory_lock(" LOCK_APPLIANCE ",%s)",
		number, number);
	r = pg_exec(p, sql, NULL);
	if (r == -EAGAIN)
		snprintf(p->base.failure_text, sizeof(p->base.failure_text),
			"another session is at work as appliance %s", name);
	return r;
}

int pg_schema_update(struct engine_pg *p, const char *appliance)
{
	int r = pg_exec(p, "BEGIN", NULL);

	if (r == 0)
		r = update_in_transaction(p);
	if (r == 0)
		r = pg_exec(p, "COMMIT", NULL);
	return r < 0 ? r : take_appliance(p, appliance);
}
