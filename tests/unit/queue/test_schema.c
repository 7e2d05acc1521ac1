/* SPDX-License-Identifier: EUPL-1.2 */
/* The database itself refuses what must not be, whoever asks for it. */
#include "tests/unit/queue/store.h"

#include "queue/engine_sqlite.h"
#include "queue/layout.h"

#include <errno.h>

static int run(struct store *s, const char *sql)
{
	int r;

	assert_int_equal(engine_begin(s->engine), 0);
	r = sqlite_exec(sqlite_of(s->engine), sql);
	engine_rollback(s->engine);
	return r;
}

static const char *document_columns(enum document_state s)
{
	return s == DOCUMENT_HELD ? "hold_reason='x'" : "hold_reason='',held_until=0";
}

static const char *delivery_columns(enum delivery_state s)
{
	return s == DELIVERY_HELD ? "held_from='queued',fence=1" : "held_from='',fence=1";
}

/* Set a state without the transition trigger, with all other checks. */
static void force(
	struct store *s, const char *table, const char *columns, const char *state)
{
	char sql[1024], text[4096];
	sqlite3_stmt *q = NULL;

	snprintf(sql, sizeof(sql), "SELECT sql FROM sqlite_schema WHERE name='%s_next'",
		table);
	assert_int_equal(sqlite3_prepare_v2(sqlite_of(s->engine)->db, sql, -1, &q, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	snprintf(text, sizeof(text), "%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	snprintf(sql, sizeof(sql), "DROP TRIGGER %s_next", table);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), sql), 0);
	snprintf(sql, sizeof(sql), "UPDATE %s SET state='%s',%s", table, state, columns);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), sql), 0);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), text), 0);
}

static int try_move(
	struct store *s, const char *table, const char *columns, const char *state)
{
	char sql[1024];

	snprintf(sql, sizeof(sql), "UPDATE %s SET state='%s',%s", table, state, columns);
	return sqlite_exec(sqlite_of(s->engine), sql);
}

/* Every pair of states: the trigger says what the table says. */
static void document_triggers_follow_the_table(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", id);
	for (int from = 1; from < DOCUMENT_STATES; from++) {
		for (int to = 1; to < DOCUMENT_STATES; to++) {
			enum document_state f = (enum document_state)from;
			enum document_state t = (enum document_state)to;
			int expected =
				from == to || document_may_become(f, t) ? 0 : -EINVAL;

			assert_int_equal(engine_begin(s->engine), 0);
			force(s, "documents", document_columns(f),
				document_state_text(f));
			assert_int_equal(try_move(s, "documents", document_columns(t),
						 document_state_text(t)),
				expected);
			engine_rollback(s->engine);
		}
	}
}

static void delivery_triggers_follow_the_table(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", id);
	for (int from = 1; from < DELIVERY_STATES; from++) {
		for (int to = 1; to < DELIVERY_STATES; to++) {
			enum delivery_state f = (enum delivery_state)from;
			enum delivery_state t = (enum delivery_state)to;
			int expected =
				from == to || delivery_may_become(f, t) ? 0 : -EINVAL;

			assert_int_equal(engine_begin(s->engine), 0);
			force(s, "deliveries", delivery_columns(f),
				delivery_state_text(f));
			assert_int_equal(try_move(s, "deliveries", delivery_columns(t),
						 delivery_state_text(t)),
				expected);
			engine_rollback(s->engine);
		}
	}
}

static void illegal_rows_are_refused(void **state)
{
	static const char *const ACTS[] = {
		"UPDATE audit SET record=x'00'",
		"DELETE FROM audit",
		"DELETE FROM documents",
		"DELETE FROM deliveries",
		"DELETE FROM blobs",
		"UPDATE blobs SET data=x'00'",
		"UPDATE documents SET sha256=zeroblob(32)",
		"UPDATE documents SET partner='other'",
		"UPDATE documents SET fence=fence-1",
		"UPDATE deliveries SET state='queued'", /* not sealed yet */
		"UPDATE documents SET state='sealed'",	/* no container */
		"UPDATE documents SET state='held'",	/* no reason */
		"UPDATE documents SET held_until=5",
		"UPDATE documents SET state='nonsense'",
		"UPDATE deliveries SET held_from='queued'",
		"UPDATE deliveries SET hold=1",
		"INSERT INTO deliveries(document,destination,state,received,due,updated)"
		" VALUES(99,'x','waiting',1,1,1)",
		"INSERT INTO deliveries(document,destination,state,received,due,updated)"
		" VALUES(1,'x','queued',1,1,1)",
		"INSERT INTO blobs(id,document,part,data) VALUES(8,1,2,x'00')",
		"INSERT INTO relations VALUES(1,'nonsense','N1')",
		"INSERT INTO relations VALUES(1,'withdraws','')",
		"INSERT INTO related VALUES(1,1)",
		"INSERT INTO audit(position,record,chain) VALUES(0,x'00',zeroblob(32))",
		"INSERT INTO audit(position,record,chain) VALUES(9,x'00',zeroblob(31))",
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_DONE);
	for (size_t i = 0; i < sizeof(ACTS) / sizeof(ACTS[0]); i++) {
		int r = run(s, ACTS[i]);

		if (r != -EINVAL)
			fail_msg("%s: %d", ACTS[i], r);
	}
}

static void opens_again_and_knows_its_version(void **state)
{
	_cleanup_(freep) char *error = NULL;
	struct engine *e = NULL;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct engine_head before;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	before = engine_head(s->engine);
	engine_close(s->engine);
	store_open(s);
	assert_int_equal(engine_head(s->engine).position, before.position);
	assert_memory_equal(engine_head(s->engine).chain, before.chain, SHA256_SIZE);
	assert_document(s, id, "accepted");
	/* a database of a later program is left alone */
	assert_int_equal(sqlite_exec(sqlite_of(s->engine),
				 "PRAGMA user_version=99;PRAGMA application_id=98"),
		0);
	engine_close(s->engine);
	s->engine = NULL;
	assert_int_equal(engine_open(s->dir, &e, &error), -EPROTONOSUPPORT);
	assert_null(e);
	assert_non_null(strstr(error, "99"));
}

/* Rows of a query as "a|b|c;..." in the order that it gives. */
static void query(struct store *s, const char *sql, char *ret, size_t size)
{
	sqlite3_stmt *q = NULL;
	size_t n = 0;

	ret[0] = '\0';
	assert_int_equal(sqlite3_prepare_v2(sqlite_of(s->engine)->db, sql, -1, &q, NULL),
		SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(q) && n < size; i++)
			n += (size_t)snprintf(ret + n, size - n, "%s%s",
				(const char *)sqlite3_column_text(q, i),
				i + 1 < sqlite3_column_count(q) ? "|" : ";");
	sqlite3_finalize(q);
}

/* The machine has returned to this program from one that made more of the database. */
static void a_later_database_that_may_be_opened(void **state)
{
	struct store *s = *state;
	char text[64], id[DOCUMENT_ID_SIZE];
	char *error = NULL;

	query(s, "PRAGMA application_id", text, sizeof(text));
	assert_int_equal(strtol(text, NULL, 10), layout_least());
	assert_true(layout_least() >= 1 && layout_least() <= layout_version());
	assert_int_equal(sqlite_exec(sqlite_of(s->engine),
				 "CREATE TABLE later(a INTEGER) STRICT;"
				 "PRAGMA user_version=99;PRAGMA application_id=1"),
		0);
	engine_close(s->engine);
	store_open(s);
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_document(s, id, "accepted");
	query(s, "PRAGMA user_version", text, sizeof(text));
	assert_string_equal(text, "99;"); /* the later program finds it as it was */
	snprintf(text, sizeof(text), "PRAGMA application_id=%d", layout_version() + 1);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), text), 0);
	engine_close(s->engine);
	s->engine = NULL;
	assert_int_equal(engine_open(s->dir, &s->engine, &error), -EPROTONOSUPPORT);
	free(error);
}

static void what_a_later_program_says_of_its_layout(void **state)
{
	(void)state;
	assert_int_equal(layout_returns("22 21\n", 21), 1);
	assert_int_equal(layout_returns("22 21\n", 22), 1);
	assert_int_equal(layout_returns("22 22\n", 21), 0);
	assert_int_equal(layout_returns("22 23\n", 23), -EINVAL);
	assert_int_equal(layout_returns("22 0\n", 21), -EINVAL);
	assert_int_equal(layout_returns("22 21", 21), -EINVAL);
	assert_int_equal(layout_returns("22 21\nx", 21), -EINVAL);
	assert_int_equal(layout_returns("", 21), -EINVAL);
}

/* What every version can hold: a document sealed, a delivery done, one open. */
static const char OLD_ROWS[] =
	"INSERT INTO "
	"documents(id,partner,sha256,country,import_country,type,number,status,"
	"state,size,received,held_until,hold_reason,policy_digest,store_version,"
	"correlation,"
	"due) "
	"VALUES('01ARZ3NDEKTSV4RRFFQ69G5FAV','partner-a',zeroblob(32),'MA','ES','851',"
	"'N1','70','accepted',2,5,0,'','','','',5);"
	"INSERT INTO deliveries(document,destination,state,received,due,updated)"
	" VALUES(1,'traces','waiting',5,5,5),(1,'customs-es','waiting',5,5,5);"
	"UPDATE deliveries SET state='expired' WHERE destination='traces'";

static void make_old(const char *dir, int version)
{
	char path[512], pragma[64];
	sqlite3 *db = NULL;
	const char *text;

	snprintf(path, sizeof(path), "%s/queue.db", dir);
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (int v = 0; v < version; v++)
		for (int i = 0; (text = schema_text(v, i)) != NULL; i++)
			assert_int_equal(
				sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, OLD_ROWS, NULL, NULL, NULL), SQLITE_OK);
	snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", version);
	assert_int_equal(sqlite3_exec(db, pragma, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Whatever waited before there was a line comes into it; this one has no parts. */
static void assert_what_waited_is_claimed(struct store *s)
{
	struct queue_claim c;

	assert_int_equal(store_claim_seal(s, T0, 60, &c), QUEUE_EMPTY);
	assert_string_equal(engine_set_aside(s->engine), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
}

/* A database of each earlier version is one of this version after a start. (What an old
 * program wrote is in it; flows of what it did are made from the states.) */
static void every_earlier_version_comes_along(void **state)
{
	struct store *s = *state;
	char text[2048];

	for (int v = 1; v < schema_versions(); v++) {
		engine_close(s->engine);
		make_old(s->dir, v);
		store_open(s);
		query(s, "PRAGMA user_version", text, sizeof(text));
		assert_int_equal(strtol(text, NULL, 10), schema_versions());
		query(s, "SELECT * FROM ledger WHERE n>0 ORDER BY 2", text, sizeof(text));
		assert_string_equal(text, "partner-a|customs-es|waiting|1;"
					  "partner-a|traces|expired|1;");
		assert_what_waited_is_claimed(s);
		if (v == 1) {
			query(s, "SELECT * FROM flows ORDER BY 2,3", text, sizeof(text));
			assert_string_equal(text, "partner-a|customs-es|entered|1;"
						  "partner-a|traces|entered|1;"
						  "partner-a|traces|expired|1;");
		}
	}
}

/* What was put off or ended under a program that kept no doubt may be in doubt all the
 * same, also when it was held and released since. */
static void what_may_have_arrived_comes_along(void **state)
{
	static const char ROWS[] =
		"INSERT INTO deliveries(document,destination,state,received,due,updated,"
		"fence,detail) VALUES(1,'a','expired',5,5,5,1,'HTTP 202'),"
		"(1,'b','refused',5,5,5,2,'HTTP 422 to a repetition: an earlier attempt "
		"may have arrived'),(1,'c','refused',5,5,5,2,'HTTP 422'),"
		"(1,'d','deferred',5,5,5,2,'HTTP 403'),"
		"(1,'e','deferred',5,5,5,2,'HTTP 202'),"
		"(1,'f','deferred',5,5,5,2,'HTTP 302'),"
		"(1,'g','deferred',5,5,5,2,'HTTP 408'),"
		"(1,'h','deferred',5,5,5,2,'HTTP 429'),"
		"(1,'i','queued',5,5,5,2,'HTTP 204'),"
		"(1,'j','queued',5,5,5,2,'HTTP 422 to a repetition: an earlier attempt "
		"may have arrived'),(1,'k','delivered',5,5,5,2,'HTTP 201 with an "
		"acknowledgement');"
		"INSERT INTO deliveries(document,destination,state,held_from,received,"
		"due,updated,fence,detail) VALUES(1,'l','held','queued',5,5,5,2,"
		"'HTTP 202'),(1,'m','held','queued',5,5,5,2,'HTTP 403')";
	struct store *s = *state;
	char text[512];
	sqlite3 *db = NULL;

	engine_close(s->engine);
	make_old(s->dir, 21);
	snprintf(text, sizeof(text), "%s/queue.db", s->dir);
	assert_int_equal(sqlite3_open(text, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, ROWS, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	store_open(s);
	query(s, "SELECT destination,doubt FROM deliveries ORDER BY 1", text,
		sizeof(text));
	assert_string_equal(text, "a|1;b|1;c|0;customs-es|0;d|0;e|1;f|1;g|1;h|0;i|1;"
				  "j|1;k|0;l|1;m|0;traces|0;");
}

/* A start that has nothing to change writes nothing: it works on a full disk. */
static void second_start_writes_nothing(void **state)
{
	struct store *s = *state;
	int changes;

	engine_close(s->engine);
	store_open(s);
	changes = sqlite3_total_changes(sqlite_of(s->engine)->db);
	assert_int_equal(changes, 0);
	assert_int_equal(sqlite_of(s->engine)->log_frames, 0);
}

static void hot_selects_use_their_indexes(void **state)
{
	static const enum statement HOT[] = { SQL_FIND_HASH, SQL_FIND_NUMBER,
		SQL_SEAL_LOOK, SQL_HELD_LOOK, SQL_DELIVERY_LOOK, SQL_CLAIM_SEAL,
		SQL_CLAIM_HELD, SQL_SEAL_PARTNER, SQL_CLAIM_DELIVERY,
		SQL_DELIVERY_PARTNER, SQL_HELD_PARTNER, SQL_EXPIRED_LEASES,
		SQL_NEXT_EXPIRY, SQL_AUDIT_DOCUMENT, SQL_LIST_STATE, SQL_STATS_OLDEST,
		SQL_STATS_OLDEST_DOCUMENT, SQL_EXPLAIN_HASH, SQL_EXPLAIN_NUMBER,
		SQL_LIST_PARTNER, SQL_RELATION_OF, SQL_ORIGINALS, SQL_ORIGINAL_OPEN,
		SQL_ORIGINAL_THERE, SQL_ORIGINAL_REPLY, SQL_FOLLOWERS };
	struct store *s = *state;

	for (size_t i = 0; i < sizeof(HOT) / sizeof(HOT[0]); i++) {
		const char *sql = sqlite3_sql(s->engine->rows[HOT[i]].handle);
		char text[4096];
		sqlite3_stmt *q = NULL;

		snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", sql);
		assert_int_equal(
			sqlite3_prepare_v2(sqlite_of(s->engine)->db, text, -1, &q, NULL),
			SQLITE_OK);
		while (sqlite3_step(q) == SQLITE_ROW) {
			const char *plan = (const char *)sqlite3_column_text(q, 3);

			if ((strstr(plan, "SCAN") && !strstr(plan, "INDEX") &&
				    !strstr(plan, "CONSTANT ROW")) ||
				strstr(plan, "TEMP B-TREE"))
				fail_msg("%s: %s", sql, plan);
		}
		sqlite3_finalize(q);
	}
}

/* A list of texts in a check or trigger would have SQLite build a table for every row. */
static void hot_writes_build_no_tables(void **state)
{
	static const enum statement HOT[] = { SQL_INSERT_DOCUMENT, SQL_UPDATE_DOCUMENT,
		SQL_LEASE_DOCUMENT, SQL_INSERT_BLOB, SQL_INSERT_ZEROBLOB,
		SQL_INSERT_DELIVERY, SQL_UPDATE_DELIVERY, SQL_NOTE_DELIVERY, SQL_FLOW,
		SQL_AUDIT_INSERT, SQL_OUTCOME_NEXT, SQL_OUTCOME_INSERT };
	struct store *s = *state;

	for (size_t i = 0; i < sizeof(HOT) / sizeof(HOT[0]); i++) {
		const char *sql = sqlite3_sql(s->engine->rows[HOT[i]].handle);
		char text[4096];
		sqlite3_stmt *q = NULL;

		snprintf(text, sizeof(text), "EXPLAIN %s", sql);
		assert_int_equal(
			sqlite3_prepare_v2(sqlite_of(s->engine)->db, text, -1, &q, NULL),
			SQLITE_OK);
		while (sqlite3_step(q) == SQLITE_ROW)
			if (strcmp((const char *)sqlite3_column_text(q, 1),
				    "OpenEphemeral") == 0)
				fail_msg("%s", sql);
		sqlite3_finalize(q);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(document_triggers_follow_the_table),
		STORE_TEST(delivery_triggers_follow_the_table),
		STORE_TEST(illegal_rows_are_refused),
		STORE_TEST(opens_again_and_knows_its_version),
		STORE_TEST(a_later_database_that_may_be_opened),
		cmocka_unit_test(what_a_later_program_says_of_its_layout),
		STORE_TEST(every_earlier_version_comes_along),
		STORE_TEST(what_may_have_arrived_comes_along),
		STORE_TEST(second_start_writes_nothing),
		STORE_TEST(hot_selects_use_their_indexes),
		STORE_TEST(hot_writes_build_no_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
