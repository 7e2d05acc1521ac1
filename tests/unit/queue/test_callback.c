/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose turn it is to call a partner back: one caller at a time, of whatever appliance.
 */
#include "tests/unit/queue/store.h"

#define LEASE 60

/* Take the turn at a time; on DONE the cursor to go on with is compared. */
static int turn(
	struct store *s, int64_t now, const char *next, struct queue_claim *ret_claim)
{
	struct queue_callback_request q = {
		.partner = "partner-a", .lease_s = LEASE, .limit = 2
	};
	int fd = -1;
	int r = STEP(s, engine_claim_callback(s->engine, now, &q, ret_claim, &fd));

	if (r == QUEUE_DONE) {
		_cleanup_json_ json_t *feed = store_json(fd);

		assert_string_equal(json_string_of(feed, "next"), next);
	}
	return r;
}

static int ended(struct store *s, int64_t now, const struct queue_claim *c,
	int64_t cursor, int64_t retry_at)
{
	struct queue_called_back_request q = { .partner = "partner-a",
		.fence = c->fence,
		.cursor = cursor,
		.retry_at = retry_at };

	return STEP(s, engine_called_back(s->engine, now, &q));
}

/* Whoever is told anew whom to call does not wait for what the last one was to. */
static int turn_anew(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	struct queue_callback_request q = {
		.partner = "partner-a", .lease_s = LEASE, .limit = 2, .anew = 1
	};
	int fd = -1;
	int r = STEP(s, engine_claim_callback(s->engine, now, &q, ret_claim, &fd));

	closep(&fd);
	return r;
}

/* Three outcomes. */
static void fill(struct store *s)
{
	char id[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", id);
	store_add_sealed(s, "N2", id);
	store_add_sealed(s, "N3", id);
}

static void one_after_the_other(void **state)
{
	struct store *s = *state;
	struct queue_claim c, again;

	assert_int_equal(turn(s, T0, "", &c), QUEUE_EMPTY);
	fill(s);
	assert_int_equal(turn(s, T0, "2", &c), QUEUE_DONE);
	assert_int_equal(c.attempt, 1);
	assert_int_equal(turn(s, T0 + LEASE - 1, "", &again), QUEUE_EMPTY);
	assert_int_equal(ended(s, T0 + 1, &c, 2, 0), QUEUE_DONE);
	/* said twice it is nothing new */
	assert_int_equal(ended(s, T0 + 1, &c, 2, 0), QUEUE_STALE);
	assert_int_equal(turn(s, T0 + 1, "3", &c), QUEUE_DONE);
	assert_int_equal(c.attempt, 1);
	assert_int_equal(ended(s, T0 + 1, &c, 4, 0), QUEUE_ILLEGAL);
	assert_int_equal(ended(s, T0 + 1, &c, 3, 0), QUEUE_DONE);
	assert_int_equal(turn(s, T0 + 999, "", &c), QUEUE_EMPTY);
}

static void not_before_its_time(void **state)
{
	struct store *s = *state;
	struct queue_claim c;

	fill(s);
	assert_int_equal(turn(s, T0, "2", &c), QUEUE_DONE);
	assert_int_equal(ended(s, T0 + 1, &c, -1, -1), QUEUE_ILLEGAL);
	assert_int_equal(ended(s, T0 + 1, &c, -1, T0 + 500), QUEUE_DONE);
	assert_int_equal(turn(s, T0 + 499, "", &c), QUEUE_EMPTY);
	assert_int_equal(turn(s, T0 + 500, "2", &c), QUEUE_DONE);
	assert_int_equal(c.attempt, 2);
}

static void anew_is_at_once_but_not_at_once_with_another(void **state)
{
	struct store *s = *state;
	struct queue_claim c, other;

	fill(s);
	assert_int_equal(turn(s, T0, "2", &c), QUEUE_DONE);
	assert_int_equal(turn_anew(s, T0, &other), QUEUE_EMPTY);
	assert_int_equal(ended(s, T0 + 1, &c, -1, T0 + 500), QUEUE_DONE);
	assert_int_equal(turn_anew(s, T0 + 2, &c), QUEUE_DONE);
	assert_int_equal(c.attempt, 1);
	assert_int_equal(turn_anew(s, T0 + 2, &other), QUEUE_EMPTY);
	assert_int_equal(ended(s, T0 + 3, &c, 2, 0), QUEUE_DONE);
}

/* Whoever died or was frozen loses the turn; what it says later is not taken. */
static void a_lease_ends(void **state)
{
	struct store *s = *state, other = *s;
	struct queue_claim frozen, c;

	if (s->postgresql[0])
		assert_int_equal(store_try(s, "second", &other.engine), 0);
	fill(s);
	assert_int_equal(turn(s, T0, "2", &frozen), QUEUE_DONE);
	assert_int_equal(turn(&other, T0 + LEASE - 1, "", &c), QUEUE_EMPTY);
	assert_int_equal(turn(&other, T0 + LEASE, "2", &c), QUEUE_DONE);
	assert_int_equal(ended(s, T0 + LEASE, &frozen, 2, 0), QUEUE_STALE);
	assert_int_equal(ended(s, T0 + LEASE, &frozen, -1, T0), QUEUE_STALE);
	assert_int_equal(turn(s, T0 + LEASE, "", &frozen), QUEUE_EMPTY);
	assert_int_equal(ended(&other, T0 + LEASE, &c, 2, 0), QUEUE_DONE);
	assert_int_equal(turn(s, T0 + LEASE, "3", &c), QUEUE_DONE);
	if (s->postgresql[0])
		engine_close(other.engine);
}

static void a_fence_only_rises(void **state)
{
	static const char *const ACTS[] = { "UPDATE callbacks SET fence=fence",
		"UPDATE callbacks SET due=0", "DELETE FROM callbacks" };
	struct store *s = *state;
	struct queue_claim c;

	fill(s);
	assert_int_equal(turn(s, T0, "2", &c), QUEUE_DONE);
	store_keeps(s, ACTS, sizeof(ACTS) / sizeof(ACTS[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(one_after_the_other),
		STORE_TEST(not_before_its_time),
		STORE_TEST(anew_is_at_once_but_not_at_once_with_another),
		STORE_TEST(a_lease_ends),
		STORE_TEST(a_fence_only_rises),
	};

	return STORE_RUN(tests);
}
