/* SPDX-License-Identifier: EUPL-1.2 */
/* A partner's feed: in order, resumable, acknowledged, its own only. */
#include "tests/unit/queue/store.h"

#include "queue/backend.h"

#include <errno.h>

static json_t *feed(struct store *s, const char *partner, int64_t after, int limit)
{
	int fd = -1;

	assert_int_equal(STEP(s, engine_outcomes(s->engine, partner, after, limit, &fd)),
		QUEUE_DONE);
	return store_json(fd);
}

static const char *text_at(const json_t *f, size_t i, const char *key)
{
	return json_string_of(json_array_get(json_object_get(f, "outcomes"), i), key);
}

static int acknowledge(
	struct store *s, const char *partner, int64_t upto, const char *expected)
{
	int fd = -1,
	    r = STEP(s, engine_outcomes_acknowledge(s->engine, T0, partner, upto, &fd));

	if (r == QUEUE_DONE) {
		_cleanup_json_ json_t *answer = store_json(fd);

		assert_string_equal(json_string_of(answer, "acknowledged"), expected);
	}
	return r;
}

/* Sealed (1, 2), delivered (3), refused by the other destination (4). */
static void fill(struct store *s, char id[2][DOCUMENT_ID_SIZE])
{
	struct queue_delivery_result_request q = {
		.state = DELIVERY_DELIVERED, .reply_id = "REF.1", .detail = "VALID"
	};
	struct queue_claim claim;

	store_add_sealed(s, "N1", id[0]);
	store_add_sealed(s, "N2", id[1]);
	assert_int_equal(store_claim(s, T0 + 1, "traces", &claim), QUEUE_DONE);
	q.fence = claim.fence;
	memcpy(q.id, claim.document.id, sizeof(q.id));
	memcpy(q.destination, claim.destination, sizeof(q.destination));
	assert_int_equal(
		STEP(s, engine_delivery_result(s->engine, T0 + 2, &q)), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_delivery_result(s->engine, T0 + 2, &q)), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 1, "customs-es", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 3, &claim, DELIVERY_DEFERRED, T0 + 4), QUEUE_DONE);
	assert_int_equal(store_claim(s, T0 + 4, "customs-es", &claim), QUEUE_DONE);
	assert_int_equal(
		store_result(s, T0 + 5, &claim, DELIVERY_REFUSED, 0), QUEUE_DONE);
}

static void in_order_from_any_cursor(void **state)
{
	static const char *const EVENTS[] = { "document.sealed", "document.sealed",
		"delivery.delivered", "delivery.refused" };
	struct store *s = *state;
	char id[2][DOCUMENT_ID_SIZE];
	json_t *f;

	fill(s, id);
	f = feed(s, "partner-a", -1, 100);
	assert_int_equal(json_array_size(json_object_get(f, "outcomes")), 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(text_at(f, i, "event"), EVENTS[i]);
	assert_string_equal(text_at(f, 0, "id"), id[0]);
	assert_string_equal(text_at(f, 1, "id"), id[1]);
	assert_string_equal(text_at(f, 2, "reply_id"), "REF.1");
	assert_string_equal(text_at(f, 2, "detail"), "VALID");
	assert_string_equal(text_at(f, 2, "number"), "N1");
	assert_string_equal(text_at(f, 3, "destination"), "customs-es");
	assert_string_equal(json_string_of(f, "next"), "4");
	assert_true(json_is_false(json_object_get(f, "more")));
	json_decref(f);
	for (int64_t after = 0; after < 4; after++) {
		f = feed(s, "partner-a", after, 1);
		assert_string_equal(text_at(f, 0, "event"), EVENTS[after]);
		assert_int_equal(
			json_is_true(json_object_get(f, "more")), after < 3 ? 1 : 0);
		json_decref(f);
	}
	f = feed(s, "partner-a", 4, 1);
	assert_int_equal(json_array_size(json_object_get(f, "outcomes")), 0);
	assert_string_equal(json_string_of(f, "next"), "4");
	json_decref(f);
}

static void acknowledged_explicitly(void **state)
{
	struct store *s = *state;
	char id[2][DOCUMENT_ID_SIZE];
	int64_t before;
	int fd = -1;
	json_t *f;

	fill(s, id);
	/* reading acknowledges nothing */
	json_decref(feed(s, "partner-a", -1, 100));
	f = feed(s, "partner-a", -1, 100);
	assert_int_equal(json_array_size(json_object_get(f, "outcomes")), 4);
	json_decref(f);
	assert_int_equal(acknowledge(s, "partner-a", 3, "3"), QUEUE_DONE);
	before = engine_head(s->engine).position;
	assert_int_equal(acknowledge(s, "partner-a", 3, "3"), QUEUE_DONE);
	assert_int_equal(acknowledge(s, "partner-a", 1, "3"), QUEUE_DONE);
	assert_int_equal(engine_head(s->engine).position, before);
	assert_int_equal(acknowledge(s, "partner-a", 5, ""), QUEUE_ILLEGAL);
	assert_int_equal(acknowledge(s, "partner-a", -1, ""), QUEUE_ILLEGAL);
	assert_int_equal(STEP(s, engine_outcomes(s->engine, "partner-a", 5, 1, &fd)),
		QUEUE_ILLEGAL);
	engine_close(s->engine);
	store_open(s);
	f = feed(s, "partner-a", -1, 100);
	assert_int_equal(json_array_size(json_object_get(f, "outcomes")), 1);
	assert_string_equal(json_string_of(f, "acknowledged"), "3");
	json_decref(f);
	/* what was acknowledged can be read again */
	f = feed(s, "partner-a", 0, 100);
	assert_int_equal(json_array_size(json_object_get(f, "outcomes")), 4);
	json_decref(f);
}

static void nobody_elses(void **state)
{
	struct store *s = *state;
	char id[2][DOCUMENT_ID_SIZE];
	json_t *f;

	fill(s, id);
	f = feed(s, "partner-b", -1, 100);
	assert_int_equal(json_array_size(json_object_get(f, "outcomes")), 0);
	assert_string_equal(json_string_of(f, "next"), "0");
	json_decref(f);
	assert_int_equal(acknowledge(s, "partner-b", 1, ""), QUEUE_ILLEGAL);
	assert_int_equal(acknowledge(s, "partner-b", 0, "0"), QUEUE_DONE);
}

static void told_is_told(void **state)
{
	static const char *const ACTS[] = { "UPDATE outcomes SET state='expired'",
		"DELETE FROM outcomes", "UPDATE outcome_cursors SET last=last-1",
		"UPDATE outcome_cursors SET acknowledged=9" };
	struct store *s = *state;
	char id[2][DOCUMENT_ID_SIZE];

	fill(s, id);
	for (size_t i = 0; i < sizeof(ACTS) / sizeof(ACTS[0]); i++) {
		assert_int_equal(engine_begin(s->engine), 0);
		assert_true(store_refuses(s, ACTS[i]));
		engine_rollback(s->engine);
	}
}

static void later_verdicts_are_told(void **state)
{
	struct store *s = *state;
	struct queue_judgement j = { .state = DOCUMENT_ACCEPTED };
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int64_t due;
	int fd = -1;
	json_t *f;

	store_add(s, "H", DOCUMENT_HELD, id);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 99, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	close(fd);
	assert_int_equal(STEP(s, engine_judged(s->engine, T0 + 100, id, claim.fence, &j,
					 span_str("report"))),
		QUEUE_DONE);
	f = feed(s, "partner-a", -1, 10);
	assert_string_equal(text_at(f, 0, "event"), "document.accepted");
	json_decref(f);
}

static int64_t last_cursor(struct store *s, const char *partner, int64_t after)
{
	json_t *f = feed(s, partner, after, 100);
	size_t n = json_array_size(json_object_get(f, "outcomes"));
	int64_t last = n ? strtoll(text_at(f, n - 1, "cursor"), NULL, 10) : 0;

	assert_false(json_is_true(json_object_get(f, "more")));
	json_decref(f);
	return last;
}

static void older(struct store *s)
{
	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(engine_outcomes_raise(s->engine), 0);
	assert_int_equal(engine_commit(s->engine), 0);
}

/* The database is of a backup: what was given out since is never given out again for
 * something else, neither in a feed that it has nor in one that it never saw. */
static void an_older_database_repeats_no_cursor(void **state)
{
	const struct outcome o = { .event = "document.sealed", .state = "sealed" };
	struct store *s = *state;
	char id[2][DOCUMENT_ID_SIZE];
	struct document_row d;

	fill(s, id);
	older(s);
	/* nothing is new, and nobody is called for the gap */
	assert_int_equal(last_cursor(s, "partner-a", -1), 4);
	assert_int_equal(STEP(s, outcomes_wait(s->engine, "partner-a")), 1);
	assert_int_equal(acknowledge(s, "partner-a", 4, "4"), QUEUE_DONE);
	assert_int_equal(STEP(s, outcomes_wait(s->engine, "partner-a")), 0);
	assert_int_equal(STEP(s, outcomes_wait(s->engine, "partner-b")), 0);
	/* who kept more than the backup has goes on from there */
	assert_int_equal(last_cursor(s, "partner-a", 17), 0);
	assert_int_equal(acknowledge(s, "partner-a", 17, "17"), QUEUE_DONE);
	store_add_sealed(s, "N3", id[0]);
	assert_int_equal(last_cursor(s, "partner-a", -1), OUTCOMES_STEP + 5);
	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(document_find(s->engine, id[0], &d), QUEUE_DONE);
	assert_int_equal(outcome_add_to(s->engine, T0, FEED_PREFIX "es", &d, &o), 0);
	assert_int_equal(engine_commit(s->engine), 0);
	assert_int_equal(last_cursor(s, FEED_PREFIX "es", -1), OUTCOMES_STEP + 1);
	/* and again, after another backup */
	older(s);
	store_add_sealed(s, "N4", id[0]);
	assert_int_equal(last_cursor(s, "partner-a", -1), 2 * OUTCOMES_STEP + 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(in_order_from_any_cursor),
		STORE_TEST(acknowledged_explicitly),
		STORE_TEST(nobody_elses),
		STORE_TEST(told_is_told),
		STORE_TEST(later_verdicts_are_told),
		STORE_TEST(an_older_database_repeats_no_cursor),
	};

	return STORE_RUN(tests);
}
