/* SPDX-License-Identifier: EUPL-1.2 */
/* Releases that take two people, on each engine. */
#include "tests/unit/queue/store.h"

#define HOURS 3600

static int propose(struct store *s, const char *id, const char *destination,
	const char *who, int64_t *ret_number)
{
	struct queue_propose_request q = { .seconds = HOURS };
	_cleanup_json_ json_t *answer = NULL;
	int fd = -1, r;

	snprintf(q.selection.id, sizeof(q.selection.id), "%s", id);
	snprintf(q.selection.destination, sizeof(q.selection.destination), "%s",
		destination);
	snprintf(q.operator_name, sizeof(q.operator_name), "%s", who);
	snprintf(q.reason, sizeof(q.reason), "looks fine");
	r = STEP(s, engine_propose(s->engine, T0 + 600, &q, &fd));
	if (r == QUEUE_DONE) {
		answer = store_json(fd);
		*ret_number = json_integer_value(json_object_get(answer, "proposal"));
	}
	return r;
}

static int decide(struct store *s, int64_t now, enum queue_review verb, int64_t number,
	const char *who)
{
	struct queue_review_request q = { .verb = verb, .proposal = number };
	int more = 1, r = QUEUE_DONE;

	snprintf(q.operator_name, sizeof(q.operator_name), "%s", who);
	snprintf(q.reason, sizeof(q.reason), "seen it, too");
	while (r == QUEUE_DONE && more) {
		_cleanup_json_ json_t *answer = NULL;
		int fd = -1;

		r = STEP(s, engine_review(s->engine, now, &q, &fd));
		if (r != QUEUE_DONE)
			break;
		answer = store_json(fd);
		more = json_is_true(json_object_get(answer, "more"));
		q.state = (uint32_t)json_integer_value(json_object_get(answer, "state"));
		q.after = json_integer_value(json_object_get(answer, "after"));
	}
	return r;
}

static size_t waiting(struct store *s, int64_t now)
{
	_cleanup_json_ json_t *list = NULL, *figures = NULL;
	int fd = -1;

	assert_int_equal(STEP(s, engine_reviews(s->engine, now, &fd)), QUEUE_DONE);
	list = store_json(fd);
	assert_int_equal(STEP(s, engine_stats(s->engine, now, &fd)), QUEUE_DONE);
	figures = store_json(fd);
	assert_int_equal(json_integer_value(json_object_get(figures, "reviews")),
		json_array_size(list));
	return json_array_size(list);
}

/* The detail of the newest record of that name about the document. */
static json_t *detail_of(struct store *s, const char *id, const char *event)
{
	_cleanup_json_ json_t *events = store_get(s, id, QUEUE_EVENTS);
	json_t *found = NULL, *e;
	size_t i;

	json_array_foreach(events, i, e)
	{
		const json_t *record = json_object_get(e, "record");

		if (strcmp(json_string_of(record, "event"), event) == 0)
			found = json_object_get(record, "detail");
	}
	assert_non_null(found);
	return json_incref(found);
}

static void another_person_confirms(void **state)
{
	_cleanup_json_ json_t *detail = NULL;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;

	store_add_sealed(s, "N1", id);
	assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_ILLEGAL); /* none is held */
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
	assert_int_equal(propose(s, id, "customs-es", "ana", &n), QUEUE_ILLEGAL);
	assert_int_equal(propose(s, id, "traces", "ana", &n), QUEUE_DONE);
	assert_int_equal(propose(s, id, "traces", "bert", &n), QUEUE_DUPLICATE);
	assert_int_equal(waiting(s, T0 + 601), 1);
	assert_delivery(s, id, "traces", "held");
	assert_int_equal(decide(s, T0 + 602, QUEUE_CONFIRM, n, "ana"), QUEUE_CONFLICT);
	assert_int_equal(
		decide(s, T0 + 602, QUEUE_CONFIRM, n + 1, "bert"), QUEUE_NOT_FOUND);
	assert_delivery(s, id, "traces", "held");
	assert_int_equal(decide(s, T0 + 603, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
	assert_int_equal(decide(s, T0 + 604, QUEUE_CONFIRM, n, "carl"), QUEUE_NOT_FOUND);
	assert_int_equal(waiting(s, T0 + 604), 0);
	detail = detail_of(s, id, "operator.release");
	assert_string_equal(json_string_of(detail, "proposed_by"), "ana");
	assert_string_equal(json_string_of(detail, "proposed_reason"), "looks fine");
	assert_string_equal(json_string_of(detail, "reason"), "seen it, too");
	assert_int_equal(count_events(s, id, "operator.release-proposed"), 1);
}

/* A document that the gate holds is judged again by a release, and not before. */
static void a_held_document(void **state)
{
	struct store *s = *state;
	struct queue_claim claim;
	char id[DOCUMENT_ID_SIZE];
	int64_t n, due;
	int fd = -1;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 1, 60, &claim, &fd, &due)),
		QUEUE_EMPTY);
	assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_DONE);
	assert_int_equal(decide(s, T0 + 5, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 6, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	close(fd);
	assert_int_equal(count_events(s, id, "operator.release"), 1);
}

static void it_expires_or_is_declined(void **state)
{
	_cleanup_json_ json_t *detail = NULL;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, ""), QUEUE_DONE);
	assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_DONE);
	assert_int_equal(waiting(s, T0 + 600 + HOURS), 0);
	assert_int_equal(
		decide(s, T0 + 600 + HOURS, QUEUE_CONFIRM, n, "bert"), QUEUE_STALE);
	assert_delivery(s, id, "traces", "held");
	/* who proposed it takes it back */
	assert_int_equal(decide(s, T0 + 601, QUEUE_DECLINE, n, "ana"), QUEUE_DONE);
	assert_int_equal(decide(s, T0 + 602, QUEUE_CONFIRM, n, "bert"), QUEUE_NOT_FOUND);
	detail = detail_of(s, id, "operator.release-declined");
	assert_string_equal(json_string_of(detail, "proposed_by"), "ana");
	assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_RELEASE, id, ""), QUEUE_DONE);
	/* it is released already */
	assert_int_equal(decide(s, T0 + 603, QUEUE_CONFIRM, n, "bert"), QUEUE_ILLEGAL);
}

static void many_are_one_proposal(void **state)
{
	struct queue_act_request hold = {
		.verb = QUEUE_HOLD, .operator_name = "op", .reason = "why"
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;
	int fd;

	for (int i = 0; i < 130; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add_sealed(s, number, id);
		snprintf(hold.selection.id, sizeof(hold.selection.id), "%s", id);
		assert_int_equal(
			STEP(s, engine_act(s->engine, T0, &hold, &fd)), QUEUE_DONE);
		close(fd);
	}
	assert_int_equal(propose(s, "", "traces", "ana", &n), QUEUE_DONE);
	assert_int_equal(decide(s, T0 + 601, QUEUE_CONFIRM, n, "ana"), QUEUE_CONFLICT);
	assert_int_equal(decide(s, T0 + 601, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
	assert_delivery(s, id, "customs-es", "held");
	assert_int_equal(waiting(s, T0 + 602), 0);
	assert_int_equal(count_events(s, id, "operator.release"), 1);
}

/* Who confirmed many goes on with them, and nobody else. */
static void one_person_goes_on(void **state)
{
	struct queue_review_request q = {
		.verb = QUEUE_CONFIRM, .operator_name = "bert", .reason = "seen"
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, ""), QUEUE_DONE);
	assert_int_equal(propose(s, "", "", "ana", &q.proposal), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_review(s->engine, T0 + 601, &q, &fd)), QUEUE_DONE);
	close(fd);
	{
		_cleanup_json_ json_t *list = NULL;

		assert_int_equal(STEP(s, engine_reviews(s->engine, T0, &fd)), QUEUE_DONE);
		list = store_json(fd);
		assert_string_equal(
			json_string_of(json_array_get(list, 0), "confirmed_by"), "bert");
	}
	assert_int_equal(
		decide(s, T0 + 603, QUEUE_CONFIRM, q.proposal, "carl"), QUEUE_NOT_FOUND);
	assert_int_equal(
		decide(s, T0 + 603, QUEUE_DECLINE, q.proposal, "bert"), QUEUE_NOT_FOUND);
	assert_int_equal(waiting(s, T0 + 600 + HOURS), 0);
	assert_int_equal(decide(s, T0 + 600 + HOURS, QUEUE_CONFIRM, q.proposal, "bert"),
		QUEUE_STALE); /* alone, for ever */
	assert_int_equal(
		decide(s, T0 + 604, QUEUE_CONFIRM, q.proposal, "bert"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
}

/* A hold of after the proposal is none that two people have seen. */
static void what_is_held_later_stays(void **state)
{
	struct queue_control_request q = { .verb = QUEUE_HOLD,
		.destination = "traces",
		.operator_name = "op",
		.reason = "why" };
	struct store *s = *state;
	char first[DOCUMENT_ID_SIZE], second[DOCUMENT_ID_SIZE];
	int64_t one, many;

	store_add_sealed(s, "N1", first);
	store_add_sealed(s, "N2", second);
	assert_int_equal(store_control(s, QUEUE_HOLD, first, "customs-es"), QUEUE_DONE);
	assert_int_equal(store_control(s, QUEUE_HOLD, second, "customs-es"), QUEUE_DONE);
	assert_int_equal(propose(s, first, "", "ana", &one), QUEUE_DONE);
	assert_int_equal(propose(s, "", "", "ana", &many), QUEUE_DONE);
	memcpy(q.id, first, sizeof(q.id));
	assert_int_equal(STEP(s, engine_control(s->engine, T0 + 700, &q)), QUEUE_DONE);
	memcpy(q.id, second, sizeof(q.id));
	assert_int_equal(STEP(s, engine_control(s->engine, T0 + 700, &q)), QUEUE_DONE);
	assert_int_equal(decide(s, T0 + 800, QUEUE_CONFIRM, one, "bert"), QUEUE_DONE);
	assert_int_equal(decide(s, T0 + 801, QUEUE_CONFIRM, many, "bert"), QUEUE_DONE);
	assert_delivery(s, first, "customs-es", "queued");
	assert_delivery(s, second, "customs-es", "queued");
	assert_delivery(s, first, "traces", "held");
	assert_delivery(s, second, "traces", "held");
}

static void hold_at(struct store *s, int64_t now, const char *id, const char *destination)
{
	struct queue_control_request q = {
		.verb = QUEUE_HOLD, .operator_name = "carl", .reason = "stop this"
	};

	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.destination, sizeof(q.destination), "%s", destination);
	assert_int_equal(STEP(s, engine_control(s->engine, now, &q)), QUEUE_DONE);
}

/* It is what happened first that counts, and no second of a clock. */
static void a_later_hold_stays_held(void **state)
{
	static const int64_t AT[] = { T0 + 600, T0 + 560 };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], number[16];
	int64_t n;

	for (size_t i = 0; i < sizeof(AT) / sizeof(AT[0]); i++) {
		snprintf(number, sizeof(number), "N%zu", i);
		store_add_sealed(s, number, id);
		hold_at(s, T0 + 500, id, "customs-es");
		assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_DONE);
		hold_at(s, AT[i], id, "traces");
		assert_int_equal(
			decide(s, T0 + 700, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
		assert_delivery(s, id, "customs-es", "queued");
		assert_delivery(s, id, "traces", "held");
	}
}

/* What the gate itself does to it meanwhile is no hold. */
static void an_attempt_that_ends_meanwhile_is_no_hold(void **state)
{
	struct store *s = *state;
	struct queue_claim claim;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0 + 400, "traces", &claim), QUEUE_DONE);
	hold_at(s, T0 + 500, id, "traces");
	assert_int_equal(propose(s, id, "traces", "ana", &n), QUEUE_DONE);
	assert_int_equal(store_result(s, T0 + 610, &claim, DELIVERY_DEFERRED, T0 + 620),
		QUEUE_DONE);
	assert_delivery(s, id, "traces", "held");
	assert_int_equal(decide(s, T0 + 700, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
}

static void a_seal_made_meanwhile_is_no_hold(void **state)
{
	struct store *s = *state;
	struct queue_claim claim;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	hold_at(s, T0 + 500, id, "traces");
	assert_int_equal(propose(s, "", "traces", "ana", &n), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 610, 60, &claim), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 611, id, claim.fence,
					 span_str("container"))),
		QUEUE_DONE);
	assert_int_equal(decide(s, T0 + 700, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
	assert_delivery(s, id, "traces", "queued");
}

/* Whoever confirms many is told which he did not let go. */
static void what_is_passed_over_is_named(void **state)
{
	struct queue_review_request q = {
		.verb = QUEUE_CONFIRM, .operator_name = "bert", .reason = "seen"
	};
	_cleanup_json_ json_t *answers = json_array();
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	size_t i;
	json_t *answer;
	int named = 0;

	store_add_sealed(s, "N1", id);
	hold_at(s, T0 + 500, id, "customs-es");
	assert_int_equal(propose(s, "", "", "ana", &q.proposal), QUEUE_DONE);
	hold_at(s, T0 + 600, id, "traces");
	do {
		int fd = -1;

		assert_int_equal(
			STEP(s, engine_review(s->engine, T0 + 700, &q, &fd)), QUEUE_DONE);
		answer = store_json(fd);
		json_array_append_new(answers, answer);
		q.state = (uint32_t)json_integer_value(json_object_get(answer, "state"));
		q.after = json_integer_value(json_object_get(answer, "after"));
	} while (json_is_true(json_object_get(answer, "more")));
	json_array_foreach(answers, i, answer)
	{
		const json_t *list = json_object_get(answer, "passed_over");

		if (json_array_size(list) == 1) {
			assert_string_equal(
				json_string_value(json_array_get(list, 0)), id);
			named++;
		}
	}
	assert_int_equal(named, 1);
}

/* A detour would need one person only. */
static void what_is_held_is_not_rerouted(void **state)
{
	struct queue_act_request q = { .verb = QUEUE_REROUTE,
		.selection = { .spare_held = 1 },
		.to = "customs-nl",
		.operator_name = "op",
		.reason = "why" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_DONE);
	snprintf(q.selection.id, sizeof(q.selection.id), "%s", id);
	snprintf(q.selection.destination, sizeof(q.selection.destination), "traces");
	assert_int_equal(STEP(s, engine_act(s->engine, T0, &q, &fd)), QUEUE_ILLEGAL);
	q.selection.spare_held = 0;
	assert_int_equal(STEP(s, engine_act(s->engine, T0, &q, &fd)), QUEUE_DONE);
	close(fd);
}

static void bounds(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;

	for (int i = 0; i <= QUEUE_REVIEWS_MAX; i++) {
		char number[16];

		snprintf(number, sizeof(number), "N%d", i);
		store_add(s, number, DOCUMENT_HELD, id);
		assert_int_equal(propose(s, id, "", "ana", &n),
			i < QUEUE_REVIEWS_MAX ? QUEUE_DONE : QUEUE_FULL);
	}
	assert_int_equal(decide(s, T0 + 601, QUEUE_DECLINE, n, "bert"), QUEUE_DONE);
	assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_DONE);
}

static void the_database_keeps_it(void **state)
{
	static const char *const WRONG[] = {
		"DELETE FROM reviews",
		"UPDATE reviews SET until=until+1",
		"UPDATE reviews SET operator='eve'",
		"UPDATE reviews SET "
		"state='done',second='ana',second_reason='x',decided=5",
		"UPDATE reviews SET state='done'",
	};
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t n;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(propose(s, id, "", "ana", &n), QUEUE_DONE);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		if (!store_refuses(s, WRONG[i]))
			fail_msg("%s", WRONG[i]);
	assert_int_equal(decide(s, T0 + 601, QUEUE_CONFIRM, n, "bert"), QUEUE_DONE);
	assert_true(store_refuses(s, "UPDATE reviews SET second_reason='y'"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(another_person_confirms),
		STORE_TEST(a_held_document),
		STORE_TEST(it_expires_or_is_declined),
		STORE_TEST(many_are_one_proposal),
		STORE_TEST(what_is_held_later_stays),
		STORE_TEST(a_later_hold_stays_held),
		STORE_TEST(an_attempt_that_ends_meanwhile_is_no_hold),
		STORE_TEST(a_seal_made_meanwhile_is_no_hold),
		STORE_TEST(what_is_passed_over_is_named),
		STORE_TEST(one_person_goes_on),
		STORE_TEST(what_is_held_is_not_rerouted),
		STORE_TEST(bounds),
		STORE_TEST(the_database_keeps_it),
	};

	return STORE_RUN(tests);
}
