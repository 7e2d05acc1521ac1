/* SPDX-License-Identifier: EUPL-1.2 */
/* Containers that get more later: when they are due, one at a time, the newest is given.
 */
#include "tests/unit/queue/store.h"

#include <errno.h>

#define DAY 86400

static void sealed(struct store *s, const char *number, const char *level, int64_t due,
	char ret_id[DOCUMENT_ID_SIZE])
{
	store_add_sealed(s, number, ret_id);
	assert_int_equal(
		STEP(s, engine_renew_at(s->engine, ret_id, level, due)), QUEUE_DONE);
}

/* Claim; the octets of the container are compared. */
static int claim(struct store *s, int64_t now, const char *octets,
	struct queue_claim *ret_claim, int64_t *ret_due)
{
	struct span data;
	int fd = -1;
	int r = STEP(
		s, engine_claim_renewal(s->engine, now, 60, ret_claim, &fd, ret_due));

	if (r != QUEUE_DONE)
		return r;
	assert_int_equal(memfd_map(fd, LIMIT_CONTAINER, &data), 0);
	assert_true(span_equal(data, span_str(octets)));
	memfd_unmap(&data);
	close(fd);
	return r;
}

static int renewed(struct store *s, const struct queue_claim *c, const char *level,
	int64_t due, const char *octets)
{
	struct queue_renewed_request q = { .fence = c->fence, .due = due };

	memcpy(q.id, c->document.id, sizeof(q.id));
	snprintf(q.level, sizeof(q.level), "%s", level);
	return STEP(s, engine_renewed(s->engine, T0 + 9, &q,
			       octets ? span_str(octets) : (struct span){ 0 }));
}

static void expect_container(struct store *s, const char *id, const char *octets)
{
	struct queue_document d;
	struct span data;
	int fd = -1;

	assert_int_equal(STEP(s, engine_get(s->engine, id, "", QUEUE_CONTAINER, &d, &fd)),
		QUEUE_DONE);
	assert_int_equal(memfd_map(fd, LIMIT_CONTAINER, &data), 0);
	assert_true(span_equal(data, span_str(octets)));
	memfd_unmap(&data);
	close(fd);
}

static void level_by_level(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], other[DOCUMENT_ID_SIZE];
	struct queue_claim c, again;
	int64_t due;

	sealed(s, "N1", "B", T0 + 5, id);
	sealed(s, "N2", "T", 0, other);
	assert_int_equal(claim(s, T0 + 4, "", &c, &due), QUEUE_EMPTY);
	assert_int_equal(due, T0 + 5);
	assert_int_equal(claim(s, T0 + 5, "container", &c, &due), QUEUE_DONE);
	assert_string_equal(c.document.id, id);
	assert_string_equal(c.level, "B");
	/* Nobody else has it within the lease. */
	assert_int_equal(claim(s, T0 + 64, "", &again, &due), QUEUE_EMPTY);
	assert_int_equal(renewed(s, &c, "T", T0 + DAY, "with a time-stamp"), QUEUE_DONE);
	expect_container(s, id, "with a time-stamp");
	expect_container(s, other, "container");
	assert_int_equal(count_events(s, id, "document.augmented"), 1);
	assert_document(s, id, "sealed");
	/* Told twice it is nothing new. */
	assert_int_equal(renewed(s, &c, "T", 0, "another"), QUEUE_STALE);
	assert_int_equal(claim(s, T0 + DAY, "with a time-stamp", &c, &due), QUEUE_DONE);
	assert_string_equal(c.level, "T");
	assert_int_equal(renewed(s, &c, "LT", 0, "with data"), QUEUE_DONE);
	assert_int_equal(claim(s, T0 + 999 * DAY, "", &c, &due), QUEUE_EMPTY);
	assert_int_equal(due, INT64_MAX);
	expect_container(s, id, "with data");
}

static void not_yet(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;
	int64_t due;

	sealed(s, "N1", "T", T0, id);
	assert_int_equal(claim(s, T0, "container", &c, &due), QUEUE_DONE);
	assert_int_equal(c.attempt, 1);
	/* Without a container it is no other level. */
	assert_int_equal(renewed(s, &c, "LT", T0 + 9, NULL), QUEUE_ILLEGAL);
	assert_int_equal(renewed(s, &c, "XL", T0 + 9, "x"), QUEUE_ILLEGAL);
	assert_int_equal(renewed(s, &c, "T", T0 + 9, NULL), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.augmented"), 0);
	assert_int_equal(claim(s, T0 + 9, "container", &c, &due), QUEUE_DONE);
	assert_int_equal(c.attempt, 2);
}

/* Whoever died with a claim loses it; what it sends later is not taken. */
static void a_lease_ends(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim dead, c;
	int64_t due;

	sealed(s, "N1", "B", T0, id);
	assert_int_equal(claim(s, T0, "container", &dead, &due), QUEUE_DONE);
	assert_int_equal(claim(s, T0 + 60, "container", &c, &due), QUEUE_DONE);
	assert_int_equal(renewed(s, &dead, "T", 0, "late"), QUEUE_STALE);
	assert_int_equal(renewed(s, &c, "T", 0, "in time"), QUEUE_DONE);
	expect_container(s, id, "in time");
}

static void deliveries_take_the_newest(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;
	struct span data;
	int64_t due;
	int fd = -1;

	sealed(s, "N1", "B", T0, id);
	assert_int_equal(claim(s, T0, "container", &c, &due), QUEUE_DONE);
	assert_int_equal(renewed(s, &c, "T", 0, "newest"), QUEUE_DONE);
	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, T0 + 1, "traces", 60, 0,
					 &c, &fd, &due)),
		QUEUE_DONE);
	assert_int_equal(memfd_map(fd, LIMIT_CONTAINER, &data), 0);
	assert_true(span_equal(data, span_str("newest")));
	memfd_unmap(&data);
	close(fd);
}

static void figures(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *f = NULL;
	char id[DOCUMENT_ID_SIZE];
	const json_t *r;
	int fd = -1;

	sealed(s, "N1", "B", T0 + 5, id);
	sealed(s, "N2", "B", 0, id); /* by policy: it waits for nothing */
	sealed(s, "N3", "T", T0 + 3, id);
	assert_int_equal(STEP(s, engine_stats(s->engine, T0 + 9, &fd)), QUEUE_DONE);
	f = store_json(fd);
	r = json_object_get(f, "renewals");
	assert_int_equal(json_integer_value(json_object_get(r, "level_b")), 1);
	assert_string_equal(json_string_of(r, "level_b_since"), "2026-06-05T12:00:00Z");
	assert_string_equal(json_string_of(r, "next"), "2026-06-05T12:00:03Z");
}

static json_int_t failing(struct store *s, int64_t now)
{
	_cleanup_json_ json_t *f = NULL;
	int fd = -1;

	assert_int_equal(STEP(s, engine_stats(s->engine, now, &fd)), QUEUE_DONE);
	f = store_json(fd);
	return json_integer_value(
		json_object_get(json_object_get(f, "renewals"), "failing"));
}

/* Four times, and until it succeeds. One that waits for its first time-stamp is counted
 * as that. */
static void what_comes_to_nothing_is_counted(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;
	int64_t due;

	sealed(s, "N1", "T", T0, id);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(failing(s, T0 + i), 0);
		assert_int_equal(claim(s, T0 + i, "container", &c, &due), QUEUE_DONE);
		assert_int_equal(renewed(s, &c, "T", T0 + i + 1, NULL), QUEUE_DONE);
	}
	assert_int_equal(failing(s, T0 + 4), 1);
	assert_int_equal(claim(s, T0 + 4, "container", &c, &due), QUEUE_DONE);
	assert_int_equal(renewed(s, &c, "LT", T0 + 9, "newest"), QUEUE_DONE);
	assert_int_equal(failing(s, T0 + 5), 0);
}

static void what_was_made_stays(void **state)
{
	static const char *const ACTS[] = { "UPDATE containers SET level='B'",
		"DELETE FROM containers", "UPDATE renewals SET fence=0" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;
	int64_t due;

	sealed(s, "N1", "B", T0, id);
	assert_int_equal(claim(s, T0, "container", &c, &due), QUEUE_DONE);
	assert_int_equal(renewed(s, &c, "T", 0, "newest"), QUEUE_DONE);
	store_keeps(s, ACTS, sizeof(ACTS) / sizeof(ACTS[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(level_by_level),
		STORE_TEST(not_yet),
		STORE_TEST(a_lease_ends),
		STORE_TEST(deliveries_take_the_newest),
		STORE_TEST(figures),
		STORE_TEST(what_comes_to_nothing_is_counted),
		STORE_TEST(what_was_made_stays),
	};

	return STORE_RUN(tests);
}
