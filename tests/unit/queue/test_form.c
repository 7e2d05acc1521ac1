/* SPDX-License-Identifier: EUPL-1.2 */
/* What of a document may have arrived somewhere, while the outcome is not known. */
#include "tests/unit/queue/store.h"

static uint32_t form_of_claim(
	struct store *s, int64_t now, uint32_t form, enum delivery_state becomes)
{
	struct queue_claim claim;
	int64_t due;
	int fd = -1;

	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, now, "traces", 60, form,
					 &claim, &fd, &due)),
		QUEUE_DONE);
	closep(&fd);
	if (becomes != DELIVERY_NONE)
		assert_int_equal(store_result(s, now, &claim, becomes, now), QUEUE_DONE);
	return claim.form;
}

static void what_may_have_arrived_keeps_its_form(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	store_add_sealed(s, "N1", id);
	assert_int_equal(form_of_claim(s, T0, 1, DELIVERY_DEFERRED), 1);
	/* Nothing is there: it is what is wanted by now. */
	assert_int_equal(form_of_claim(s, T0 + 1, 2, DELIVERY_UNKNOWN), 2);
	assert_int_equal(form_of_claim(s, T0 + 2, 3, DELIVERY_NONE), 2);
	/* Its lease runs out: unknown as well. */
	assert_int_equal(form_of_claim(s, T0 + 70, 1, DELIVERY_UNKNOWN), 2);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_RELEASE, id, "traces"), QUEUE_DONE);
	assert_int_equal(form_of_claim(s, T0 + 71, 1, DELIVERY_DEFERRED), 2);
	assert_int_equal(form_of_claim(s, T0 + 72, 1, DELIVERY_DELIVERED), 1);
}

/* It was looked up, not there, and sent as it is wanted by now. */
static void what_was_sent_after_a_look_up_is_what_may_have_arrived(void **state)
{
	struct queue_delivery_result_request q = { .state = DELIVERY_UNKNOWN, .form = 3 };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;

	store_add_sealed(s, "N1", id);
	assert_int_equal(form_of_claim(s, T0, 1, DELIVERY_UNKNOWN), 1);
	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, T0 + 1, "traces", 60, 3,
					 &claim, &fd, &due)),
		QUEUE_DONE);
	closep(&fd);
	assert_int_equal(claim.form, 1);
	q.fence = claim.fence;
	memcpy(q.id, id, sizeof(q.id));
	memcpy(q.destination, claim.destination, sizeof(q.destination));
	assert_int_equal(
		STEP(s, engine_delivery_result(s->engine, T0 + 2, &q)), QUEUE_DONE);
	assert_int_equal(form_of_claim(s, T0 + 3, 1, DELIVERY_NONE), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_may_have_arrived_keeps_its_form),
		STORE_TEST(what_was_sent_after_a_look_up_is_what_may_have_arrived),
	};

	return STORE_RUN(tests);
}
