/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents whose time is over: who goes, who stays, and what is left of them. */
#include "tests/unit/queue/retention.h"

#include <errno.h>

static void nothing_goes_before_its_time(void **state)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_PLAN);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	ended(s, "N1", id);
	{
		_cleanup_json_ json_t *early = look(s, T0 + 3 * YEAR - 1, q);
		_cleanup_json_ json_t *late = look(s, T0 + 3 * YEAR, q);

		assert_int_equal(number(early, "young"), 1);
		assert_int_equal(json_array_size(json_object_get(early, "documents")), 0);
		assert_int_equal(json_array_size(json_object_get(late, "documents")), 1);
		assert_false(json_is_true(json_object_get(late, "more")));
	}
	/* A rule of its type is before all else; without any it stays for ever. */
	q.rule_count = 1;
	q.rules[0].seconds = 5 * YEAR;
	snprintf(q.rules[0].type, sizeof(q.rules[0].type), "851");
	{
		_cleanup_json_ json_t *longer = look(s, LATE, q);

		assert_int_equal(number(longer, "young"), 1);
	}
	q.rule_count = 0;
	q.other_s = 0;
	{
		_cleanup_json_ json_t *never = look(s, LATE * 2, q);

		assert_int_equal(number(never, "young"), 1);
	}
	/* A plan claims nothing. */
	assert_int_equal(claim(s, LATE, id), 1);
}

static void leases_and_fences(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], other[DOCUMENT_ID_SIZE];
	uint64_t dead, fence;

	ended(s, "N1", id);
	assert_int_equal(erase(s, LATE, id, 1), QUEUE_STALE);
	dead = claim(s, LATE, id);
	assert_int_equal(claim(s, LATE + 59, other), 0);
	fence = claim(s, LATE + 60, other);
	assert_true(fence > dead);
	assert_int_equal(erase(s, LATE + 61, id, dead), QUEUE_STALE);
	assert_int_equal(part(s, id, QUEUE_DOCUMENT), QUEUE_DONE);
	assert_int_equal(erase(s, LATE + 61, id, fence), QUEUE_DONE);
}

static void what_is_open_stays(void **state)
{
	struct queue_submission held, sealed;
	struct store *s = *state;
	_cleanup_json_ json_t *found = NULL;

	add(s, "N1", &sealed);
	seal(s, sealed.id);
	finish(s, "traces", DELIVERY_DELIVERED);
	submission_make(&held, "N2", DOCUMENT_HELD, span_str("N2"));
	assert_int_equal(store_insert(s, &held, span_str("N2")), QUEUE_DONE);
	found = look(s, LATE, request(QUEUE_RETENTION_CLAIM));
	assert_int_equal(json_array_size(json_object_get(found, "documents")), 0);
	assert_int_equal(number(found, "open"), 2);
}

/* Between claim and erasure a delivery is tried again. */
static void what_opens_again_stays(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	uint64_t fence;

	ended(s, "N1", id);
	fence = claim(s, LATE, id);
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id, "customs-es"), QUEUE_DONE);
	assert_int_equal(erase(s, LATE, id, fence), QUEUE_ILLEGAL);
	assert_int_equal(part(s, id, QUEUE_DOCUMENT), QUEUE_DONE);
}

static json_t *status_now(struct store *s)
{
	int fd = -1;

	assert_int_equal(STEP(s, engine_retention_status(s->engine, LATE + 60, 0, &fd)),
		QUEUE_DONE);
	return store_json(fd);
}

static void what_disagrees_with_its_records_stays(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	uint64_t fence;

	/* its record names no destinations, and its state is another */
	store_add_sealed(s, "N1", id);
	finish(s, "traces", DELIVERY_DELIVERED);
	finish(s, "customs-es", DELIVERY_DELIVERED);
	fence = claim(s, LATE, id);
	assert_true(fence > 0);
	assert_int_equal(STEP(s, engine_audit(s->engine, LATE,
					 &(struct queue_audit_request){
						 .event = "document.refused",
						 .actor = "x",
						 .id = "" })),
		QUEUE_DONE);
	{
		struct queue_audit_request q = { .event = "document.quarantined",
			.actor = "x" };

		memcpy(q.id, id, sizeof(q.id));
		assert_int_equal(STEP(s, engine_audit(s->engine, LATE, &q)), QUEUE_DONE);
	}
	assert_int_equal(erase(s, LATE, id, fence), QUEUE_ILLEGAL);
	{
		/* nor is it claimed once more, to be archived for nothing */
		_cleanup_json_ json_t *found =
			look(s, LATE + 60, request(QUEUE_RETENTION_CLAIM));
		const json_t *first =
			json_array_get(json_object_get(found, "documents"), 0);

		assert_int_equal(number(found, "kept"), 1);
		assert_string_equal(json_string_of(first, "id"), id);
		assert_int_equal(number(first, "fence"), 0);
	}
	{
		_cleanup_json_ json_t *status = status_now(s);

		assert_int_equal(number(status, "claimed"), 0);
	}
}

static void refused_ones_have_their_own_period(void **state)
{
	struct queue_submission q;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	submission_make(&q, "", DOCUMENT_REFUSED, span_str("bad"));
	q.destination_count = 0;
	assert_int_equal(store_insert(s, &q, span_str("bad")), QUEUE_DONE);
	assert_int_equal(claim(s, T0 + YEAR - 1, id), 0);
	assert_int_equal(erase(s, T0 + YEAR, q.id, claim(s, T0 + YEAR, id)), QUEUE_DONE);
	assert_int_equal(part(s, q.id, QUEUE_REPORT), QUEUE_NOT_FOUND);
}

/* A record that a person makes, at a time. */
static void note(struct store *s, int64_t at)
{
	struct queue_legal_hold_request q = { .hold = { .ground = "legal",
						      .partner = "another" },
		.operator_name = "Registrar",
		.reason = "case 12" };
	int fd = -1;

	assert_int_equal(STEP(s, engine_legal_hold(s->engine, at, &q, &fd)), QUEUE_DONE);
	closep(&fd);
}

/* By a clock that jumped all documents are old. */
static void a_clock_that_jumped_erases_nothing(void **state)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_CLAIM);
	struct queue_retention_request erases = request(QUEUE_RETENTION_ERASE);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	ended(s, "N1", id);
	q.clock_confirmed = 0;
	note(s, LATE - 31 * 86400);
	for (int i = 0; i < 2; i++) {
		_cleanup_json_ json_t *found = look(s, LATE, q);

		assert_string_equal(json_string_of(found, "clock"), "unproven");
		assert_int_equal(json_array_size(json_object_get(found, "documents")), 0);
		/* nor do records after the jump prove anything */
		note(s, LATE - 6 * 86400 + i);
	}
	erases.seconds = erases.other_s;
	erases.clock_confirmed = 0;
	memcpy(erases.id, id, sizeof(id));
	erases.fence = claim(s, LATE, id);
	archive_all(s, id, erases.parts);
	assert_int_equal(
		STEP(s, engine_erase(s->engine, LATE, &erases, &fd)), QUEUE_ILLEGAL);
	erases.clock_confirmed = 1;
	assert_int_equal(
		STEP(s, engine_erase(s->engine, LATE, &erases, &fd)), QUEUE_DONE);
	closep(&fd);
}

/* A gate of a few days: nothing is so old, and nothing is wrong. */
static void a_young_gate_is_not_asked(void **state)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_CLAIM);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	_cleanup_json_ json_t *found = NULL;

	ended(s, "N1", id);
	q.clock_confirmed = 0;
	found = look(s, T0 + 2 * 86400, q);
	assert_null(json_object_get(found, "clock"));
	assert_int_equal(json_integer_value(json_object_get(found, "young")), 1);
	assert_int_equal(json_array_size(json_object_get(found, "documents")), 0);
}

/* Records of before a small jump lie in the month that is looked at, too: what only such
 * a one would make old stays for that month. */
static void a_clock_that_went_on_does(void **state)
{
	const int64_t day = 86400, old = T0 + 3 * YEAR + 29 * day;
	struct queue_retention_request q = request(QUEUE_RETENTION_CLAIM);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	ended(s, "N1", id);
	q.clock_confirmed = 0;
	for (int n = 40; n > 0; n -= 10)
		note(s, old - n * day);
	for (int n = 0; n < 2; n++) {
		_cleanup_json_ json_t *found = look(s, old + n * day, q);

		assert_null(json_object_get(found, "clock"));
		assert_int_equal(json_array_size(json_object_get(found, "documents")), n);
	}
}

/* What was claimed for one period is not erased for another, nor later than the lease. */
static void periods_and_leases_are_kept(void **state)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_ERASE);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	ended(s, "N1", id);
	q.fence = claim(s, LATE, id);
	memcpy(q.id, id, sizeof(id));
	archive_all(s, id, q.parts);
	q.seconds = 5 * YEAR;
	assert_int_equal(STEP(s, engine_erase(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
	q.seconds = q.other_s;
	assert_int_equal(
		STEP(s, engine_erase(s->engine, T0 + 9, &q, &fd)), QUEUE_ILLEGAL);
	assert_int_equal(
		STEP(s, engine_erase(s->engine, LATE + 60, &q, &fd)), QUEUE_STALE);
	assert_int_equal(
		STEP(s, engine_erase(s->engine, LATE + 59, &q, &fd)), QUEUE_DONE);
	closep(&fd);
	q = request(QUEUE_RETENTION_PLAN);
	q.other_s = QUEUE_RETENTION_MIN_S - 1; /* Art. 42 */
	assert_int_equal(
		STEP(s, engine_retention(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
	q = request(QUEUE_RETENTION_PLAN);
	q.rule_count = 1;
	q.rules[0].seconds = QUEUE_RETENTION_MIN_S - 1;
	assert_int_equal(
		STEP(s, engine_retention(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
}

/* One at a time, and all of them in the end. */
static void in_small_steps(void **state)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_CLAIM);
	struct store *s = *state;
	int total = 0, steps = 0;
	bool more = true;

	for (int i = 0; i < 20; i++) {
		struct queue_submission bad;
		char text[16];

		snprintf(text, sizeof(text), "bad %d", i);
		submission_make(&bad, "", DOCUMENT_REFUSED, span_str(text));
		bad.destination_count = 0;
		assert_int_equal(store_insert(s, &bad, span_str(text)), QUEUE_DONE);
	}
	while (more) {
		_cleanup_json_ json_t *found = look(s, LATE, q);

		total += (int)json_array_size(json_object_get(found, "documents"));
		more = json_is_true(json_object_get(found, "more"));
		q.after = number(found, "after");
		steps++;
	}
	assert_int_equal(total, 20);
	/* each under a lease of its own */
	assert_int_equal(steps, 21);
}

static void requests_that_make_no_sense(void **state)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_CLAIM);
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	q.lease_s = 0;
	assert_int_equal(
		STEP(s, engine_retention(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
	q = request(QUEUE_RETENTION_PLAN);
	q.policy[3] = '\0';
	assert_int_equal(
		STEP(s, engine_retention(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
	q = request(QUEUE_RETENTION_PLAN);
	q.rule_count = QUEUE_RETENTION_RULES_MAX + 1;
	assert_int_equal(
		STEP(s, engine_retention(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
	ended(s, "N1", id);
	q = request(QUEUE_RETENTION_ERASE);
	memcpy(q.id, id, sizeof(q.id));
	q.fence = claim(s, LATE, id);
	q.archive[0] = '\0'; /* what is not archived is not erased */
	assert_int_equal(STEP(s, engine_erase(s->engine, LATE, &q, &fd)), QUEUE_ILLEGAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(nothing_goes_before_its_time),
		STORE_TEST(leases_and_fences),
		STORE_TEST(what_is_open_stays),
		STORE_TEST(what_opens_again_stays),
		STORE_TEST(what_disagrees_with_its_records_stays),
		STORE_TEST(refused_ones_have_their_own_period),
		STORE_TEST(a_clock_that_jumped_erases_nothing),
		STORE_TEST(a_young_gate_is_not_asked),
		STORE_TEST(a_clock_that_went_on_does),
		STORE_TEST(periods_and_leases_are_kept),
		STORE_TEST(in_small_steps),
		STORE_TEST(requests_that_make_no_sense),
	};

	return STORE_RUN(tests);
}
