/* SPDX-License-Identifier: EUPL-1.2 */
/* Partners take turns with what is to be sealed and delivered: a backlog is its owner's.
 */
#include "tests/unit/queue/store.h"

#define BACKLOG 40

static void add(struct store *s, const char *partner, int n)
{
	struct queue_submission q;
	char number[48];

	snprintf(number, sizeof(number), "%s-%d", partner, n);
	submission_make(&q, number, DOCUMENT_ACCEPTED, span_str(number));
	snprintf(q.partner, sizeof(q.partner), "%s", partner);
	assert_int_equal(store_insert(s, &q, span_str(number)), QUEUE_DONE);
}

/* Claim and seal the next one; whose it is and what it is called. */
static void seal(struct store *s, const char *number)
{
	struct queue_claim c;

	assert_int_equal(store_claim_seal(s, T0 + 1, 60, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, number);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 1, c.document.id, c.fence,
					 span_str("container"))),
		QUEUE_DONE);
}

static void deliver(struct store *s, const char *destination, const char *number)
{
	struct queue_claim c;

	assert_int_equal(store_claim(s, T0 + 1, destination, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, number);
	assert_int_equal(store_result(s, T0 + 1, &c, DELIVERY_DELIVERED, 0), QUEUE_DONE);
}

static void fill(struct store *s)
{
	for (int i = 0; i < BACKLOG; i++)
		add(s, "big", i);
	add(s, "small", 1);
	add(s, "tiny", 1);
	add(s, "tiny", 2);
}

static void sealing(void **state)
{
	struct store *s = *state;

	fill(s);
	seal(s, "big-0");
	seal(s, "small-1");
	seal(s, "tiny-1");
	seal(s, "big-1");
	/* what comes later does not wait for the backlog either */
	add(s, "small", 2);
	seal(s, "small-2");
	seal(s, "tiny-2");
	for (int i = 2; i < BACKLOG; i++) {
		char number[16];

		snprintf(number, sizeof(number), "big-%d", i);
		seal(s, number);
	}
}

/* Each destination has turns of its own. */
static void delivering(void **state)
{
	struct store *s = *state;
	struct queue_claim c;

	fill(s);
	for (int i = 0; i < BACKLOG + 3; i++) {
		int r = store_claim_seal(s, T0 + 1, 60, &c);

		assert_int_equal(r, QUEUE_DONE);
		assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 1, c.document.id,
						 c.fence, span_str("container"))),
			QUEUE_DONE);
	}
	deliver(s, "traces", "big-0");
	deliver(s, "traces", "small-1");
	deliver(s, "customs-es", "big-0");
	deliver(s, "traces", "tiny-1");
	deliver(s, "traces", "big-1");
	deliver(s, "traces", "tiny-2");
	deliver(s, "traces", "big-2");
	deliver(s, "customs-es", "small-1");
}

/* Whoever has nothing that is due is passed over, and comes again at its time. */
static void what_is_not_due_waits(void **state)
{
	struct store *s = *state;
	struct queue_claim c;
	int64_t due;
	int fds[3] = { -1, -1, -1 };

	add(s, "a", 1);
	add(s, "b", 1);
	assert_int_equal(store_claim_seal(s, T0 + 1, 60, &c), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_seal_failed(s->engine, T0 + 1, c.document.id,
					 c.fence, T0 + 30, "no token")),
		QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 1, 90, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, "b-1");
	assert_int_equal(STEP(s, engine_claim_seal(s->engine, T0 + 2, 60, &c, fds, &due)),
		QUEUE_EMPTY);
	assert_int_equal(due, T0 + 30);
	assert_int_equal(store_claim_seal(s, T0 + 30, 60, &c), QUEUE_DONE);
	assert_string_equal(c.document.number, "a-1");
}

static void turns_of_many_destinations(void **state)
{
	struct store *s = *state;
	char destination[32];
	const char *last;

	last = turn_at(s->engine, "d0");
	assert_ptr_equal(last, turn_at(s->engine, "d0"));
	for (int i = 1; i < 2 * TURNS_MAX; i++) {
		const char *next;

		snprintf(destination, sizeof(destination), "d%d", i);
		next = turn_at(s->engine, destination);
		assert_true(i < TURNS_MAX ? next != last : next == last);
		last = next;
	}
	assert_ptr_equal(turn_at(s->engine, "d0"), s->engine->turns[0].partner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(sealing),
		STORE_TEST(delivering),
		STORE_TEST(what_is_not_due_waits),
		STORE_TEST(turns_of_many_destinations),
	};

	return STORE_RUN(tests);
}
