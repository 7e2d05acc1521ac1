/* SPDX-License-Identifier: EUPL-1.2 */
/* What is PostgreSQL's alone: rules of the database itself, several appliances at one. */
#include "tests/unit/queue/store.h"

#include "queue/audit.h"

#ifdef SEALGATE_POSTGRESQL
#include "queue/engine_pg.h"
#include "queue/engine_pg_tables.h"

/* Return: whether the server took it; nothing of it stays. */
static bool takes(struct store *s, const char *sql)
{
	PGconn *c = PQconnectdb(s->postgresql);
	PGresult *r;
	bool taken;

	PQclear(PQexec(c, "SET client_min_messages=error; SET sealgate.appliance='1'"));
	PQclear(PQexec(c, "BEGIN"));
	r = PQexec(c, sql);
	taken = PQresultStatus(r) == PGRES_COMMAND_OK ||
		PQresultStatus(r) == PGRES_TUPLES_OK;
	PQclear(r);
	PQfinish(c);
	return taken;
}

static void illegal_rows_are_refused(void **state)
{
	static const char *const ACTS[] = {
		"UPDATE audit SET record='x'",
		"DELETE FROM audit",
		"TRUNCATE audit",
		"TRUNCATE documents CASCADE",
		"DELETE FROM documents",
		"DELETE FROM deliveries",
		"DELETE FROM blobs",
		"UPDATE blobs SET data='x'",
		"UPDATE documents SET partner='other'",
		"UPDATE documents SET appliance=2",
		"UPDATE documents SET fence=fence-1",
		"UPDATE deliveries SET state='queued'", /* not sealed yet */
		"UPDATE documents SET state='sealed'",	/* no container */
		"UPDATE documents SET state='held'",	/* no reason */
		"UPDATE documents SET held_until=5",
		"UPDATE documents SET state='nonsense'",
		"UPDATE deliveries SET held_from='queued'",
		"UPDATE deliveries SET hold=1",
		"UPDATE appliances SET documents=0",
		"INSERT INTO deliveries(document,destination,state,received,due,updated)"
		" VALUES(99,'x','waiting',1,1,1)",
		"INSERT INTO deliveries(document,destination,state,received,due,updated)"
		" VALUES(1,'x','queued',1,1,1)",
		"INSERT INTO blobs(id,document,part,data) VALUES(8,1,2,'x')",
		"INSERT INTO audit(appliance,position,record,chain) VALUES(1,9,'x','x')",
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_DONE);
	for (size_t i = 0; i < sizeof(ACTS) / sizeof(ACTS[0]); i++)
		if (takes(s, ACTS[i]))
			fail_msg("%s", ACTS[i]);
	assert_true(takes(s, "UPDATE documents SET state='quarantined'"));
}

/* A hold waits for erasures that are open, and they for it: none passes by the other. */
static void holds_and_erasures_wait(void **state)
{
	static const char ERASURE[] = "LOCK TABLE erasures IN ROW EXCLUSIVE MODE NOWAIT";
	struct queue_legal_hold_request q = { .hold = { .ground = "legal",
						      .partner = "partner-a" },
		.operator_name = "Registrar",
		.reason = "case 12" };
	struct store *s = *state;
	int fd = -1;

	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(engine_legal_hold(s->engine, T0, &q, &fd), QUEUE_DONE);
	closep(&fd);
	assert_false(takes(s, ERASURE));
	assert_int_equal(engine_commit(s->engine), 0);
	assert_true(takes(s, ERASURE));
}

/* Every pair of states: the trigger says what the table says. */
static void triggers_follow_the_table(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], sql[1024];

	store_add_sealed(s, "N1", id);
	for (int from = 1; from < DELIVERY_STATES; from++) {
		for (int to = 1; to < DELIVERY_STATES; to++) {
			enum delivery_state f = (enum delivery_state)from;
			enum delivery_state t = (enum delivery_state)to;

			snprintf(sql, sizeof(sql),
				"ALTER TABLE deliveries DISABLE TRIGGER deliveries_next;"
				"UPDATE deliveries SET state='%s',fence=1,held_from='%s';"
				"ALTER TABLE deliveries ENABLE TRIGGER deliveries_next;"
				"UPDATE deliveries SET state='%s',held_from='%s'",
				delivery_state_text(f),
				f == DELIVERY_HELD ? "queued" : "",
				delivery_state_text(t),
				t == DELIVERY_HELD ? "queued" : "");
			if (takes(s, sql) != (f == t || delivery_may_become(f, t)))
				fail_msg("%s to %s", delivery_state_text(f),
					delivery_state_text(t));
		}
	}
}

static void opens_again_and_knows_its_version(void **state)
{
	struct store *s = *state;
	struct engine *e = NULL;
	struct engine_head before;
	char id[DOCUMENT_ID_SIZE], *text;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	before = engine_head(s->engine);
	engine_close(s->engine);
	store_open(s);
	assert_int_equal(engine_head(s->engine).position, before.position);
	assert_memory_equal(engine_head(s->engine).chain, before.chain, SHA256_SIZE);
	assert_document(s, id, "accepted");
	/* two at work under one name would write one chain */
	assert_int_equal(store_try(s, "gate", &e), -EAGAIN);
	engine_close(s->engine);
	s->engine = NULL;
	text = store_query(s, "INSERT INTO sealgate_schema VALUES(99)");
	free(text);
	assert_int_equal(store_try(s, "gate", &e), -EPROTONOSUPPORT);
	assert_null(e);
}

static void run(struct store *s, const char *sql)
{
	free(store_query(s, sql));
}

/* The server refuses a statement; the connection is as good as before. */
static void holds_that_cannot_be_counted(void **state)
{
	_cleanup_json_ json_t *f = NULL;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	run(s, "ALTER TABLE legal_holds RENAME TO legal_gone");
	assert_int_equal(STEP(s, engine_stats(s->engine, T0, &fd)), QUEUE_DONE);
	assert_int_equal(engine_failure(s->engine), ENGINE_FINE);
	f = store_json(fd);
	assert_true(
		json_is_null(json_object_get(json_object_get(f, "legal"), "documents")));
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(f, "documents"), "accepted")),
		1);
	run(s, "ALTER TABLE legal_gone RENAME TO legal_holds");
	store_add(s, "N2", DOCUMENT_ACCEPTED, id);
}

static void every_earlier_version_comes_along(void **state)
{
	struct store *s = *state;
	const char *text;
	char sql[80], id[DOCUMENT_ID_SIZE], *versions;

	for (int old = 1; old < pg_schema_versions(); old++) {
		engine_close(s->engine);
		run(s, "DO $$DECLARE n TEXT:=current_schema(); BEGIN"
		       " EXECUTE format('DROP SCHEMA %I CASCADE',n);"
		       " EXECUTE format('CREATE SCHEMA %I',n); END$$");
		for (int v = 0; v < old; v++)
			for (int i = 0; (text = pg_schema_text(v, i)) != NULL; i++)
				run(s, text);
		run(s, "CREATE TABLE sealgate_schema(version BIGINT NOT NULL)");
		snprintf(sql, sizeof(sql), "INSERT INTO sealgate_schema VALUES(%d)", old);
		run(s, sql);
		store_open(s);
		versions = store_query(s, "SELECT max(version) FROM sealgate_schema");
		assert_int_equal(strtol(versions, NULL, 10), pg_schema_versions());
		free(versions);
		store_add_sealed(s, "N1", id);
		assert_document(s, id, "sealed");
	}
}

/* What a program that kept no doubt has put off. */
static void what_may_have_arrived_comes_along(void **state)
{
	static const char *const ROWS[] = {
		"SET sealgate.appliance='1';"
		"UPDATE deliveries SET fence=1,state='sending';"
		"UPDATE deliveries SET state='deferred',detail='HTTP '||"
		"(ARRAY['202','403','408','429','302','503'])[delivery];"
		"UPDATE deliveries SET state='held',held_from='queued' WHERE delivery<3",
		"ALTER TABLE deliveries DROP COLUMN doubt",
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], *found;

	store_add_sealed(s, "N1", id);
	store_add_sealed(s, "N2", id);
	store_add_sealed(s, "N3", id);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
		run(s, ROWS[i]);
	run(s, SENT_DOUBT);
	found = store_query(s,
		"SELECT string_agg(detail||'|'||doubt,';' ORDER BY delivery)"
		" FROM deliveries");
	assert_string_equal(found, "HTTP 202|1;HTTP 403|0;HTTP 408|1;HTTP 429|0;"
				   "HTTP 302|1;HTTP 503|0;");
	free(found);
}

static void passwords_stand_in_a_file(void **state)
{
	struct store *s = *state, other = *s;
	struct engine *e = NULL;

	snprintf(other.postgresql, sizeof(other.postgresql), "host=%s password=secret",
		store_server.dir);
	assert_int_equal(store_try(&other, "gate", &e), -EPERM);
	snprintf(other.postgresql, sizeof(other.postgresql), "nonsense");
	assert_int_equal(store_try(&other, "gate", &e), -EINVAL);
}

struct pair {
	struct store a, b;
};

static void open_pair(struct store *s, struct pair *p)
{
	p->a = *s;
	p->b = *s;
	assert_int_equal(store_try(s, "second", &p->b.engine), 0);
}

static void each_takes_its_share_and_keeps_its_chain(void **state)
{
	struct store *s = *state;
	struct pair p;
	char first[DOCUMENT_ID_SIZE], second[DOCUMENT_ID_SIZE];
	struct queue_claim a, b;
	int fds[3] = { -1, -1, -1 };
	int64_t due;

	open_pair(s, &p);
	store_add(&p.a, "N1", DOCUMENT_ACCEPTED, first);
	store_add(&p.b, "N2", DOCUMENT_ACCEPTED, second);
	assert_int_equal(engine_head(p.a.engine).position, 1);
	assert_int_equal(engine_head(p.b.engine).position, 1);
	/* what one has claimed and not committed the other passes over */
	assert_int_equal(engine_begin(p.a.engine), 0);
	assert_int_equal(
		engine_claim_seal(p.a.engine, T0, 60, &a, fds, &due), QUEUE_DONE);
	for (int i = 0; i < 3; i++)
		closep(&fds[i]);
	assert_int_equal(store_claim_seal(&p.b, T0, 60, &b), QUEUE_DONE);
	assert_int_equal(engine_commit(p.a.engine), 0);
	assert_string_equal(a.document.id, first);
	assert_string_equal(b.document.id, second);
	/* the same document at both: one of them was first */
	assert_int_equal(count_events(&p.b, first, "document.accepted"), 1);
	engine_close(p.b.engine);
}

/* A frozen appliance comes back after its lease: another one has finished its work. */
static void fences_hold_between_appliances(void **state)
{
	struct store *s = *state;
	struct pair p;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim slow, quick;

	open_pair(s, &p);
	store_add_sealed(&p.a, "N1", id);
	assert_int_equal(store_claim(&p.a, T0, "traces", &slow), QUEUE_DONE);
	assert_int_equal(store_claim(&p.b, T0 + 1, "traces", &quick), QUEUE_EMPTY);
	assert_int_equal(store_claim(&p.b, T0 + 61, "traces", &quick), QUEUE_DONE);
	assert_true(quick.look_up);
	assert_int_equal(
		store_result(&p.a, T0 + 62, &slow, DELIVERY_REFUSED, 0), QUEUE_STALE);
	assert_int_equal(
		store_result(&p.b, T0 + 62, &quick, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_int_equal(
		store_result(&p.a, T0 + 63, &slow, DELIVERY_DELIVERED, 0), QUEUE_STALE);
	assert_delivery(&p.a, id, "traces", "delivered");
	assert_int_equal(count_events(&p.a, id, "delivery.delivered"), 1);
	engine_close(p.b.engine);
}

/* The record at a position of the chain names a sealed head. */
static void assert_link(struct store *s, int64_t position, int64_t head, const char *sha)
{
	_cleanup_json_ json_t *json = NULL;
	struct audit_line line;
	const json_t *of;
	int fd = -1;
	char text[4096];
	ssize_t n;

	assert_int_equal(
		STEP(s, engine_audit_read(s->engine, position - 1, 1, &fd)), QUEUE_DONE);
	n = pread(fd, text, sizeof(text), 0);
	close(fd);
	assert_true(n > 1);
	assert_int_equal(audit_line_read(span_of(text, (size_t)n - 1), &line), 0);
	json = json_read(line.record, QUEUE_RECORD_MAX);
	of = json_object_get(json_object_get(json, "detail"), "head");
	assert_int_equal(json_integer_value(json_object_get(of, "position")), head);
	assert_string_equal(json_string_of(of, "sha256"), sha);
}

/* Each chain holds how far the other has come, once for each step. */
static void chains_hold_each_other(void **state)
{
	struct store *s = *state;
	static const uint8_t SHA[SHA256_SIZE] = { 1, 2, 3 }, OTHER[SHA256_SIZE] = { 9 };
	struct pair p;
	char id[DOCUMENT_ID_SIZE];

	open_pair(s, &p);
	assert_int_equal(STEP(&p.a, engine_link(p.a.engine, T0)), QUEUE_DONE);
	assert_int_equal(engine_head(p.a.engine).position, 0);
	store_add(&p.b, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(STEP(&p.a, engine_link(p.a.engine, T0)), QUEUE_DONE);
	assert_int_equal(engine_head(p.a.engine).position, 1);
	assert_int_equal(STEP(&p.a, engine_link(p.a.engine, T0 + 1)), QUEUE_DONE);
	assert_int_equal(engine_head(p.a.engine).position, 1);
	assert_int_equal(STEP(&p.b, engine_link(p.b.engine, T0 + 2)), QUEUE_DONE);
	assert_int_equal(engine_head(p.b.engine).position, 2);
	assert_int_equal(STEP(&p.a, engine_link(p.a.engine, T0 + 3)), QUEUE_DONE);
	assert_int_equal(engine_head(p.a.engine).position, 2);
	/* A link that did not come about is made again. */
	store_add(&p.b, "N2", DOCUMENT_ACCEPTED, id);
	assert_int_equal(engine_begin(p.a.engine), 0);
	assert_int_equal(engine_link(p.a.engine, T0 + 4), QUEUE_DONE);
	engine_rollback(p.a.engine);
	engine_link_forget(p.a.engine);
	assert_int_equal(STEP(&p.a, engine_link(p.a.engine, T0 + 5)), QUEUE_DONE);
	assert_int_equal(engine_head(p.a.engine).position, 3);
	/* The newest sealed head goes with it, and never goes back. */
	assert_int_equal(engine_begin(p.b.engine), 0);
	assert_int_equal(engine_sealed_head(p.b.engine, 2, SHA), 0);
	assert_int_equal(engine_sealed_head(p.b.engine, 1, OTHER), 0);
	assert_int_equal(engine_commit(p.b.engine), 0);
	store_add(&p.b, "N3", DOCUMENT_ACCEPTED, id);
	assert_int_equal(STEP(&p.a, engine_link(p.a.engine, T0 + 6)), QUEUE_DONE);
	assert_link(&p.a, 4, 2,
		"0102030000000000000000000000000000000000000000000000000000000000");
	engine_close(p.b.engine);
}

static void one_document_enters_once(void **state)
{
	struct store *s = *state;
	struct pair p;
	struct queue_submission q, again;
	int fd = -1;
	json_t *ledger;

	open_pair(s, &p);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("octets"));
	submission_make(&again, "N1", DOCUMENT_ACCEPTED, span_str("octets"));
	assert_int_equal(store_insert(&p.a, &q, span_str("octets")), QUEUE_DONE);
	assert_int_equal(store_insert(&p.b, &again, span_str("octets")), QUEUE_DUPLICATE);
	submission_make(&again, "N1", DOCUMENT_ACCEPTED, span_str("other"));
	assert_int_equal(store_insert(&p.b, &again, span_str("other")), QUEUE_CONFLICT);
	assert_int_equal(STEP(&p.b, engine_ledger(p.b.engine, &fd)), QUEUE_DONE);
	ledger = store_json(fd);
	assert_true(json_is_true(json_object_get(ledger, "balanced")));
	json_decref(ledger);
	engine_close(p.b.engine);
}

/* The server is gone and back: nothing that was acknowledged is lost. */
static void a_killed_server_loses_nothing(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], lost[DOCUMENT_ID_SIZE];
	struct queue_submission q;
	struct queue_document first;
	struct engine_parts parts = { .report = span_str("report"),
		.document = span_str("two"),
		.receipt = span_str("receipt"),
		.record = span_str("") };
	char record[256];

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	submission_make(&q, "N2", DOCUMENT_ACCEPTED, span_str("two"));
	memcpy(lost, q.id, sizeof(lost));
	assert_int_equal(engine_begin(s->engine), 0);
	snprintf(record, sizeof(record),
		"{\"actor\":\"intake\",\"at\":\"2026-06-05T12:00:00Z\",\"document\":"
		"\"%s\",\"event\":\"document.accepted\"}",
		q.id);
	parts.record = span_str(record);
	assert_int_equal(engine_insert(s->engine, &q, &parts, &first), QUEUE_DONE);
	server_kill(&store_server, SIGQUIT);
	assert_true(engine_commit(s->engine) < 0);
	engine_rollback(s->engine);
	assert_int_equal(engine_failure(s->engine), ENGINE_REOPEN);
	assert_true(engine_begin(s->engine) < 0);
	engine_close(s->engine);
	s->engine = NULL;
	server_run(&store_server);
	for (int i = 0; i < 6000 && PQping(s->postgresql) != PQPING_OK; i++)
		usleep(10000);
	store_open(s);
	assert_document(s, id, "accepted");
	assert_int_equal(STEP(s, engine_get(s->engine, lost, "", QUEUE_META, &first,
					 &(int){ -1 })),
		QUEUE_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(illegal_rows_are_refused),
		STORE_TEST(holds_and_erasures_wait),
		STORE_TEST(holds_that_cannot_be_counted),
		STORE_TEST(triggers_follow_the_table),
		STORE_TEST(opens_again_and_knows_its_version),
		STORE_TEST(every_earlier_version_comes_along),
		STORE_TEST(what_may_have_arrived_comes_along),
		STORE_TEST(passwords_stand_in_a_file),
		STORE_TEST(each_takes_its_share_and_keeps_its_chain),
		STORE_TEST(fences_hold_between_appliances),
		STORE_TEST(chains_hold_each_other),
		STORE_TEST(one_document_enters_once),
		STORE_TEST(a_killed_server_loses_nothing),
	};

	return STORE_RUN_SHARED(tests);
}
#else
int main(void)
{
	fputs("[  SKIPPED ] postgresql: built without libpq\n", stderr);
	return 0;
}
#endif
