/* SPDX-License-Identifier: EUPL-1.2 */
/* However many newer heads the chain holds, those that it denies are found below them. */
#include "tests/unit/queued/set_back.h"

#include "queued/head_look.h"

#define MANY 300 /* more than a start looks at */
#define STEPS_MAX 1000

static void look(struct set_back *s, struct head_look *l)
{
	int64_t now_ms = 1;

	for (int n = 0; !l->done && n < STEPS_MAX; n++) {
		now_ms = l->next_ms > now_ms ? l->next_ms : now_ms;
		assert_int_equal(head_look_run(l, &s->batch, now_ms), 0);
	}
	assert_true(l->done);
	head_look_done(l);
}

static void seal_many(struct set_back *s)
{
	add_records(s, MANY);
	for (int64_t i = RECORDS; i <= RECORDS + MANY; i++) {
		struct engine_head head = head_at(s, i, false);

		seal(s, &head);
	}
}

static int64_t records(const struct set_back *s)
{
	return s->batch.head.position;
}

static void lost_ones_below_many(void **state)
{
	struct set_back *s = *state;
	struct engine_head held = head_at(s, 2, false), lost = head_at(s, 3, true),
			   other = head_at(s, 4, true);
	struct head_look l = { 0 };
	int64_t before;

	seal(s, &held);
	seal(s, &lost);
	seal(s, &other);
	seal_many(s);
	assert_int_equal(head_heal(&s->batch, s->folder), 0);
	before = records(s);
	assert_true(there(s, 3, "json") && there(s, 4, "json"));
	look(s, &l);
	assert_true(there(s, 3, "json.set-back") && there(s, 4, "json.set-back"));
	assert_true(there(s, 2, "json") && there(s, RECORDS, "json"));
	assert_false(there(s, 3, "json") || there(s, 4, "json"));
	assert_int_equal(records(s), before + 1); /* both in one record */
	assert_true(last_says(s, "\"from\":2,\"sealed\":4}"));
	l = (struct head_look){ 0 };
	look(s, &l);
	assert_int_equal(records(s), before + 1);
}

/* What was looked at is not looked at again, unless the chain is another one. */
static void each_once(void **state)
{
	struct set_back *s = *state;
	struct engine_head held = head_at(s, 2, false), lost = head_at(s, 3, true);
	struct head_look l = { 0 };
	char path[256];
	FILE *f;

	seal(s, &held);
	look(s, &l);
	seal(s, &lost);
	l = (struct head_look){ 0 };
	look(s, &l);
	assert_true(there(s, 3, "json"));
	snprintf(path, sizeof(path), "%s/" HEADS_LOOKED_AT, s->folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d:%064d\n", RECORDS, 1);
	fclose(f);
	l = (struct head_look){ 0 };
	look(s, &l);
	assert_true(there(s, 3, "json.set-back"));
}

/* The chain is told first: as long as it cannot be, everything stays. */
static void not_before_it_is_told(void **state)
{
	struct set_back *s = *state;
	struct engine_head lost = head_at(s, 3, true);
	struct head_look l = { 0 };

	seal(s, &lost);
	ask(s, "CREATE TEMP TRIGGER full BEFORE INSERT ON audit"
	       " BEGIN SELECT RAISE(ABORT,'full'); END");
	for (int n = 0; n < 5; n++)
		assert_int_equal(head_look_run(&l, &s->batch, l.next_ms + 1), 0);
	assert_false(l.done);
	assert_true(there(s, 3, "json"));
	ask(s, "DROP TRIGGER temp.full");
	look(s, &l);
	assert_true(there(s, 3, "json.set-back"));
	/* No head says how much of the chain before it is the same. */
	assert_true(last_says(s, "\"from\":1,\"sealed\":3}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lost_ones_below_many, setup, teardown),
		cmocka_unit_test_setup_teardown(each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(not_before_it_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
