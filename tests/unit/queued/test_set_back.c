/* SPDX-License-Identifier: EUPL-1.2 */
/* What was sealed of a chain that the database does not have is said before it is set
 * aside, and found by what it says, too. */
#include "tests/unit/queued/set_back.h"

static void nothing_is_lost(void **state)
{
	struct set_back *s = *state;
	struct engine_head head = head_at(s, RECORDS, false);

	seal(s, &head);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_true(there(s, RECORDS, "json"));
	assert_int_equal(s->batch.head.position, RECORDS);
}

static void what_cannot_be_recorded_is_not_set_aside(void **state)
{
	struct set_back *s = *state;
	struct engine_head head = head_at(s, RECORDS, true);

	head.position = RECORDS + 4;
	seal(s, &head);
	s->batch.clock.behind = true;
	assert_int_equal(head_heal(&s->batch, s->folder), 1);
	assert_true(there(s, RECORDS + 4, "json"));
	s->batch.clock.behind = false;
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_false(there(s, RECORDS + 4, "json"));
	assert_true(there(s, RECORDS + 4, "json.set-back"));
	assert_int_equal(s->batch.head.position, RECORDS + 1);
}

/* The chain may have refused it, as on a full disk. */
static void what_failed_to_be_recorded_is_not_set_aside(void **state)
{
	struct set_back *s = *state;
	struct engine_head head = head_at(s, RECORDS, true);

	head.position = RECORDS + 4;
	seal(s, &head);
	ask(s, "CREATE TEMP TRIGGER full BEFORE INSERT ON audit"
	       " BEGIN SELECT RAISE(ABORT,'full'); END");
	assert_int_equal(head_heal(&s->batch, s->folder), 1);
	assert_true(there(s, RECORDS + 4, "json"));
	ask(s, "DROP TRIGGER temp.full");
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_true(there(s, RECORDS + 4, "json.set-back"));
}

/* Below which no feed gives out a cursor any more. */
static int64_t floor_of(struct set_back *s)
{
	sqlite3_stmt *q = NULL;
	int64_t last;

	assert_int_equal(sqlite3_prepare_v2(sqlite_of(s->batch.engine)->db,
				 "SELECT " OUTCOMES_FLOOR, -1, &q, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	last = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return last;
}

/* Set back, and grown past what was sealed. */
static void what_the_chain_denies_is_set_aside(void **state)
{
	struct set_back *s = *state;
	struct engine_head held = head_at(s, 2, false), first = head_at(s, 3, true),
			   second = head_at(s, 4, true);

	seal(s, &held);
	seal(s, &first);
	seal(s, &second);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(floor_of(s), OUTCOMES_STEP);
	assert_true(there(s, 2, "json"));
	assert_false(there(s, 3, "json") || there(s, 4, "json"));
	assert_true(there(s, 3, "json.set-back") && there(s, 4, "json.set-back"));
	assert_int_equal(s->batch.head.position, RECORDS + 1);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(s->batch.head.position, RECORDS + 1);
}

/* New ones were sealed, while those of the lost part could not be set aside. */
static void what_is_denied_below_what_is_held_is_set_aside(void **state)
{
	struct set_back *s = *state;
	struct engine_head below = head_at(s, 1, false), lost = head_at(s, 2, true),
			   held = head_at(s, 3, false), other = head_at(s, 4, true),
			   newest = head_at(s, 5, false);
	char path[256];
	FILE *f;

	seal(s, &below);
	seal(s, &lost);
	seal(s, &held);
	seal(s, &other);
	seal(s, &newest);
	path_of_head(s, 2, "tst", path);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_true(there(s, 1, "json") && there(s, 3, "json") && there(s, 5, "json"));
	assert_true(there(s, 2, "json.set-back") && there(s, 2, "tst.set-back"));
	assert_true(there(s, 4, "json.set-back"));
	assert_int_equal(s->batch.head.position, RECORDS + 1);
	assert_true(last_says(s, "\"detail\":{\"end\":5,\"from\":1,\"sealed\":4}"));
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(s->batch.head.position, RECORDS + 1);
}

/* More than are looked at on an ordinary day: behind the end none is opened. */
static void all_that_is_lost_is_set_aside(void **state)
{
	struct set_back *s = *state;
	struct engine_head held = head_at(s, 2, false);
	const int64_t last = RECORDS + 2 * HEAD_LIST_NEWEST + 1;
	char path[256];

	seal(s, &held);
	for (int64_t i = RECORDS + 1; i <= last; i++) {
		FILE *f;

		path_of_head(s, i, "json", path);
		f = fopen(path, "w");
		assert_non_null(f);
		fclose(f);
	}
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_true(there(s, 2, "json"));
	for (int64_t i = RECORDS + 1; i <= last; i++)
		assert_true(there(s, i, "json.set-back"));
}

/* From the chain's end at the start on, wherever it is when that can be recorded. */
static void what_is_noted_late_is_lost_from_the_start_on(void **state)
{
	struct set_back *s = *state;
	struct engine_head head = head_at(s, RECORDS, true);

	head.position = RECORDS + 4;
	seal(s, &head);
	s->batch.clock.behind = true;
	assert_int_equal(head_heal(&s->batch, s->folder), 1);
	s->batch.clock.behind = false;
	add_records(s, 6);
	head = head_at(s, RECORDS + 2, false);
	seal(s, &head);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_true(last_says(s, "\"detail\":{\"end\":11,\"from\":5,\"sealed\":9}"));
}

static void path_of_mark(const struct set_back *s, const char *kind, char ret_path[256])
{
	snprintf(ret_path, 256, "%s/" QUEUE_RESTORED "%s", s->folder, kind);
}

static void put_mark(const struct set_back *s, const char *kind)
{
	char path[256];
	FILE *f;

	path_of_mark(s, kind, path);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "3:%064d", 1);
	fclose(f);
}

/* Said once, also where the power went in between. */
static void that_it_was_restored_is_said_once(void **state)
{
	struct set_back *s = *state;
	char path[256];

	put_mark(s, "");
	assert_int_equal(floor_of(s), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(head_heal(&s->batch, s->folder), 0);
		assert_int_equal(s->batch.head.position, RECORDS + 1);
		assert_int_equal(floor_of(s), OUTCOMES_STEP);
	}
	put_mark(s, ".taken");
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(s->batch.head.position, RECORDS + 2);
	path_of_mark(s, "", path);
	assert_int_not_equal(access(path, F_OK), 0);
	path_of_mark(s, ".taken", path);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_mark_that_stays_ends_it(void **state)
{
	struct set_back *s = *state;
	char path[256];

	put_mark(s, "");
	path_of_mark(s, ".taken", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(head_heal(&s->batch, s->folder) < 0);
	assert_int_equal(s->batch.head.position, RECORDS);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(s->batch.head.position, RECORDS + 1);
}

static void each_that_is_set_aside_keeps_a_name(void **state)
{
	struct set_back *s = *state;
	struct engine_head now = head_at(s, 3, false), other = head_at(s, 3, true);
	char heads[128];

	snprintf(heads, sizeof(heads), "%s/heads", s->folder);
	seal(s, &now);
	head_spare(heads, &now); /* it is that very one */
	assert_true(there(s, 3, "json"));
	for (int i = 0; i < 3; i++) {
		seal(s, &other);
		head_spare(heads, &now);
		assert_false(there(s, 3, "json"));
	}
	assert_true(there(s, 3, "json.set-back"));
	assert_true(there(s, 3, "json.set-back.2") && there(s, 3, "json.set-back.3"));
	seal(s, &other);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_true(there(s, 3, "json.set-back.4"));
}

/* The mark stays until the chain has it. */
static void a_mark_that_failed_to_be_recorded_is_tried_again(void **state)
{
	struct set_back *s = *state;

	put_mark(s, "");
	ask(s, "CREATE TEMP TRIGGER full BEFORE INSERT ON audit"
	       " BEGIN SELECT RAISE(ABORT,'full'); END");
	assert_int_equal(head_heal(&s->batch, s->folder), 1);
	ask(s, "DROP TRIGGER temp.full");
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(s->batch.head.position, RECORDS + 1);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(s->batch.head.position, RECORDS + 1);
}

/* What somebody who writes is answered. */
static enum queue_answer written(struct set_back *s)
{
	const struct queue_held_due_request q = { 0 };
	struct connection *c = calloc(1, sizeof(*c));
	const struct queue_reply *reply;
	struct ipc_message m;
	enum queue_answer answer;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	connection_open(c, pair[0], "intake", 1);
	assert_int_equal(
		ipc_send(pair[1], QUEUE_OP_HELD_DUE, 1, &q, sizeof(q), NULL, 0), 0);
	assert_true(connection_receive(c));
	batch_add(&s->batch, c);
	s->batch.retry_ms = 0;
	assert_int_equal(batch_run(&s->batch), 0);
	assert_int_equal(ipc_receive(pair[1], &m), 1);
	reply = ipc_body(&m, sizeof(*reply));
	assert_non_null(reply);
	answer = (enum queue_answer)reply->answer;
	ipc_message_done(&m);
	connection_close(c);
	close(pair[1]);
	free(c);
	return answer;
}

/* Whoever writes is told to come again until the cursors are raised: what is numbered
 * before would have numbers that were given out. */
static void nothing_is_numbered_before_the_raise(void **state)
{
	struct set_back *s = *state;
	struct engine_head other = head_at(s, 3, true);

	assert_int_equal(written(s), QUEUE_DONE);
	put_mark(s, "");
	ask(s, "CREATE TEMP TRIGGER full BEFORE INSERT ON audit"
	       " BEGIN SELECT RAISE(ABORT,'full'); END");
	assert_int_equal(head_heal(&s->batch, s->folder), 1);
	assert_int_equal(written(s), QUEUE_UNAVAILABLE);
	assert_int_equal(floor_of(s), 0);
	ask(s, "DROP TRIGGER temp.full");
	assert_int_equal(written(s), QUEUE_UNAVAILABLE); /* not because it refuses */
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(floor_of(s), OUTCOMES_STEP);
	assert_int_equal(written(s), QUEUE_DONE);
	/* the same of what was set back without a mark */
	seal(s, &other);
	ask(s, "CREATE TEMP TRIGGER full BEFORE INSERT ON audit"
	       " BEGIN SELECT RAISE(ABORT,'full'); END");
	assert_int_equal(head_heal(&s->batch, s->folder), 1);
	assert_int_equal(written(s), QUEUE_UNAVAILABLE);
	ask(s, "DROP TRIGGER temp.full");
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	assert_int_equal(written(s), QUEUE_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(
			that_it_was_restored_is_said_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_mark_that_stays_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_recorded_is_not_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_failed_to_be_recorded_is_not_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_mark_that_failed_to_be_recorded_is_tried_again, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_numbered_before_the_raise, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_chain_denies_is_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
			all_that_is_lost_is_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_denied_below_what_is_held_is_set_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_noted_late_is_lost_from_the_start_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
			each_that_is_set_aside_keeps_a_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
