/* SPDX-License-Identifier: EUPL-1.2 */
/* The clock was ahead when something was leased, put off or received, and is right again.
 */
#include "tests/unit/queue/retention.h"

#define AHEAD (T0 + INT64_C(10) * YEAR)

static int claim_held(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_held(s->engine, now, 60, ret_claim, &fd, &due));

	closep(&fd);
	return r;
}

static int claim_stamp(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_stamp(s->engine, now, 60, ret_claim, &fd, &due));

	closep(&fd);
	return r;
}

static int claim_call(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	struct queue_callback_request q = {
		.partner = "partner-a", .lease_s = 60, .limit = 2
	};
	int fd = -1;
	int r = STEP(s, engine_claim_callback(s->engine, now, &q, ret_claim, &fd));

	closep(&fd);
	return r;
}

static int claim_renewal(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_renewal(s->engine, now, 60, ret_claim, &fd, &due));

	closep(&fd);
	return r;
}

/* In a transaction with the record that the clock was accepted. */
static void back(struct store *s, int64_t now)
{
	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(engine_clock_back(s->engine, now), 0);
	assert_int_equal(engine_commit(s->engine), 0);
}

static void no_lease_is_beyond_any(void **state)
{
	struct store *s = *state;
	char sent[DOCUMENT_ID_SIZE], accepted[DOCUMENT_ID_SIZE], held[DOCUMENT_ID_SIZE];
	struct queue_claim c, call;

	store_add_sealed(s, "N1", sent);
	store_add(s, "N2", DOCUMENT_ACCEPTED, accepted);
	store_add(s, "N3", DOCUMENT_HELD, held);
	assert_int_equal(store_claim(s, AHEAD, "traces", &c), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, AHEAD, 60, &c), QUEUE_DONE);
	assert_int_equal(claim_held(s, AHEAD, &c), QUEUE_DONE);
	assert_int_equal(claim_stamp(s, AHEAD, &c), QUEUE_DONE);
	assert_int_equal(claim_call(s, AHEAD, &call), QUEUE_DONE);

	assert_int_equal(store_claim(s, T0 + 600, "traces", &c), QUEUE_DONE);
	assert_int_equal(c.look_up, 1);
	assert_int_equal(
		store_claim_seal(s, T0 + 600, QUEUE_LEASE_MAX_S, &c), QUEUE_DONE);
	assert_string_equal(c.document.id, accepted);
	assert_int_equal(claim_held(s, T0 + 600, &c), QUEUE_DONE);
	assert_int_equal(claim_stamp(s, T0 + 600, &c), QUEUE_DONE);
	assert_int_equal(claim_call(s, T0 + 600, &c), QUEUE_DONE);
	assert_true(c.fence > call.fence);
	/* the longest there is stays, whenever that is looked at */
	for (int64_t now = T0 + 600; now < T0 + 600 + QUEUE_LEASE_MAX_S; now += 300)
		assert_int_equal(store_claim_seal(s, now, 60, &c), QUEUE_EMPTY);
}

/* It is looked at now and then while the clock goes on, too: another appliance's was
 * ahead. */
static void seen_while_the_clock_goes_on(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim_seal(s, T0 + 600, 60, &c), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_seal_failed(s->engine, T0 + 601, id, c.fence, AHEAD, "x")),
		QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 602, 60, &c), QUEUE_EMPTY);
	assert_int_equal(store_claim_seal(s, T0 + 660, 60, &c), QUEUE_DONE);
}

static void put_off_by_it(void **state)
{
	struct queue_called_back_request later = { .partner = "partner-a", .cursor = -1 };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;

	store_add_sealed(s, "N1", id);
	assert_int_equal(STEP(s, engine_renew_at(s->engine, id, "B", T0)), QUEUE_DONE);
	assert_int_equal(store_claim(s, AHEAD, "traces", &c), QUEUE_DONE);
	assert_int_equal(
		store_result(s, AHEAD, &c, DELIVERY_DEFERRED, AHEAD + 60), QUEUE_DONE);
	assert_int_equal(store_claim(s, AHEAD, "customs-es", &c), QUEUE_DONE);
	assert_int_equal(
		store_result(s, AHEAD, &c, DELIVERY_UNKNOWN, AHEAD + 60), QUEUE_DONE);
	assert_int_equal(claim_renewal(s, AHEAD, &c), QUEUE_DONE);
	assert_int_equal(claim_call(s, AHEAD, &c), QUEUE_DONE);
	later.fence = c.fence;
	later.retry_at = AHEAD + 60;
	assert_int_equal(
		STEP(s, engine_called_back(s->engine, AHEAD, &later)), QUEUE_DONE);

	assert_int_equal(store_claim(s, T0 + YEAR, "traces", &c), QUEUE_EMPTY);
	back(s, T0 + 600);
	assert_int_equal(store_claim(s, T0 + 600, "traces", &c), QUEUE_DONE);
	assert_int_equal(c.look_up, 0);
	assert_int_equal(store_claim(s, T0 + 600, "customs-es", &c), QUEUE_DONE);
	assert_int_equal(c.look_up, 1);
	assert_int_equal(claim_renewal(s, T0 + 600, &c), QUEUE_DONE);
	assert_int_equal(claim_call(s, T0 + 600, &c), QUEUE_DONE);
}

/* What is to be augmented in years is no lease. */
static void due_in_years_stays(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;

	store_add_sealed(s, "N1", id);
	assert_int_equal(
		STEP(s, engine_renew_at(s->engine, id, "LTA", AHEAD)), QUEUE_DONE);
	back(s, T0 + 600);
	assert_int_equal(claim_renewal(s, T0 + 700, &c), QUEUE_EMPTY);
}

static void claimed_for_erasure_by_it(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	json_t *found;

	ended(s, "N1", id);
	found = look(s, AHEAD, request(QUEUE_RETENTION_CLAIM));
	assert_int_equal(json_array_size(json_object_get(found, "documents")), 1);
	json_decref(found);
	found = look(s, LATE, request(QUEUE_RETENTION_CLAIM));
	assert_int_equal(json_integer_value(json_object_get(found, "claimed")), 1);
	json_decref(found);
	back(s, LATE);
	found = look(s, LATE, request(QUEUE_RETENTION_CLAIM));
	assert_int_equal(json_array_size(json_object_get(found, "documents")), 1);
	json_decref(found);
}

/* Its deliveries do not wait for when it was. */
static void received_by_it(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	struct queue_claim c;

	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
	q.received = AHEAD;
	assert_int_equal(store_insert(s, &q, span_str("N1")), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 10, 60, &c), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 11, q.id, c.fence,
					 span_str("container"))),
		QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 20, "traces", &c), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_HOLD, q.id, "customs-es"), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_RELEASE, q.id, "customs-es"), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 501, "customs-es", &c), QUEUE_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(no_lease_is_beyond_any),
		STORE_TEST(seen_while_the_clock_goes_on),
		STORE_TEST(put_off_by_it),
		STORE_TEST(due_in_years_stays),
		STORE_TEST(claimed_for_erasure_by_it),
		STORE_TEST(received_by_it),
	};

	return STORE_RUN(tests);
}
