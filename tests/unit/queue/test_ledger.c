/* SPDX-License-Identifier: EUPL-1.2 */
/* Conservation: the counts agree through every life, and whatever is changed behind their
 * back is named. */
#include "tests/unit/queue/store.h"

#include "queue/acts.h"
#include "queue/backend.h"
#include "queue/engine_sqlite.h"
#include "queue/protocol.h"

#include <unistd.h>

static json_t *ledger_of(struct store *s)
{
	int fd = -1;

	assert_int_equal(STEP(s, engine_ledger(s->engine, &fd)), QUEUE_DONE);
	return store_json(fd);
}

static json_int_t number(const json_t *ledger, const char *destination, const char *key)
{
	size_t i;
	json_t *row;

	json_array_foreach(json_object_get(ledger, "destinations"), i, row)
	{
		if (strcmp(json_string_of(row, "destination"), destination) == 0)
			return json_integer_value(json_object_get(row, key));
	}
	return -1;
}

/* accepted = delivered + in queue + held + refused + expired + withdrawn, row by row. */
static json_t *assert_balanced(struct store *s)
{
	static const char *const PLACES[] = { "delivered", "in_queue", "held", "refused",
		"expired", "withdrawn" };
	json_t *ledger = ledger_of(s);
	size_t i;
	json_t *row;

	assert_true(json_is_true(json_object_get(ledger, "balanced")));
	json_array_foreach(json_object_get(ledger, "destinations"), i, row)
	{
		json_int_t sum = 0;

		for (size_t p = 0; p < 6; p++)
			sum += json_integer_value(json_object_get(row, PLACES[p]));
		assert_int_equal(
			sum, json_integer_value(json_object_get(row, "accepted")));
	}
	return ledger;
}

/* Whole rounds; what the last one found. */
static const json_t *walk(struct store *s)
{
	for (int rounds = 0; rounds < 2;) {
		int r;

		assert_int_equal(engine_begin(s->engine), 0);
		r = engine_ledger_walk(s->engine, 3);
		assert_true(r == 0 || r == 1);
		engine_rollback(s->engine);
		rounds += r == 0;
	}
	return engine_ledger_found(s->engine);
}

static void deliver(struct store *s, const char *destination, enum delivery_state to)
{
	struct queue_claim claim;

	assert_int_equal(store_claim(s, T0 + 900, destination, &claim), QUEUE_DONE);
	assert_int_equal(store_result(s, T0 + 900, &claim, to, T0 + 5000), QUEUE_DONE);
}

static void balances_through_every_life(void **state)
{
	struct store *s = *state;
	char id[9][DOCUMENT_ID_SIZE];
	json_t *l;

	store_add(s, "R", DOCUMENT_REFUSED, id[0]);
	for (int i = 1; i < 6; i++) {
		char name[16];

		snprintf(name, sizeof(name), "N%d", i);
		store_add_sealed(s, name, id[i]);
		json_decref(assert_balanced(s));
	}
	deliver(s, "traces", DELIVERY_DELIVERED);
	deliver(s, "traces", DELIVERY_REFUSED);
	deliver(s, "traces", DELIVERY_EXPIRED);
	deliver(s, "traces", DELIVERY_UNKNOWN);
	assert_int_equal(store_control(s, QUEUE_HOLD, id[5], "traces"), QUEUE_DONE);
	store_add(s, "A", DOCUMENT_ACCEPTED, id[6]);
	store_add(s, "H", DOCUMENT_HELD, id[7]);
	l = assert_balanced(s);
	assert_int_equal(number(l, "traces", "accepted"), 7);
	assert_int_equal(number(l, "traces", "delivered"), 1);
	assert_int_equal(number(l, "traces", "refused"), 1);
	assert_int_equal(number(l, "traces", "expired"), 1);
	assert_int_equal(number(l, "traces", "held"), 1);
	assert_int_equal(number(l, "traces", "in_queue"), 3);
	assert_int_equal(number(l, "customs-es", "in_queue"), 7);
	json_decref(l);
	assert_null(walk(s));
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id[2], "traces"), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id[3], "traces"), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_RELEASE, id[5], "traces"), QUEUE_DONE);
	json_decref(assert_balanced(s));
	assert_null(walk(s));
	deliver(s, "traces", DELIVERY_DELIVERED);
	l = assert_balanced(s);
	assert_int_equal(number(l, "traces", "refused"), 0);
	assert_int_equal(number(l, "traces", "delivered"), 2);
	json_decref(l);
	assert_null(walk(s));
}

static void held_document_that_is_refused_in_the_end(void **state)
{
	struct store *s = *state;
	struct queue_judgement j = { .state = DOCUMENT_REFUSED };
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;
	json_t *l;

	store_add(s, "H", DOCUMENT_HELD, id);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 99, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	close(fd);
	assert_int_equal(STEP(s, engine_judged(s->engine, T0 + 100, id, claim.fence, &j,
					 span_str("report"))),
		QUEUE_DONE);
	l = assert_balanced(s);
	assert_int_equal(number(l, "traces", "expired"), 1);
	json_decref(l);
	assert_null(walk(s));
}

static void withdrawn_has_a_column(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_submission q;
	json_t *l;

	store_add_sealed(s, "N1", id);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("taken back"));
	snprintf(q.status, sizeof(q.status), "40");
	q.relation = RELATION_WITHDRAWS;
	snprintf(q.original, sizeof(q.original), "N1");
	q.destination_count = 0;
	assert_int_equal(store_insert(s, &q, span_str("taken back")), QUEUE_DONE);
	l = assert_balanced(s);
	assert_int_equal(number(l, "traces", "expired"), 0);
	assert_int_equal(number(l, "traces", "withdrawn"), 1);
	assert_int_equal(number(l, "traces", "in_queue"), 0);
	json_decref(l);
}

/* What somebody with the database in hand may do, and what the walk says of it. */
static const struct {
	const char *what, *sql;
	const char *destination, *found, *recorded; /* of the mismatch; NULL: none */
	bool balanced;
} CHANGES[] = {
	{ "a delivery passed off as done",
		"UPDATE deliveries SET state='delivered',fence=1 WHERE "
		"destination='traces'",
		"traces", "delivered", "queued", false },
	{ "a refusal turned", "UPDATE deliveries SET state='refused',fence=1", "traces",
		"refused", "queued", false },
	{ "a delivery taken out", "DELETE FROM deliveries WHERE destination='traces'",
		"traces", "absent", "queued", true },
	{ "a document set back", "UPDATE documents SET state='accepted'", NULL,
		"accepted", "sealed", true },
	{ "a document taken out with all of it",
		"DELETE FROM deliveries; DELETE FROM blobs; DELETE FROM documents", NULL,
		"absent", "document.accepted", false },
	{ "counts set", "UPDATE ledger SET n=n+1", NULL, NULL, NULL, false },
	{ "flows set", "UPDATE flows SET n=n+1", NULL, NULL, NULL, false },
};

static void disarm(struct store *s)
{
	static const char SELECT[] = "SELECT 'DROP TRIGGER '||name FROM sqlite_schema"
				     " WHERE type='trigger' AND name NOT LIKE '%count%'"
				     " AND name NOT LIKE 'ledger%'";
	char drops[64][128];
	sqlite3_stmt *q = NULL;
	int n = 0;

	assert_int_equal(
		sqlite3_prepare_v2(sqlite_of(s->engine)->db, SELECT, -1, &q, NULL),
		SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW && n < 64)
		snprintf(drops[n++], sizeof(drops[0]), "%s",
			(const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	while (n > 0)
		assert_int_equal(sqlite_exec(sqlite_of(s->engine), drops[--n]), 0);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), "PRAGMA foreign_keys=OFF"), 0);
}

static void assert_named(const json_t *found, const char *id, size_t change)
{
	const json_t *m = json_array_get(found, 0);
	const char *destination = json_string_of(m, "destination");

	if (!CHANGES[change].found) {
		assert_null(found);
		return;
	}
	assert_true(json_array_size(found) >= 1);
	assert_string_equal(json_string_of(m, "id"), id);
	assert_string_equal(json_string_of(m, "found"), CHANGES[change].found);
	assert_string_equal(json_string_of(m, "recorded"), CHANGES[change].recorded);
	assert_string_equal(destination ? destination : "-",
		CHANGES[change].destination ? CHANGES[change].destination : "-");
}

static void every_change_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
		char id[DOCUMENT_ID_SIZE];
		struct store *s;
		json_t *l;

		assert_int_equal(store_setup((void **)&s), 0);
		store_add_sealed(s, "N1", id);
		assert_null(walk(s));
		disarm(s);
		assert_int_equal(sqlite_exec(sqlite_of(s->engine), CHANGES[i].sql), 0);
		print_message("%s\n", CHANGES[i].what);
		assert_named(walk(s), id, i);
		l = ledger_of(s);
		assert_int_equal(json_is_true(json_object_get(l, "balanced")),
			CHANGES[i].balanced);
		json_decref(l);
		store_teardown((void **)&s);
	}
}

static void balances_go_into_the_chain(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t before = engine_head(s->engine).position;

	store_add_sealed(s, "N1", id);
	before = engine_head(s->engine).position;
	assert_int_equal(STEP(s, engine_ledger_note(s->engine, T0)), QUEUE_DONE);
	assert_int_equal(engine_head(s->engine).position, before + 1);
}

/* All are named, the first also where the ledger is told; the bound is told. */
static void all_are_named_in_a_file(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], path[300], line[512];
	_cleanup_json_ json_t *ledger = NULL, *after = NULL;
	const json_t *check;
	int lines = 0;
	bool last = false;
	FILE *f;

	for (int i = 0; i < LEDGER_FOUND_MAX + 50; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add(s, number, DOCUMENT_ACCEPTED, id);
	}
	snprintf(path, sizeof(path), "%s/" LEDGER_EVIDENCE, s->dir);
	assert_null(walk(s));
	assert_int_equal(access(path, F_OK), -1);
	disarm(s);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine),
				 "UPDATE documents SET state='quarantined'"),
		0);
	assert_int_equal(json_array_size(walk(s)), LEDGER_FOUND_MAX);
	ledger = ledger_of(s);
	check = json_object_get(ledger, "check");
	assert_int_equal(json_integer_value(json_object_get(check, "found")),
		LEDGER_FOUND_MAX + 50);
	assert_int_equal(json_integer_value(json_object_get(check, "named")),
		LEDGER_FOUND_MAX + 50);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		lines++;
		last = strstr(line, id) != NULL;
	}
	fclose(f);
	assert_int_equal(lines, LEDGER_FOUND_MAX + 50);
	assert_true(last);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine),
				 "UPDATE documents SET state='accepted'"),
		0);
	assert_null(walk(s));
	assert_int_equal(access(path, F_OK), -1);
	after = ledger_of(s);
	check = json_object_get(after, "check");
	assert_int_equal(json_integer_value(json_object_get(check, "found")), 0);
}

/* A folder that takes no file: counted all the same. */
static void counted_without_a_file(void **state)
{
	struct ledger_walk w = { 0 };
	_cleanup_json_ json_t *check = json_object();

	(void)state;
	ledger_walk_init(&w, "/nonexistent");
	for (int i = 0; i < LEDGER_FOUND_MAX + 2; i++)
		assert_int_equal(ledger_walk_found(&w, json_pack("{s:i}", "n", i)), 0);
	ledger_walk_end(&w);
	assert_int_equal(ledger_walk_tell(&w, check), 0);
	assert_int_equal(json_integer_value(json_object_get(check, "found")),
		LEDGER_FOUND_MAX + 2);
	assert_int_equal(json_integer_value(json_object_get(check, "named")), 0);
	assert_null(json_object_get(check, "file"));
	ledger_walk_done(&w);
}

/* What a record says, from a line of an export; no record is longer than its bound. */
static json_t *detail_at(struct store *s, int64_t position)
{
	struct span text = { 0 };
	json_t *line, *detail;
	int fd = -1;

	assert_int_equal(
		STEP(s, engine_audit_read(s->engine, position - 1, 1, &fd)), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &text), 0);
	assert_true(text.len < QUEUE_RECORD_MAX);
	line = json_read(span_of(text.data, text.len - 1), QUEUE_JSON_MAX);
	memfd_unmap(&text);
	(void)close(fd);
	detail = json_incref(json_object_get(json_object_get(line, "record"), "detail"));
	json_decref(line);
	assert_non_null(detail);
	return detail;
}

/* As many destinations as there may be do not make a record that nobody can read. */
static void balances_of_many_are_several_records(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], name[DESTINATION_NAME_SIZE];
	int64_t before, at;
	json_int_t rows = 0, before_rows;
	json_t *ledger;

	store_add_sealed(s, "N1", id);
	ledger = ledger_of(s);
	before_rows =
		(json_int_t)json_array_size(json_object_get(ledger, "destinations"));
	json_decref(ledger);
	assert_int_equal(engine_begin(s->engine), 0);
	for (int i = 0; i < 250; i++) {
		snprintf(name, sizeof(name), "%063d", i);
		assert_int_equal(flow_count(s->engine, 1, name, "entered"), 0);
	}
	assert_int_equal(engine_commit(s->engine), 0);
	before = engine_head(s->engine).position;
	assert_int_equal(STEP(s, engine_ledger_note(s->engine, T0)), QUEUE_DONE);
	assert_int_equal(engine_head(s->engine).position, before + 3);
	for (int64_t n = 1; n <= 3; n++) {
		json_t *detail = detail_at(s, before + n);

		assert_int_equal(json_integer_value(json_object_get(detail, "part")), n);
		assert_int_equal(json_integer_value(json_object_get(detail, "parts")), 3);
		rows += (json_int_t)json_array_size(
			json_object_get(detail, "destinations"));
		json_decref(detail);
	}
	assert_int_equal(rows, before_rows + 250);
	assert_int_equal(engine_last_time(s->engine, &at), 0);
	assert_int_equal(at, T0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(balances_through_every_life),
		STORE_TEST(held_document_that_is_refused_in_the_end),
		STORE_TEST(withdrawn_has_a_column),
		cmocka_unit_test(every_change_is_named),
		STORE_TEST(balances_go_into_the_chain),
		STORE_TEST(all_are_named_in_a_file),
		cmocka_unit_test(counted_without_a_file),
		STORE_TEST(balances_of_many_are_several_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
