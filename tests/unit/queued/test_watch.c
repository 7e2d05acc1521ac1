/* SPDX-License-Identifier: EUPL-1.2 */
/* The ledger is watched: one alarm for one mismatch, one balance a day. */
#include "tests/unit/queue/store.h"

#include "common/clock.h"
#include "queue/engine_sqlite.h"
#include "queued/watch.h"

#define LATER 100000000 /* milliseconds; past every rest */

/* Enough steps for two whole rounds. */
static void run(struct watch *w, struct batch *b)
{
	int64_t now = clock_monotonic_ms();

	for (int i = 1; i <= 4; i++)
		assert_int_equal(watch_run(w, b, now + LATER * i), 0);
	w->next_ms = 0;
}

static int records(struct store *s, const char *event)
{
	struct span data;
	char text[80];
	int fd = -1, count = 0;

	snprintf(text, sizeof(text), "\"event\":\"%s\"", event);
	assert_int_equal(STEP(s, engine_audit_read(s->engine, 0, 1000, &fd)), QUEUE_DONE);
	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	for (const char *p = (const char *)data.data;
		(p = memmem(p, data.len - (size_t)(p - (const char *)data.data), text,
			 strlen(text))) != NULL;
		p++)
		count++;
	memfd_unmap(&data);
	close(fd);
	return count;
}

static void one_alarm_for_one_mismatch(void **state)
{
	static const char CHANGE[] = "UPDATE deliveries SET state='delivered',fence=1"
				     " WHERE destination='traces'";
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct batch b;
	struct watch w;

	store_add_sealed(s, "N1", id);
	batch_init(&b, s->dir, s->engine);
	watch_init(&w, clock_monotonic_ms());
	assert_int_equal(watch_run(&w, &b, clock_monotonic_ms()), 0);
	assert_int_equal(records(s, "ledger.balance"), 0);
	run(&w, &b);
	assert_int_equal(records(s, "ledger.balance"), 1);
	assert_int_equal(records(s, "ledger.mismatch"), 0);
	assert_int_equal(
		sqlite_exec(sqlite_of(s->engine), "DROP TRIGGER deliveries_next"), 0);
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), CHANGE), 0);
	run(&w, &b);
	run(&w, &b);
	assert_int_equal(records(s, "ledger.mismatch"), 1);
	assert_int_equal(records(s, "ledger.balance"), 1);
	assert_int_equal(batch_head(&b).position, engine_head(s->engine).position);
	watch_done(&w);
}

static void change(struct store *s, const char *sql)
{
	assert_int_equal(sqlite_exec(sqlite_of(s->engine), sql), 0);
}

/* A hundred are records of their own; of more there is one, too, that says how many. */
static void one_alarm_for_many(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct batch b;
	struct watch w;

	for (int i = 0; i < 110; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add(s, number, DOCUMENT_ACCEPTED, id);
	}
	batch_init(&b, s->dir, s->engine);
	watch_init(&w, clock_monotonic_ms());
	change(s, "DROP TRIGGER documents_next");
	change(s, "UPDATE documents SET state='quarantined'");
	run(&w, &b);
	run(&w, &b);
	run(&w, &b);
	assert_int_equal(records(s, "ledger.mismatch"), 100);
	assert_int_equal(records(s, "ledger.mismatches"), 1);
	watch_done(&w);
}

/* Counters that somebody set: no document is named, its partner and destination are. One
 * that does not balance hides no other. */
static void one_alarm_for_what_does_not_balance(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct batch b;
	struct watch w;

	store_add_sealed(s, "N1", id);
	batch_init(&b, s->dir, s->engine);
	watch_init(&w, clock_monotonic_ms());
	run(&w, &b);
	assert_int_equal(records(s, "ledger.unbalanced"), 0);
	change(s, "UPDATE flows SET n=n+1 WHERE destination='traces'");
	run(&w, &b);
	run(&w, &b);
	assert_int_equal(records(s, "ledger.unbalanced"), 1);
	assert_int_equal(records(s, "ledger.mismatch"), 0);
	change(s, "UPDATE flows SET n=n+1 WHERE destination='customs-es'");
	run(&w, &b);
	run(&w, &b);
	assert_int_equal(records(s, "ledger.unbalanced"), 2);
	change(s, "UPDATE counts SET n=n+1 WHERE kind='document' AND n>0");
	run(&w, &b);
	run(&w, &b);
	assert_int_equal(records(s, "ledger.unbalanced"), 3);
	change(s, "UPDATE flows SET n=n-1 WHERE destination='traces'");
	run(&w, &b);
	assert_int_equal(records(s, "ledger.unbalanced"), 3);
	change(s, "UPDATE flows SET n=n+1 WHERE destination='traces'");
	run(&w, &b);
	assert_int_equal(records(s, "ledger.unbalanced"), 4);
	watch_done(&w);
}

static int no(void *unused)
{
	(void)unused;
	return 1;
}

/* Nothing counts as told that is not in the chain, wherever its making ended. */
static void what_was_not_committed_is_told_again(void **state)
{
	static const char *const EVENTS[] = { "ledger.mismatch", "ledger.unbalanced",
		"ledger.balance" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct batch b;
	struct watch w;

	store_add_sealed(s, "N1", id);
	change(s, "DROP TRIGGER deliveries_next");
	change(s, "UPDATE deliveries SET state='delivered',fence=1"
		  " WHERE destination='traces'");
	change(s, "UPDATE flows SET n=n+1 WHERE destination='traces'");
	batch_init(&b, s->dir, s->engine);
	watch_init(&w, clock_monotonic_ms());
	change(s, "CREATE TEMP TRIGGER full BEFORE INSERT ON audit"
		  " WHEN CAST(NEW.record AS TEXT) LIKE '%ledger.balance%'"
		  " BEGIN SELECT RAISE(ABORT,'full'); END");
	run(&w, &b);
	change(s, "DROP TRIGGER temp.full");
	sqlite3_commit_hook(sqlite_of(s->engine)->db, no, NULL);
	for (int i = 1; i <= 4; i++)
		(void)watch_run(&w, &b, clock_monotonic_ms() + LATER * i);
	sqlite3_commit_hook(sqlite_of(s->engine)->db, NULL, NULL);
	w.next_ms = 0;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(records(s, EVENTS[i]), 0);
	run(&w, &b);
	run(&w, &b);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(records(s, EVENTS[i]), 1);
	watch_done(&w);
}

/* While the database is away nothing is walked and nothing ends the process. */
static void waits_while_the_database_is_away(void **state)
{
	struct batch b = { .failing = true };
	struct watch w = { 0 };

	(void)state;
	assert_int_equal(watch_run(&w, &b, LATER), 0);
	assert_true(w.next_ms > LATER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(one_alarm_for_one_mismatch),
		STORE_TEST(one_alarm_for_many),
		STORE_TEST(one_alarm_for_what_does_not_balance),
		STORE_TEST(what_was_not_committed_is_told_again),
		cmocka_unit_test(waits_while_the_database_is_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
