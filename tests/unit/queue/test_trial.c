/* SPDX-License-Identifier: EUPL-1.2 */
/* What is committed for nothing: on either database, whatever is in the same transaction,
 * and of several appliances at one. */
#include "tests/unit/queue/store.h"

static void nothing_is_left(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct engine_head before, after;
	const struct queue_maintenance_request q = { .start = 1,
		.window = { .since = T0, .until = T0 + 3600 },
		.destination = "traces",
		.operator_name = "op",
		.reason = "works" };
	int64_t until = 0;

	store_add_sealed(s, "N1", id);
	assert_int_equal(STEP(s, engine_maintenance(s->engine, T0, &q)), QUEUE_DONE);
	before = engine_head(s->engine);
	for (int i = 0; i < 3; i++)
		assert_int_equal(STEP(s, engine_trial(s->engine)), QUEUE_DONE);
	after = engine_head(s->engine);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_document(s, id, "sealed");
	/* a whole batch of them, without bounds */
	assert_int_equal(engine_begin_bold(s->engine), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(engine_mark(s->engine), 0);
		assert_int_equal(engine_trial(s->engine), QUEUE_DONE);
		assert_int_equal(engine_unmark(s->engine, true), 0);
	}
	/* who asks in the same transaction is told of what people have planned alone */
	assert_int_equal(maintenance_now(s->engine, T0, "traces", "", &until), 1);
	assert_true(until == T0 + 3600);
	assert_int_equal(engine_commit(s->engine), 0);
	/* one that was left would make a row of it that the table does not take */
	assert_false(store_refuses(s,
		"INSERT INTO maintenance(destination,since,until,operator,reason)"
		" SELECT 'x',0,0,'x','x' FROM maintenance WHERE operator='self-test:'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(nothing_is_left),
	};

	return STORE_RUN(tests);
}
