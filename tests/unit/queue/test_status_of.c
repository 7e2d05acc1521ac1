/* SPDX-License-Identifier: EUPL-1.2 */
/* What was held under a number at a time, by the audit records, and for whom. */
#include "tests/unit/queue/store.h"

static json_t *ask(
	struct store *s, const char *number, int64_t at, const struct queue_scope *scope)
{
	struct queue_status_request q = { .at = at, .scope = *scope };
	int fd = -1;

	snprintf(q.number, sizeof(q.number), "%s", number);
	assert_int_equal(STEP(s, engine_status_of(s->engine, &q, &fd)), QUEUE_DONE);
	return store_json(fd);
}

static size_t count(
	struct store *s, const char *number, int64_t at, const struct queue_scope *scope)
{
	_cleanup_json_ json_t *answer = ask(s, number, at, scope);

	assert_true(json_is_true(json_object_get(answer, "complete")));
	return json_array_size(json_object_get(answer, "documents"));
}

/* The state under N1 at a time. */
static void expect_state(
	struct store *s, const char *number, int64_t at, const char *state, int64_t since)
{
	const struct queue_scope own = { .partner = "partner-a" };
	_cleanup_json_ json_t *answer = ask(s, number, at, &own);
	_cleanup_json_ json_t *time = json_time(since);
	const json_t *d = json_array_get(json_object_get(answer, "documents"), 0);

	assert_string_equal(json_string_of(d, "state"), state);
	assert_string_equal(json_string_of(d, "since"), json_string_value(time));
}

static void as_it_was_then(void **state)
{
	const struct queue_scope own = { .partner = "partner-a" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	json_t *answer, *list;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 9, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_int_equal(count(s, "N1", T0 - 1, &own), 0);
	assert_int_equal(count(s, "N2", T0 + 9, &own), 0);
	expect_state(s, "N1", T0 + 9, "sealed", T0);
	answer = ask(s, "N1", T0 + 8, &own);
	list = json_object_get(
		json_array_get(json_object_get(answer, "documents"), 0), "deliveries");
	assert_string_equal(json_string_of(json_array_get(list, 0), "state"), "open");
	json_decref(answer);
	answer = ask(s, "N1", T0 + 9, &own);
	list = json_object_get(
		json_array_get(json_object_get(answer, "documents"), 0), "deliveries");
	assert_string_equal(
		json_string_of(json_array_get(list, 0), "state"), "delivered");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(answer, "head"), "position")),
		engine_head(s->engine).position);
	json_decref(answer);
}

/* Held, then refused: it was held for a while. */
static void a_refusal_does_not_undo_the_past(void **state)
{
	const struct queue_scope own = { .partner = "partner-a" };
	struct queue_judgement j = { .state = DOCUMENT_REFUSED };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;

	store_add(s, "H", DOCUMENT_HELD, id);
	store_add(s, "R", DOCUMENT_REFUSED, id);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 99, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	close(fd);
	assert_int_equal(STEP(s, engine_judged(s->engine, T0 + 100, claim.document.id,
					 claim.fence, &j, span_str("report"))),
		QUEUE_DONE);
	expect_state(s, "H", T0 + 99, "held", T0);
	assert_int_equal(count(s, "H", T0 + 100, &own), 0);
	assert_int_equal(count(s, "R", T0 + 100, &own), 0);
}

static void strangers_learn_nothing(void **state)
{
	const struct queue_scope stranger = { .partner = "partner-b" },
				 half = { .partner = "partner-b", .issued_by = { "MA" } },
				 other = { .partner = "partner-b",
					 .issued_by = { "NZ" },
					 .bound_for = { "*" } },
				 any = { .partner = "partner-b",
					 .issued_by = { "NZ", "MA" },
					 .bound_for = { "*" } };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	_cleanup_json_ json_t *unknown = NULL, *foreign = NULL, *allowed = NULL;

	store_add_sealed(s, "N1", id);
	foreign = ask(s, "N1", T0 + 9, &stranger);
	unknown = ask(s, "N2", T0 + 9, &stranger);
	assert_true(json_equal(foreign, unknown));
	assert_int_equal(count(s, "N1", T0 + 9, &half), 0);
	assert_int_equal(count(s, "N1", T0 + 9, &other), 0);
	allowed = ask(s, "N1", T0 + 9, &any);
	assert_int_equal(json_array_size(json_object_get(allowed, "documents")), 1);
	/* Where it goes is between the gate and its partner. */
	assert_null(json_object_get(
		json_array_get(json_object_get(allowed, "documents"), 0), "deliveries"));
}

static void too_many_are_said_to_be(void **state)
{
	const struct queue_scope own = { .partner = "partner-a" };
	struct store *s = *state;
	_cleanup_json_ json_t *answer = NULL;
	char octets[32];

	for (int i = 0; i <= QUEUE_STATUS_MAX; i++) {
		struct queue_submission q;

		snprintf(octets, sizeof(octets), "document %d", i);
		submission_make(&q, "N", DOCUMENT_ACCEPTED, span_str(octets));
		snprintf(q.status, sizeof(q.status), "%03d", i % 1000);
		assert_int_equal(store_insert(s, &q, span_str(octets)), QUEUE_DONE);
	}
	answer = ask(s, "N", T0, &own);
	assert_true(json_is_false(json_object_get(answer, "complete")));
	assert_int_equal(
		json_array_size(json_object_get(answer, "documents")), QUEUE_STATUS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(as_it_was_then),
		STORE_TEST(a_refusal_does_not_undo_the_past),
		STORE_TEST(strangers_learn_nothing),
		STORE_TEST(too_many_are_said_to_be),
	};

	return STORE_RUN(tests);
}
