/* SPDX-License-Identifier: EUPL-1.2 */
/* Decisions and clearance: deliveries of their own, after what they are about. */
#include "tests/unit/queue/store.h"

static int done(struct store *s, int64_t now, const char *destination,
	const struct queue_followed *followed)
{
	struct queue_delivery_result_request q = { .state = DELIVERY_DELIVERED,
		.reply_id = "REF.1",
		.detail = "VALID",
		.followed = *followed };
	struct queue_claim claim;
	int r;

	assert_int_equal(store_claim(s, now, destination, &claim), QUEUE_DONE);
	q.fence = claim.fence;
	memcpy(q.id, claim.document.id, sizeof(q.id));
	memcpy(q.destination, claim.destination, sizeof(q.destination));
	r = STEP(s, engine_delivery_result(s->engine, now, &q));
	assert_int_equal(STEP(s, engine_delivery_result(s->engine, now, &q)), r);
	return r;
}

static const struct queue_followed NOTHING,
	ASK = { .what = FOLLOW_DECISION, .at = T0 + 1000 };

static struct queue_followed cleared(void)
{
	struct queue_followed f = { .what = FOLLOW_CLEARED, .tell_count = 2 };

	snprintf(f.tell[0], sizeof(f.tell[0]), "customs-es");
	snprintf(f.tell[1], sizeof(f.tell[1]), "customs-pt"); /* never had it */
	return f;
}

static void assert_sound(struct store *s)
{
	int rounds = 0;

	while (rounds < 2) {
		assert_int_equal(engine_begin(s->engine), 0);
		rounds += engine_ledger_walk(s->engine, 10) == 0;
		engine_rollback(s->engine);
	}
	assert_null(engine_ledger_found(s->engine));
}

static void asked_later_then_told(void **state)
{
	const struct queue_followed f = cleared();
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(done(s, T0 + 5, "traces", &ASK), QUEUE_DONE);
	assert_delivery(s, id, "traces/decision", "queued");
	assert_int_equal(
		store_claim(s, T0 + 999, "traces/decision", &claim), QUEUE_EMPTY);
	assert_int_equal(done(s, T0 + 1000, "traces/decision", &f), QUEUE_DONE);
	assert_document(s, id, "cleared");
	assert_delivery(s, id, "customs-pt/cleared", "absent");
	assert_delivery(s, id, "customs-es/cleared", "waiting"); /* it has nothing yet */
	assert_int_equal(done(s, T0 + 1001, "customs-es", &NOTHING), QUEUE_DONE);
	assert_delivery(s, id, "customs-es/cleared", "queued");
	assert_int_equal(done(s, T0 + 1002, "customs-es/cleared", &NOTHING), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.cleared"), 1);
	assert_sound(s);
}

/* A decision that comes after the withdrawal clears nothing. */
static void withdrawn_meanwhile(void **state)
{
	const struct queue_followed f = cleared();
	struct store *s = *state;
	struct queue_submission w;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	struct queue_delivery_result_request q = { .state = DELIVERY_DELIVERED,
		.followed = f };

	store_add_sealed(s, "N1", id);
	assert_int_equal(done(s, T0 + 5, "traces", &ASK), QUEUE_DONE);
	assert_int_equal(
		store_claim(s, T0 + 1000, "traces/decision", &claim), QUEUE_DONE);
	submission_make(&w, "N1", DOCUMENT_ACCEPTED, span_str("taken back"));
	snprintf(w.status, sizeof(w.status), "40");
	w.relation = RELATION_WITHDRAWS;
	w.destination_count = 0;
	snprintf(w.original, sizeof(w.original), "N1");
	assert_int_equal(store_insert(s, &w, span_str("taken back")), QUEUE_DONE);
	q.fence = claim.fence;
	memcpy(q.id, claim.document.id, sizeof(q.id));
	memcpy(q.destination, claim.destination, sizeof(q.destination));
	assert_int_equal(
		STEP(s, engine_delivery_result(s->engine, T0 + 1001, &q)), QUEUE_DONE);
	assert_document(s, id, "withdrawn");
	assert_delivery(s, id, "customs-es/cleared", "absent");
	assert_sound(s);
}

/* Clearance is on its way when the document is withdrawn: the withdrawal comes after it.
 */
static void withdrawal_waits_for_clearance(void **state)
{
	const struct queue_followed f = cleared();
	struct store *s = *state;
	struct queue_submission w;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim, seal;

	store_add_sealed(s, "N1", id);
	assert_int_equal(done(s, T0 + 4, "customs-es", &NOTHING), QUEUE_DONE);
	assert_int_equal(done(s, T0 + 5, "traces", &ASK), QUEUE_DONE);
	assert_int_equal(done(s, T0 + 1000, "traces/decision", &f), QUEUE_DONE);
	assert_int_equal(
		store_claim(s, T0 + 1001, "customs-es/cleared", &claim), QUEUE_DONE);
	submission_make(&w, "N1", DOCUMENT_ACCEPTED, span_str("taken back"));
	snprintf(w.status, sizeof(w.status), "40");
	w.relation = RELATION_WITHDRAWS;
	w.destination_count = 0;
	snprintf(w.original, sizeof(w.original), "N1");
	assert_int_equal(store_insert(s, &w, span_str("taken back")), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 1002, 60, &seal), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 1002, w.id, seal.fence,
					 span_str("container"))),
		QUEUE_DONE);
	assert_delivery(s, w.id, "traces", "queued");
	assert_delivery(s, w.id, "customs-es", "waiting");
	assert_int_equal(
		store_result(s, T0 + 1003, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_delivery(s, w.id, "customs-es", "queued");
	assert_sound(s);
}

/* Maintenance of a destination is maintenance of all that is done there. */
static void maintenance_holds_notices(void **state)
{
	struct queue_maintenance_request m = { .start = 1,
		.operator_name = "op",
		.reason = "why",
		.destination = "traces" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(done(s, T0 + 5, "traces", &ASK), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_maintenance(s->engine, T0 + 6, &m)), QUEUE_DONE);
	assert_int_equal(
		store_claim(s, T0 + 2000, "traces/decision", &claim), QUEUE_EMPTY);
}

/* What is open, by destination and age; what has ended is not in it. */
static void open_by_age(void **state)
{
	static const int64_t AGES[] = { 59, 599, 3599, 86399, 86400 };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	_cleanup_json_ json_t *none = NULL;
	int fd = -1;

	store_add_sealed(s, "N1", id);
	assert_int_equal(done(s, T0 + 4, "customs-es", &NOTHING), QUEUE_DONE);
	for (size_t i = 0; i < 5; i++) {
		_cleanup_json_ json_t *shape = NULL;
		const json_t *ages;

		assert_int_equal(
			STEP(s, engine_shape(s->engine, T0 + AGES[i], &fd)), QUEUE_DONE);
		shape = store_json(fd);
		assert_null(json_object_get(shape, "customs-es"));
		ages = json_object_get(shape, "traces");
		for (size_t n = 0; n < 5; n++)
			assert_int_equal(
				json_integer_value(json_array_get(ages, n)), n == i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(asked_later_then_told),
		STORE_TEST(withdrawn_meanwhile),
		STORE_TEST(withdrawal_waits_for_clearance),
		STORE_TEST(maintenance_holds_notices),
		STORE_TEST(open_by_age),
	};

	return STORE_RUN(tests);
}
