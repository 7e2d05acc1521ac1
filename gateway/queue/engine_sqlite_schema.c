/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/engine_sqlite.h"
#include "queue/layout.h"
#include "queue/transitions.h"

#include <errno.h>
#include <stdio.h>

/* The least layout whose programs may open the database, which nothing else of SQLite
 * reads; 0 in a database of before it was written. */
#define LEAST "application_id"

static int read_number(struct engine_sqlite *e, const char *pragma, int *ret_number)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(e->db, pragma, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret_number = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 0 : sqlite_failed(e, rc);
}

/* Written only where it is another one: a start on a full disk needs no room. */
static int write_least(struct engine_sqlite *e)
{
	char pragma[64];
	int there = 0, r = read_number(e, "PRAGMA " LEAST, &there);

	snprintf(pragma, sizeof(pragma), "PRAGMA " LEAST "=%d", layout_least());
	return r < 0 || there == layout_least() ? r : sqlite_exec(e, pragma);
}

/* A later program was here, and the machine has returned to this one. It works on what
 * that one made where that one said so; triggers and all stay as they are. */
static int accept_later(struct engine_sqlite *e, int version)
{
	int least = 0, r = read_number(e, "PRAGMA " LEAST, &least);

	if (r < 0 || (least > 0 && least <= schema_versions()))
		return r;
	snprintf(e->base.failure_text, sizeof(e->base.failure_text),
		"the database has schema version %d, this program knows up to %d",
		version, schema_versions());
	return -EPROTONOSUPPORT;
}

static int migrate(struct engine_sqlite *e, int from)
{
	const char *text;
	char pragma[64];
	int r = 0;

	for (int v = from; v < schema_versions(); v++)
		for (int i = 0; r == 0 && (text = schema_text(v, i)) != NULL; i++)
			r = sqlite_exec(e, text);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", schema_versions());
	return r < 0 ? r : sqlite_exec(e, pragma);
}

/* Is the trigger there with exactly this text? Return: 1, 0, negative. */
static int trigger_is(struct engine_sqlite *e, const char *name, const char *text)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(e->db,
		"SELECT 1 FROM sqlite_schema WHERE type='trigger' AND name=?1 AND sql=?2",
		-1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : sqlite_failed(e, rc);
}

/* Write only what differs: a start on a full disk must not need room. */
static int set_trigger(struct engine_sqlite *e, const char *name, const struct buf *text)
{
	char drop[128];
	int r = text->error ? text->error : trigger_is(e, name, text->data);

	if (r != 0)
		return r < 0 ? r : 0;
	snprintf(drop, sizeof(drop), "DROP TRIGGER IF EXISTS %s", name);
	r = sqlite_exec(e, drop);
	return r < 0 ? r : sqlite_exec(e, text->data);
}

/* The triggers that refuse what the table does not allow. */
static int transition_triggers(struct engine_sqlite *e, const struct machine *m)
{
	_cleanup_buf_ struct buf start, next;
	char start_name[64], next_name[64];
	int r;

	snprintf(start_name, sizeof(start_name), "%s_start", m->table);
	snprintf(next_name, sizeof(next_name), "%s_next", m->table);
	buf_init(&start, TRANSITIONS_MAX);
	buf_init(&next, TRANSITIONS_MAX);
	buf_addf(&start, "CREATE TRIGGER %s BEFORE INSERT ON %s WHEN ", start_name,
		m->table);
	transitions_add_first(&start, m);
	buf_add_str(&start, " BEGIN SELECT RAISE(ABORT,'illegal first state'); END");
	buf_addf(&next, "CREATE TRIGGER %s BEFORE UPDATE OF state ON %s WHEN ", next_name,
		m->table);
	transitions_add_next(&next, m);
	buf_add_str(&next, " BEGIN SELECT RAISE(ABORT,'illegal transition'); END");
	r = set_trigger(e, start_name, &start);
	return r < 0 ? r : set_trigger(e, next_name, &next);
}

static int update_in_transaction(struct engine_sqlite *e)
{
	int version = 0, r = read_number(e, "PRAGMA user_version", &version);

	if (r < 0)
		return r;
	if (version > schema_versions())
		return accept_later(e, version);
	if (version < schema_versions())
		r = migrate(e, version);
	if (r == 0)
		r = write_least(e);
	if (r == 0)
		r = transition_triggers(e, &TRANSITIONS_DOCUMENTS);
	if (r == 0)
		r = transition_triggers(e, &TRANSITIONS_DELIVERIES);
	return r;
}

int schema_update(struct engine_sqlite *e)
{
	int r = sqlite_exec(e, "BEGIN IMMEDIATE");

	if (r < 0)
		return r;
	r = update_in_transaction(e);
	if (r == 0)
		return sqlite_exec(e, "COMMIT");
	sqlite3_exec(e->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
