/* SPDX-License-Identifier: EUPL-1.2 */
/* Operators' acts, and held documents that are judged again. */
#include "tests/unit/queue/store.h"

static void quarantine_and_redrive(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_seal_failed(s->engine, T0, id, claim.fence,
					 T0 + 30, "token away")),
		QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 29, 60, &claim), QUEUE_EMPTY);
	assert_int_equal(store_claim_seal(s, T0 + 30, 60, &claim), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_seal_failed(s->engine, T0 + 30, id, claim.fence,
					 0, "bad seal")),
		QUEUE_DONE);
	assert_document(s, id, "quarantined");
	assert_int_equal(store_claim_seal(s, T0 + 999, 60, &claim), QUEUE_EMPTY);
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id, ""), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "operator.redrive"), 1);
	assert_int_equal(store_claim_seal(s, T0 + 999, 60, &claim), QUEUE_DONE);
	assert_int_equal(claim.attempt, 1);
}

static void holds_keep_what_was_known(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0, &claim, DELIVERY_UNKNOWN, T0 + 5), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, ""), QUEUE_DONE);
	assert_delivery(s, id, "traces", "held");
	assert_delivery(s, id, "customs-es", "held");
	assert_int_equal(store_claim(s, T0 + 999, "traces", &claim), QUEUE_EMPTY);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, ""), QUEUE_ILLEGAL);
	assert_int_equal(store_control(s, QUEUE_RELEASE, id, ""), QUEUE_DONE);
	/* what was unknown before the hold is unknown after it */
	assert_delivery(s, id, "traces", "unknown");
	assert_delivery(s, id, "customs-es", "queued");
	assert_int_equal(store_claim(s, T0 + 999, "traces", &claim), QUEUE_DONE);
	assert_int_equal(claim.look_up, 1);
}

static void hold_while_sending_takes_effect_after(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "sending");
	assert_int_equal(
		store_result(s, T0, &claim, DELIVERY_DEFERRED, T0 + 1), QUEUE_DONE);
	assert_delivery(s, id, "traces", "held");
	assert_int_equal(store_claim(s, T0 + 10, "traces", &claim), QUEUE_EMPTY);
	assert_int_equal(store_control(s, QUEUE_RELEASE, id, "traces"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
	/* delivered before the hold could matter: delivered it is */
	assert_int_equal(store_claim(s, T0 + 10, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 11, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_delivery(s, id, "traces", "delivered");
}

static void hold_before_the_seal(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0, id, claim.fence,
					 span_str("container"))),
		QUEUE_DONE);
	assert_delivery(s, id, "traces", "held");
	assert_delivery(s, id, "customs-es", "queued");
	assert_int_equal(store_control(s, QUEUE_RELEASE, id, "traces"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
}

/* What has expired is looked up first where an attempt may have arrived, and nowhere
 * else. */
static void redrive_looks_up_what_expired_in_doubt(void **state)
{
	struct queue_delivery_result_request q = { .state = DELIVERY_EXPIRED };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_UNKNOWN, T0), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	q.fence = claim.fence;
	memcpy(q.id, claim.document.id, sizeof(q.id));
	memcpy(q.destination, claim.destination, sizeof(q.destination));
	assert_int_equal(STEP(s, engine_delivery_result(s->engine, T0, &q)), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0, "customs-es", &claim), QUEUE_DONE);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_EXPIRED, 0), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id, ""), QUEUE_DONE);
	assert_delivery(s, id, "traces", "unknown");
	assert_delivery(s, id, "customs-es", "queued");
	assert_int_equal(store_claim(s, T0 + 500, "traces", &claim), QUEUE_DONE);
	assert_int_equal(claim.look_up, 1);
	assert_int_equal(store_claim(s, T0 + 500, "customs-es", &claim), QUEUE_DONE);
	assert_int_equal(claim.look_up, 0);
	assert_int_equal(claim.attempt, 1);
}

static void control_needs_a_name_and_a_reason(void **state)
{
	struct queue_control_request q = {
		.verb = QUEUE_HOLD, .operator_name = "op", .reason = "why"
	};
	struct queue_control_request bad;
	struct store *s = *state;

	store_add_sealed(s, "N1", q.id);
	bad = q;
	bad.operator_name[0] = '\0';
	assert_int_equal(STEP(s, engine_control(s->engine, T0, &bad)), QUEUE_ILLEGAL);
	bad = q;
	bad.reason[0] = '\0';
	assert_int_equal(STEP(s, engine_control(s->engine, T0, &bad)), QUEUE_ILLEGAL);
	bad = q;
	bad.verb = 99;
	assert_int_equal(STEP(s, engine_control(s->engine, T0, &bad)), QUEUE_ILLEGAL);
	bad = q;
	snprintf(bad.destination, sizeof(bad.destination), "nowhere");
	assert_int_equal(STEP(s, engine_control(s->engine, T0, &bad)), QUEUE_NOT_FOUND);
	bad = q;
	assert_int_equal(id_new(bad.id), 0);
	assert_int_equal(STEP(s, engine_control(s->engine, T0, &bad)), QUEUE_NOT_FOUND);
	assert_int_equal(STEP(s, engine_control(s->engine, T0, &q)), QUEUE_DONE);
}

static int claim_held(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_held(s->engine, now, 60, ret_claim, &fd, &due));

	closep(&fd);
	return r;
}

static int judged(struct store *s, const struct queue_claim *claim,
	const struct queue_judgement *j, const char *report)
{
	return STEP(
		s, engine_judged(s->engine, T0 + 700, claim->document.id, claim->fence, j,
			   report ? span_str(report) : (struct span){ 0 }));
}

static void add_held(struct store *s, const char *partner, int number, int answer)
{
	struct queue_submission q;
	char text[32];

	snprintf(text, sizeof(text), "%s-%d", partner, number);
	submission_make(&q, text, DOCUMENT_HELD, span_str(text));
	snprintf(q.partner, sizeof(q.partner), "%s", partner);
	assert_int_equal(store_insert(s, &q, span_str(text)), answer);
}

/* One has ten and was first, two have one each: they do not wait for the ten. */
static void partners_take_turns_with_what_is_held(void **state)
{
	static const char *const TURNS[] = { "b", "c", "d", "b", "b" };
	struct store *s = *state;
	struct queue_claim claim;

	for (int i = 0; i < 10; i++)
		add_held(s, "b", i, QUEUE_DONE);
	add_held(s, "d", 0, QUEUE_DONE);
	add_held(s, "c", 0, QUEUE_DONE);
	for (size_t i = 0; i < sizeof(TURNS) / sizeof(TURNS[0]); i++) {
		assert_int_equal(claim_held(s, T0 + 99, &claim), QUEUE_DONE);
		assert_string_equal(claim.document.partner, TURNS[i]);
	}
	for (int i = 0; i < 7; i++)
		assert_int_equal(claim_held(s, T0 + 99, &claim), QUEUE_DONE);
	assert_int_equal(claim_held(s, T0 + 99, &claim), QUEUE_EMPTY);
	assert_int_equal(claim_held(s, T0 + 99 + 60, &claim), QUEUE_DONE);
}

static void held_documents_of_a_partner_are_limited(void **state)
{
	struct store *s = *state;

	for (int i = 0; i < QUEUE_HELD_MAX; i++)
		add_held(s, "b", i, QUEUE_DONE);
	add_held(s, "b", QUEUE_HELD_MAX, QUEUE_FULL);
	add_held(s, "c", 0, QUEUE_DONE);
}

static void held_ends_with_a_verdict_only(void **state)
{
	struct queue_judgement again = { .state = DOCUMENT_HELD,
		.retry_at = T0 + 900,
		.held_until = T0 + 3600,
		.hold_reason = "trust.stale" };
	struct queue_judgement accepted = { .state = DOCUMENT_ACCEPTED };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim, seal;
	struct queue_document d;
	struct span report;
	int fd = -1;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(store_claim_seal(s, T0 + 999, 60, &seal), QUEUE_EMPTY);
	assert_int_equal(claim_held(s, T0, &claim), QUEUE_EMPTY);
	/* an operator's release hastens the judgement and decides nothing */
	assert_int_equal(store_control(s, QUEUE_RELEASE, id, ""), QUEUE_DONE);
	assert_document(s, id, "held");
	assert_int_equal(claim_held(s, T0 + 500, &claim), QUEUE_DONE);
	assert_int_equal(judged(s, &claim, &again, NULL), QUEUE_DONE);
	assert_document(s, id, "held");
	assert_int_equal(claim_held(s, T0 + 899, &claim), QUEUE_EMPTY);
	assert_int_equal(claim_held(s, T0 + 900, &claim), QUEUE_DONE);
	assert_int_equal(judged(s, &claim, &accepted, NULL), QUEUE_ILLEGAL);
	assert_int_equal(judged(s, &claim, &accepted, "later report"), QUEUE_DONE);
	assert_document(s, id, "accepted");
	assert_int_equal(STEP(s, engine_get(s->engine, id, "", QUEUE_REPORT, &d, &fd)),
		QUEUE_DONE);
	assert_int_equal(memfd_map(fd, 100, &report), 0);
	assert_true(span_equal(report, span_str("later report")));
	memfd_unmap(&report);
	close(fd);
	assert_int_equal(store_claim_seal(s, T0 + 999, 60, &seal), QUEUE_DONE);
	assert_int_equal(seal.attempt, 1);
	/* the seal's claim has moved the fence on: the judge is done */
	assert_int_equal(judged(s, &claim, &accepted, "later report"), QUEUE_STALE);
}

/* By something else than before: all at once, whenever they were due. */
static void held_due_by_another_policy(void **state)
{
	struct store *s = *state;
	char one[DOCUMENT_ID_SIZE], two[DOCUMENT_ID_SIZE], other[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add(s, "N1", DOCUMENT_HELD, one);
	store_add(s, "N2", DOCUMENT_HELD, two);
	store_add(s, "N3", DOCUMENT_REFUSED, other);
	assert_int_equal(claim_held(s, T0 + 1, &claim), QUEUE_EMPTY);
	assert_int_equal(STEP(s, engine_held_due(s->engine, T0 + 1)), QUEUE_DONE);
	assert_int_equal(claim_held(s, T0 + 1, &claim), QUEUE_DONE);
	assert_int_equal(claim_held(s, T0 + 1, &claim), QUEUE_DONE);
	assert_int_equal(claim_held(s, T0 + 1, &claim), QUEUE_EMPTY);
	assert_document(s, other, "refused");
}

static void held_then_refused_frees_the_number(void **state)
{
	struct queue_judgement refused = { .state = DOCUMENT_REFUSED };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], next[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(claim_held(s, T0 + 60, &claim), QUEUE_DONE);
	assert_int_equal(judged(s, &claim, &refused, "report"), QUEUE_DONE);
	assert_int_equal(judged(s, &claim, &refused, "report"), QUEUE_DONE);
	assert_document(s, id, "refused");
	assert_delivery(s, id, "traces", "expired");
	store_add(s, "N1", DOCUMENT_ACCEPTED, next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(quarantine_and_redrive),
		STORE_TEST(holds_keep_what_was_known),
		STORE_TEST(hold_while_sending_takes_effect_after),
		STORE_TEST(hold_before_the_seal),
		STORE_TEST(redrive_looks_up_what_expired_in_doubt),
		STORE_TEST(control_needs_a_name_and_a_reason),
		STORE_TEST(held_ends_with_a_verdict_only),
		STORE_TEST(partners_take_turns_with_what_is_held),
		STORE_TEST(held_documents_of_a_partner_are_limited),
		STORE_TEST(held_then_refused_frees_the_number),
		STORE_TEST(held_due_by_another_policy),
	};

	return STORE_RUN(tests);
}
