/* SPDX-License-Identifier: EUPL-1.2 */
/* Commits, states, leases and fences, at times that the test chooses. */
#include "queue/alive.h"
#include "tests/unit/queue/store.h"

#include <errno.h>

static void refused_octets_are_judged_anew(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	struct queue_document first;
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE], c[DOCUMENT_ID_SIZE];

	store_add(s, "N1", DOCUMENT_REFUSED, a);
	store_add(s, "N1", DOCUMENT_REFUSED, b);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
	assert_int_equal(STEP(s, engine_find(s->engine, &q, &first)), QUEUE_DONE);
	store_add(s, "N1", DOCUMENT_ACCEPTED, c);
	assert_int_equal(STEP(s, engine_find(s->engine, &q, &first)), QUEUE_DUPLICATE);
	assert_string_equal(first.id, c);
	assert_document(s, a, "refused");
	assert_int_equal(count_events(s, a, "document.refused"), 1);
}

static void same_commit_twice_is_a_duplicate_of_itself(void **state)
{
	struct store *s = *state;
	struct queue_submission q;

	submission_make(&q, "N1", DOCUMENT_REFUSED, span_str("N1"));
	assert_int_equal(store_insert(s, &q, span_str("N1")), QUEUE_DONE);
	assert_int_equal(store_insert(s, &q, span_str("N1")), QUEUE_DUPLICATE);
	q.sha256[0] ^= 1;
	assert_int_equal(store_insert(s, &q, span_str("N1")), QUEUE_ILLEGAL);
}

static void illegal_submissions(void **state)
{
	struct store *s = *state;
	struct queue_submission good, q;
	struct engine_head before = engine_head(s->engine);

	submission_make(&good, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
#define REFUSED(change)                                                                  \
	do {                                                                             \
		q = good;                                                                \
		change;                                                                  \
		assert_int_equal(store_insert(s, &q, span_str("N1")), QUEUE_ILLEGAL);    \
	} while (0)
	REFUSED(q.sha256[0] ^= 1);
	REFUSED(q.size++);
	REFUSED(q.state = DOCUMENT_NONE);
	REFUSED(q.state = DOCUMENT_SEALED);
	REFUSED(q.state = 99);
	REFUSED(q.state = DOCUMENT_HELD); /* without a reason */
	REFUSED(q.hold_reason[0] = 'x');  /* with a reason, but accepted */
	REFUSED(q.number[0] = '\0');
	REFUSED(q.partner[0] = '\0');
	REFUSED(q.id[0] = 'U');
	REFUSED(q.received = 0);
	REFUSED(q.destination_count = 9);
	REFUSED(q.destinations[1][0] = '\0');
	q = good; /* the same destination twice: the database itself refuses */
	memcpy(q.destinations[1], q.destinations[0], DESTINATION_NAME_SIZE);
	assert_int_equal(store_insert(s, &q, span_str("N1")), -EINVAL);
	assert_int_equal(engine_head(s->engine).position, before.position);
	assert_int_equal(store_insert(s, &good, span_str("N1")), QUEUE_DONE);
}

static void stale_fence_changes_nothing(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim old, new;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim_seal(s, T0, 60, &old), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 59, 60, &new), QUEUE_EMPTY);
	assert_int_equal(store_claim_seal(s, T0 + 60, 60, &new), QUEUE_DONE);
	assert_true(new.fence > old.fence);
	assert_int_equal(new.attempt, 2);
	assert_int_equal(new.first_try, T0);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 61, id, old.fence,
					 span_str("late"))),
		QUEUE_STALE);
	assert_int_equal(
		STEP(s, engine_seal_failed(s->engine, T0 + 61, id, old.fence, 0, "late")),
		QUEUE_STALE);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 61, id, 0, span_str("x"))),
		QUEUE_STALE);
	assert_document(s, id, "accepted");
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 62, id, new.fence,
					 span_str("container"))),
		QUEUE_DONE);
	/* the answer was lost and the same worker says it again */
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0 + 63, id, new.fence,
					 span_str("container"))),
		QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.sealed"), 1);
}

static void late_but_alone_still_counts(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim, other;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	/* another destination's claim finds the lease run out */
	assert_int_equal(store_claim(s, T0 + 100, "customs-es", &other), QUEUE_DONE);
	assert_delivery(s, id, "traces", "unknown");
	assert_int_equal(
		store_result(s, T0 + 101, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_delivery(s, id, "traces", "delivered");
}

static void lost_attempt_is_looked_up(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim first, second;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0, "traces", &first), QUEUE_DONE);
	assert_int_equal(first.look_up, 0);
	assert_int_equal(first.first_try, 0);
	assert_int_equal(store_claim(s, T0 + 59, "traces", &second), QUEUE_EMPTY);
	assert_int_equal(store_claim(s, T0 + 60, "traces", &second), QUEUE_DONE);
	assert_int_equal(second.look_up, 1);
	assert_int_equal(second.attempt, 2);
	assert_int_equal(second.first_try, T0);
	assert_int_equal(count_events(s, id, "delivery.unknown"), 1);
	assert_int_equal(store_result(s, T0 + 61, &first, DELIVERY_DEFERRED, T0 + 70),
		QUEUE_STALE);
	assert_delivery(s, id, "traces", "sending");
	/* still unknown: the next one looks it up again */
	assert_int_equal(
		store_result(s, T0 + 62, &second, DELIVERY_UNKNOWN, T0 + 90), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 89, "traces", &second), QUEUE_EMPTY);
	assert_int_equal(store_claim(s, T0 + 90, "traces", &second), QUEUE_DONE);
	assert_int_equal(second.look_up, 1);
	/* looked up, not there: deferred, and next time it is simply sent */
	assert_int_equal(store_result(s, T0 + 91, &second, DELIVERY_DEFERRED, T0 + 95),
		QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 95, "traces", &second), QUEUE_DONE);
	assert_int_equal(second.look_up, 0);
}

static void order_of_arrival_and_due_times(void **state)
{
	struct store *s = *state;
	char id[3][DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;

	store_add_sealed(s, "N1", id[0]);
	store_add_sealed(s, "N2", id[1]);
	store_add_sealed(s, "N3", id[2]);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, id[0]);
	assert_int_equal(
		store_result(s, T0, &claim, DELIVERY_DEFERRED, T0 + 30), QUEUE_DONE);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
		assert_string_equal(claim.document.id, id[i]);
		assert_int_equal(
			store_result(s, T0, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	}
	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, T0, "traces", 60, 0,
					 &claim, &fd, &due)),
		QUEUE_EMPTY);
	assert_int_equal(due, T0 + 30);
	assert_int_equal(store_claim(s, T0, "nobody", &claim), QUEUE_EMPTY);
}

static void results_that_may_not_be(void **state)
{
	static const enum delivery_state WRONG[] = { DELIVERY_NONE, DELIVERY_WAITING,
		DELIVERY_QUEUED, DELIVERY_SENDING, DELIVERY_HELD,
		(enum delivery_state)99 };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		assert_int_equal(
			store_result(s, T0, &claim, WRONG[i], T0), QUEUE_ILLEGAL);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0, &claim, DELIVERY_DEFERRED, T0), QUEUE_ILLEGAL);
	assert_int_equal(count_events(s, id, "delivery.delivered"), 1);
	/* delivered is an end for operators too */
	assert_int_equal(store_control(s, QUEUE_REDRIVE, id, "traces"), QUEUE_ILLEGAL);
	assert_int_equal(store_control(s, QUEUE_HOLD, id, "traces"), QUEUE_ILLEGAL);
}

static void partners_see_their_own(void **state)
{
	struct store *s = *state;
	struct queue_document d;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	for (int part = QUEUE_META; part <= QUEUE_EVENTS; part++)
		assert_int_equal(STEP(s, engine_get(s->engine, id, "partner-b",
						 (enum queue_part)part, &d, &fd)),
			QUEUE_NOT_FOUND);
	assert_int_equal(
		STEP(s, engine_get(s->engine, id, "partner-a", QUEUE_CONTAINER, &d, &fd)),
		QUEUE_NOT_FOUND);
	assert_int_equal(STEP(s, engine_get(s->engine, id, "partner-a",
					 (enum queue_part)99, &d, &fd)),
		QUEUE_NOT_FOUND);
	assert_int_equal(
		STEP(s, engine_get(s->engine, id, "partner-a", QUEUE_DOCUMENT, &d, &fd)),
		QUEUE_DONE);
	assert_string_equal(d.id, id);
	close(fd);
}

static void events_prove_their_place(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	_cleanup_json_ json_t *events = NULL;
	uint8_t zero[SHA256_SIZE] = { 0 };
	const json_t *first;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	events = store_get(s, id, QUEUE_EVENTS);
	assert_int_equal(json_array_size(events), 1);
	first = json_array_get(events, 0);
	assert_int_equal(json_integer_value(json_object_get(first, "position")), 1);
	assert_int_equal(strspn(json_string_of(first, "previous"), "0"), 64);
	assert_memory_not_equal(engine_head(s->engine).chain, zero, SHA256_SIZE);
}

/* One that was tried for months: every event is on some page, and who reads them at once
 * has the first and the newest, and is told how many not. */
static void events_come_in_pages(void **state)
{
	const enum queue_part second = (enum queue_part)(QUEUE_EVENTS_PAGES + 1);
	struct queue_audit_request q = { .actor = "gate", .event = "test.tried" };
	_cleanup_json_ json_t *one = NULL, *two = NULL, *none = NULL, *all = NULL;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	const json_t *d, *events;
	int fd = -1;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	snprintf(q.id, sizeof(q.id), "%s", id);
	assert_int_equal(engine_begin(s->engine), 0);
	for (int i = 0; i < QUEUE_EVENTS_PAGE + 1; i++)
		assert_int_equal(engine_audit(s->engine, T0 + i, &q), QUEUE_DONE);
	assert_int_equal(engine_commit(s->engine), 0);
	one = store_get(s, id, QUEUE_EVENTS);
	two = store_get(s, id, second);
	none = store_get(s, id, (enum queue_part)(second + 1));
	assert_int_equal(json_array_size(one), QUEUE_EVENTS_PAGE);
	assert_int_equal(json_array_size(two), 2);
	assert_int_equal(json_array_size(none), 0);
	assert_int_equal(STEP(s, engine_explain(s->engine, id, &fd)), QUEUE_DONE);
	all = store_json(fd);
	d = json_array_get(json_object_get(all, "documents"), 0);
	events = json_object_get(d, "events");
	assert_int_equal(json_array_size(events), QUEUE_EVENTS_PAGE);
	assert_int_equal(json_integer_value(json_object_get(d, "events_left_out")), 2);
	assert_true(json_equal(
		json_array_get(events, QUEUE_EVENTS_PAGE - 1), json_array_get(two, 1)));
	assert_true(json_equal(json_array_get(events, 0), json_array_get(one, 0)));
}

static void explain_finds_by_id_number_and_hash(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	char keys[3][SHA256_TEXT_SIZE], refused[DOCUMENT_ID_SIZE];
	_cleanup_json_ json_t *by_number = NULL;
	int fd = -1;

	store_add(s, "N1", DOCUMENT_REFUSED, refused);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
	assert_int_equal(store_insert(s, &q, span_str("N1")), QUEUE_DONE);
	snprintf(keys[0], sizeof(keys[0]), "%s", q.id);
	snprintf(keys[1], sizeof(keys[1]), "N1");
	assert_int_equal(digest_sha256_text(span_str("N1"), keys[2]), 0);
	for (int i = 0; i < 3; i++) {
		_cleanup_json_ json_t *j = NULL;

		assert_int_equal(
			STEP(s, engine_explain(s->engine, keys[i], &fd)), QUEUE_DONE);
		j = store_json(fd);
		assert_int_equal(
			json_array_size(json_object_get(j, "documents")), i ? 2 : 1);
		assert_string_equal(
			json_string_of(
				json_array_get(json_object_get(j, "documents"), 0), "id"),
			q.id);
	}
	assert_int_equal(STEP(s, engine_explain(s->engine, "N2", &fd)), QUEUE_NOT_FOUND);
	assert_int_equal(STEP(s, engine_explain(s->engine, "", &fd)), QUEUE_NOT_FOUND);
}

static json_int_t ledger(const json_t *stats, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(stats, "ledger"), key));
}

static json_t *stats_at(struct store *s, int64_t now)
{
	int fd = -1;

	assert_int_equal(STEP(s, engine_stats(s->engine, now, &fd)), QUEUE_DONE);
	return store_json(fd);
}

/* Who takes work is seen by what it asks, whether there is any or not. */
static void who_does_not_ask_is_seen(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *first = NULL, *later = NULL;
	struct queue_claim claim;
	int64_t seconds;

	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_EMPTY);
	first = stats_at(s, T0 + 60 + QUEUE_PAUSE_MAX_S);
	assert_true(queue_alive(first, "seal", 60, &seconds));
	assert_int_equal(seconds, 60 + QUEUE_PAUSE_MAX_S);
	assert_true(queue_alive(first, "forward", 60, &seconds)); /* the first look */
	later = stats_at(s, T0 + 121 + 2 * QUEUE_PAUSE_MAX_S);
	assert_false(queue_alive(later, "seal", 60, &seconds));
	assert_false(queue_alive(later, "forward", 60, &seconds));
	assert_int_equal(seconds, 61 + QUEUE_PAUSE_MAX_S);
	assert_int_equal(store_claim(s, T0 + 1000, "traces", &claim), QUEUE_EMPTY);
	json_decref(later);
	later = stats_at(s, T0 + 1001);
	assert_true(queue_alive(later, "forward", 60, &seconds));
	assert_false(queue_alive(NULL, "forward", 60, &seconds));
	assert_int_equal(seconds, -1);
}

static void ledger_adds_up(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	_cleanup_json_ json_t *stats = NULL;
	int fd = -1;

	store_add(s, "R", DOCUMENT_REFUSED, id);
	store_add(s, "H", DOCUMENT_HELD, id);
	store_add_sealed(s, "S", id);
	store_add(s, "A", DOCUMENT_ACCEPTED, id);
	assert_int_equal(store_claim(s, T0, "traces", &claim), QUEUE_DONE);
	assert_int_equal(store_result(s, T0, &claim, DELIVERY_DELIVERED, 0), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_stats(s->engine, T0 + 100, &fd)), QUEUE_DONE);
	stats = store_json(fd);
	assert_int_equal(ledger(stats, "accepted"), 3);
	assert_int_equal(ledger(stats, "refused"), 1);
	assert_int_equal(ledger(stats, "held"), 1);
	assert_int_equal(ledger(stats, "to_seal"), 1);
	assert_int_equal(ledger(stats, "deliveries"), 6);
	assert_int_equal(ledger(stats, "delivered"), 1);
	assert_int_equal(ledger(stats, "open"), 5);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(json_object_get(stats, "deliveries"),
					 "customs-es"),
				 "oldest")),
		100);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(stats, "audit"), "position")),
		engine_head(s->engine).position);
}

/* An operation that fails half-way leaves nothing, the chain's end included. */
static void undone_is_undone(void **state)
{
	struct queue_audit_request q = { .event = "x", .actor = "y" };
	struct store *s = *state;
	struct engine_head before = engine_head(s->engine);

	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(engine_audit(s->engine, T0, &q), QUEUE_DONE);
	assert_int_equal(engine_unmark(s->engine, false), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(engine_audit(s->engine, T0, &q), QUEUE_DONE);
	assert_int_equal(engine_unmark(s->engine, true), 0);
	assert_int_equal(engine_commit(s->engine), 0);
	assert_int_equal(engine_head(s->engine).position, before.position + 1);
	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(engine_audit(s->engine, T0, &q), QUEUE_DONE);
	engine_rollback(s->engine);
	assert_int_equal(engine_head(s->engine).position, before.position + 1);
	assert_int_equal(STEP(s, engine_audit(s->engine, T0, &q)), QUEUE_DONE);
	assert_int_equal(engine_head(s->engine).position, before.position + 2);
}

/* Without bounds of their own: what changed nothing is undone alone, all else with all.
 * In PostgreSQL each operation has its bounds all the same. */
static void bold_is_undone_whole(void **state)
{
	struct queue_audit_request q = { .event = "x", .actor = "y" };
	struct store *s = *state;
	struct engine_head before = engine_head(s->engine);

	if (s->postgresql[0])
		skip();
	assert_int_equal(engine_begin_bold(s->engine), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(engine_audit(s->engine, T0, &q), QUEUE_DONE);
	assert_int_equal(engine_unmark(s->engine, true), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(engine_unmark(s->engine, false), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(engine_audit(s->engine, T0, &q), QUEUE_DONE);
	assert_int_equal(engine_unmark(s->engine, false), -EAGAIN);
	assert_int_equal(engine_failure(s->engine), ENGINE_AGAIN);
	engine_rollback(s->engine);
	assert_int_equal(engine_head(s->engine).position, before.position);
	assert_int_equal(engine_begin_bold(s->engine), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(engine_audit(s->engine, T0, &q), QUEUE_DONE);
	assert_int_equal(engine_unmark(s->engine, true), 0);
	assert_int_equal(engine_commit(s->engine), 0);
	assert_int_equal(engine_head(s->engine).position, before.position + 1);
}

static void audit_details_are_objects(void **state)
{
	static const char *const BAD[] = { "[]", "1", "{", "{\"a\":1,\"a\":2}" };
	struct queue_audit_request q = { .event = "x", .actor = "y" };
	struct store *s = *state;

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		snprintf(q.detail, sizeof(q.detail), "%s", BAD[i]);
		assert_int_equal(STEP(s, engine_audit(s->engine, T0, &q)), QUEUE_ILLEGAL);
	}
	snprintf(q.detail, sizeof(q.detail), "{\"a\":1}");
	assert_int_equal(STEP(s, engine_audit(s->engine, T0, &q)), QUEUE_DONE);
	assert_int_equal(id_new(q.id), 0);
	assert_int_equal(STEP(s, engine_audit(s->engine, T0, &q)), QUEUE_NOT_FOUND);
}

static void large_documents_come_back_whole(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	struct queue_document d;
	size_t size = 5 * 1024 * 1024 + 7;
	_cleanup_(freep) uint8_t *data = malloc(size);
	struct span back;
	int fd = -1;

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_of(data, size));
	assert_int_equal(store_insert(s, &q, span_of(data, size)), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_get(s->engine, q.id, "", QUEUE_DOCUMENT, &d, &fd)),
		QUEUE_DONE);
	assert_int_equal(memfd_map(fd, LIMIT_DOCUMENT, &back), 0);
	assert_true(span_equal(back, span_of(data, size)));
	memfd_unmap(&back);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(refused_octets_are_judged_anew),
		STORE_TEST(same_commit_twice_is_a_duplicate_of_itself),
		STORE_TEST(illegal_submissions),
		STORE_TEST(stale_fence_changes_nothing),
		STORE_TEST(late_but_alone_still_counts),
		STORE_TEST(lost_attempt_is_looked_up),
		STORE_TEST(order_of_arrival_and_due_times),
		STORE_TEST(results_that_may_not_be),
		STORE_TEST(partners_see_their_own),
		STORE_TEST(events_prove_their_place),
		STORE_TEST(events_come_in_pages),
		STORE_TEST(explain_finds_by_id_number_and_hash),
		STORE_TEST(who_does_not_ask_is_seen),
		STORE_TEST(ledger_adds_up),
		STORE_TEST(undone_is_undone),
		STORE_TEST(bold_is_undone_whole),
		STORE_TEST(audit_details_are_objects),
		STORE_TEST(large_documents_come_back_whole),
	};

	return STORE_RUN(tests);
}
