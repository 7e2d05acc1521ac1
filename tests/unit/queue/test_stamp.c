/* SPDX-License-Identifier: EUPL-1.2 */
/* Held documents get an evidence record, once, and it goes with them to the seal. */
#include "tests/unit/queue/store.h"

#include <errno.h>

static int claim(struct store *s, int64_t now, struct queue_claim *ret_claim)
{
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_stamp(s->engine, now, 60, ret_claim, &fd, &due));

	assert_true((r == QUEUE_DONE) == (fd >= 0));
	closep(&fd);
	return r;
}

static int stamped(struct store *s, const struct queue_claim *c, int64_t retry_at,
	const char *record)
{
	struct queue_stamped_request q = { .fence = c->fence, .retry_at = retry_at };

	memcpy(q.id, c->document.id, sizeof(q.id));
	return STEP(s, engine_stamped(s->engine, T0 + 1, &q,
			       record ? span_str(record) : (struct span){ 0 }));
}

/* A held document is judged: it is accepted. */
static void release(struct store *s, const char *id)
{
	struct queue_judgement j = { .state = DOCUMENT_ACCEPTED };
	struct queue_claim c;
	int64_t due;
	int fd = -1;

	assert_int_equal(STEP(s, engine_held_due(s->engine, T0)), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0, 60, &c, &fd, &due)), QUEUE_DONE);
	assert_string_equal(c.document.id, id);
	closep(&fd);
	assert_int_equal(STEP(s, engine_judged(s->engine, T0, id, c.fence, &j,
					 span_str("later report"))),
		QUEUE_DONE);
}

static void expect_record(struct store *s, const char *id, const char *octets)
{
	struct queue_document d;
	struct span data;
	int fd = -1;
	int r = STEP(s, engine_get(s->engine, id, "", QUEUE_RECORD, &d, &fd));

	assert_int_equal(r, octets ? QUEUE_DONE : QUEUE_NOT_FOUND);
	if (!octets)
		return;
	assert_int_equal(memfd_map(fd, LIMIT_RECORD, &data), 0);
	assert_true(span_equal(data, span_str(octets)));
	memfd_unmap(&data);
	close(fd);
}

static void held_then_sealed(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], other[DOCUMENT_ID_SIZE];
	struct queue_claim c, again;

	store_add(s, "N1", DOCUMENT_HELD, id);
	store_add(s, "N2", DOCUMENT_ACCEPTED, other);
	assert_int_equal(claim(s, T0, &c), QUEUE_DONE);
	assert_string_equal(c.document.id, id);
	/* Nobody else has it within the lease, and what is not held needs none. */
	assert_int_equal(claim(s, T0 + 59, &again), QUEUE_EMPTY);
	expect_record(s, id, NULL);
	assert_int_equal(stamped(s, &c, 0, "record"), QUEUE_DONE);
	assert_int_equal(stamped(s, &c, 0, "another"), QUEUE_STALE);
	assert_int_equal(claim(s, T0 + 999999, &again), QUEUE_EMPTY);
	expect_record(s, id, "record");
	assert_int_equal(count_events(s, id, "document.stamped"), 1);
	assert_document(s, id, "held");
	/* Whoever seals is told which of them has one. */
	release(s, id);
	for (int n = 0; n < 2; n++) {
		assert_int_equal(store_claim_seal(s, T0 + 9, 60, &c), QUEUE_DONE);
		assert_int_equal(c.stamped, strcmp(c.document.id, id) == 0);
	}
}

static void without_an_authority(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(claim(s, T0, &c), QUEUE_DONE);
	assert_int_equal(c.attempt, 1);
	assert_int_equal(stamped(s, &c, 0, NULL), QUEUE_ILLEGAL);
	assert_int_equal(stamped(s, &c, T0 + 10, NULL), QUEUE_DONE);
	assert_int_equal(claim(s, T0 + 9, &c), QUEUE_EMPTY);
	assert_int_equal(claim(s, T0 + 10, &c), QUEUE_DONE);
	assert_int_equal(c.attempt, 2);
	assert_int_equal(count_events(s, id, "document.stamped"), 0);
}

/* Whoever died with a claim loses it; what it sends later is not taken. */
static void a_lease_ends(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim dead, c;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(claim(s, T0, &dead), QUEUE_DONE);
	assert_int_equal(claim(s, T0 + 60, &c), QUEUE_DONE);
	assert_int_equal(stamped(s, &dead, 0, "late"), QUEUE_STALE);
	assert_int_equal(stamped(s, &c, 0, "in time"), QUEUE_DONE);
	expect_record(s, id, "in time");
}

static void held_no_more(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], late[DOCUMENT_ID_SIZE];
	struct queue_claim c, seal;

	store_add(s, "N1", DOCUMENT_HELD, id);
	release(s, id);
	assert_int_equal(claim(s, T0 + 1, &c), QUEUE_EMPTY);
	assert_int_equal(store_claim_seal(s, T0 + 1, 60, &seal), QUEUE_DONE);
	assert_int_equal(seal.stamped, 0);
	/* What was made for one that was released meanwhile is kept for its seal. */
	store_add(s, "N2", DOCUMENT_HELD, late);
	assert_int_equal(claim(s, T0 + 2, &c), QUEUE_DONE);
	release(s, late);
	assert_int_equal(stamped(s, &c, 0, "record"), QUEUE_DONE);
	assert_int_equal(store_claim_seal(s, T0 + 2, 60, &seal), QUEUE_DONE);
	assert_int_equal(seal.stamped, 1);
}

static void figures(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *f = NULL;
	char id[DOCUMENT_ID_SIZE];
	const json_t *waits;
	int fd = -1;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(STEP(s, engine_stats(s->engine, T0 + 9, &fd)), QUEUE_DONE);
	f = store_json(fd);
	waits = json_object_get(f, "stamps");
	assert_int_equal(json_integer_value(json_object_get(waits, "waiting")), 1);
	assert_string_equal(json_string_of(waits, "since"), "2026-06-05T12:00:00Z");
}

static void what_was_made_stays(void **state)
{
	static const char *const ACTS[] = { "UPDATE stamps SET record='x',fence=fence+1",
		"DELETE FROM stamps", "UPDATE stamps SET fence=fence" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;

	store_add(s, "N1", DOCUMENT_HELD, id);
	assert_int_equal(claim(s, T0, &c), QUEUE_DONE);
	assert_int_equal(stamped(s, &c, 0, "record"), QUEUE_DONE);
	store_keeps(s, ACTS, sizeof(ACTS) / sizeof(ACTS[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(held_then_sealed),
		STORE_TEST(without_an_authority),
		STORE_TEST(a_lease_ends),
		STORE_TEST(held_no_more),
		STORE_TEST(figures),
		STORE_TEST(what_was_made_stays),
	};

	return STORE_RUN(tests);
}
