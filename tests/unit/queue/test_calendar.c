/* SPDX-License-Identifier: EUPL-1.2 */
/* Maintenance that comes again every day or week, on each engine, and its calendar. */
#include "queue/calendar.h"

#include "tests/unit/queue/store.h"

#define HOUR 3600
#define DAY CALENDAR_DAY
#define WEEK CALENDAR_WEEK
#define SUNDAY (T0 + 2 * DAY) /* T0 is a Friday, 12:00 */

static int ask(struct store *s, int64_t now, bool start, const char *destination,
	struct queue_window w)
{
	struct queue_maintenance_request q = {
		.start = start, .window = w, .operator_name = "op", .reason = "why"
	};

	snprintf(q.destination, sizeof(q.destination), "%s", destination);
	return STEP(s, engine_maintenance(s->engine, now, &q));
}

static int start(struct store *s, const char *destination, int64_t since, int64_t until,
	int64_t every)
{
	return ask(s, T0, true, destination,
		(struct queue_window){ .since = since, .until = until, .every = every });
}

static int end(struct store *s, int64_t now, const char *destination, int64_t every)
{
	return ask(s, now, false, destination, (struct queue_window){ .every = every });
}

/* 0: the destination is not in maintenance; else until when it is. */
static int64_t until(struct store *s, int64_t now, const char *destination)
{
	int64_t until = 0;
	int r = STEP(
		s, maintenance_now(s->engine, now, destination, "", &until) + QUEUE_DONE);

	assert_in_range(r, QUEUE_DONE, QUEUE_DONE + 1);
	return r == QUEUE_DONE ? 0 : until;
}

static void comes_again(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;

	store_add_sealed(s, "N1", id);
	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + 2 * HOUR, WEEK), QUEUE_DONE);
	assert_int_equal(until(s, SUNDAY - 1, "traces"), 0);
	for (int n = 0; n < 60; n++) {
		int64_t begin = SUNDAY + n * (int64_t)WEEK;

		assert_int_equal(until(s, begin - 1, "traces"), 0);
		assert_int_equal(until(s, begin, "traces"), begin + 2 * HOUR);
		assert_int_equal(
			until(s, begin + 2 * HOUR - 1, "traces"), begin + 2 * HOUR);
		assert_int_equal(until(s, begin + 2 * HOUR, "traces"), 0);
		assert_int_equal(until(s, begin + DAY, "traces"), 0);
		assert_int_equal(until(s, begin, "customs-es"), 0);
	}
	assert_int_equal(store_claim(s, SUNDAY + WEEK, "traces", &claim), QUEUE_EMPTY);
	assert_int_equal(store_claim(s, SUNDAY + WEEK, "customs-es", &claim), QUEUE_DONE);
	assert_int_equal(
		store_claim(s, SUNDAY + WEEK + 2 * HOUR, "traces", &claim), QUEUE_DONE);
}

static void every_day_of_all(void **state)
{
	struct store *s = *state;

	/* It began before it was announced; the night of the day before goes on. */
	assert_int_equal(start(s, "", T0 - DAY - HOUR, T0 - DAY + HOUR, DAY), QUEUE_DONE);
	assert_int_equal(until(s, T0, "traces"), T0 + HOUR);
	assert_int_equal(until(s, T0 + 2 * HOUR, "traces"), 0);
	assert_int_equal(until(s, T0 + DAY - HOUR, "customs-es"), T0 + DAY + HOUR);
}

static void one_time_ends_or_all(void **state)
{
	struct store *s = *state;

	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + 2 * HOUR, WEEK), QUEUE_DONE);
	/* Between two times there is nothing to end. */
	assert_int_equal(end(s, SUNDAY - 1, "traces", 0), QUEUE_ILLEGAL);
	assert_int_equal(end(s, SUNDAY + HOUR, "traces", 0), QUEUE_DONE);
	assert_int_equal(until(s, SUNDAY + HOUR, "traces"), 0);
	assert_int_equal(end(s, SUNDAY + HOUR, "traces", 0), QUEUE_ILLEGAL);
	assert_int_equal(until(s, SUNDAY + WEEK, "traces"), SUNDAY + WEEK + 2 * HOUR);
	/* Only all of that destination and period. */
	assert_int_equal(end(s, SUNDAY + WEEK, "", WEEK), QUEUE_ILLEGAL);
	assert_int_equal(end(s, SUNDAY + WEEK, "traces", DAY), QUEUE_ILLEGAL);
	assert_int_equal(end(s, SUNDAY + WEEK, "traces", WEEK), QUEUE_DONE);
	assert_int_equal(until(s, SUNDAY + WEEK, "traces"), 0);
	assert_int_equal(until(s, SUNDAY + 2 * WEEK, "traces"), 0);
	assert_int_equal(end(s, SUNDAY + WEEK, "traces", WEEK), QUEUE_ILLEGAL);
}

static void assert_closed(struct store *s, int64_t now, int answer, int64_t until)
{
	struct queue_document first = { 0 };

	assert_int_equal(STEP(s, engine_closed(s->engine, now, &first)), answer);
	if (answer == QUEUE_CLOSED)
		assert_int_equal(first.held_until, until);
}

static void nothing_new_is_taken(void **state)
{
	struct store *s = *state;

	/* That nothing is sent keeps nobody from sending here, nor the other way round.
	 */
	assert_int_equal(start(s, "", T0, 0, 0), QUEUE_DONE);
	assert_closed(s, T0, QUEUE_DONE, 0);
	assert_int_equal(end(s, T0, "", 0), QUEUE_DONE);
	assert_int_equal(start(s, QUEUE_INTAKE, SUNDAY, SUNDAY + HOUR, WEEK), QUEUE_DONE);
	assert_int_equal(until(s, SUNDAY, "traces"), 0);
	assert_closed(s, SUNDAY - 1, QUEUE_DONE, 0);
	assert_closed(s, SUNDAY, QUEUE_CLOSED, SUNDAY + HOUR);
	assert_closed(s, SUNDAY + WEEK, QUEUE_CLOSED, SUNDAY + WEEK + HOUR);
	assert_closed(s, SUNDAY + WEEK + HOUR, QUEUE_DONE, 0);
	assert_int_equal(start(s, QUEUE_INTAKE, T0, 0, 0), QUEUE_DONE);
	assert_closed(s, T0, QUEUE_CLOSED, 0);
}

static void series_that_are_none(void **state)
{
	struct store *s = *state;

	assert_int_equal(start(s, "traces", SUNDAY, 0, WEEK), QUEUE_ILLEGAL);
	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY, WEEK), QUEUE_ILLEGAL);
	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + DAY, DAY), QUEUE_ILLEGAL);
	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + 60, HOUR), QUEUE_ILLEGAL);
	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + 60, -DAY), QUEUE_ILLEGAL);
	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + 60, WEEK), QUEUE_DONE);
}

/* One that would be in force without being told is refused; what is ended makes room. */
static void not_more_than_are_told(void **state)
{
	const int64_t later = SUNDAY + 3 * (int64_t)WEEK;
	struct store *s = *state;

	for (int i = 0; i < QUEUE_MAINTENANCE_MAX; i++) {
		assert_int_equal(
			start(s, i ? "traces" : "tsw", later, later + HOUR, WEEK),
			QUEUE_DONE);
		assert_int_equal(
			start(s, i ? "traces" : "tsw", later + i, later + HOUR, 0),
			QUEUE_DONE);
	}
	assert_int_equal(start(s, "traces", later, later + HOUR, DAY), QUEUE_FULL);
	assert_int_equal(start(s, "traces", later, 0, 0), QUEUE_FULL);
	assert_int_equal(start(s, "traces", later, later, DAY), QUEUE_ILLEGAL);
	assert_int_equal(end(s, T0, "tsw", WEEK), QUEUE_DONE);
	assert_int_equal(start(s, "traces", later, later + HOUR, DAY), QUEUE_DONE);
	assert_int_equal(start(s, "traces", later, later + HOUR, DAY), QUEUE_FULL);
	/* What is over is none. */
	assert_int_equal(ask(s, later + DAY, true, "traces", (struct queue_window){ 0 }),
		QUEUE_DONE);
}

/* It is over when no window follows without a gap, of one destination or of all. */
static void one_after_the_other(void **state)
{
	struct store *s = *state;

	assert_int_equal(start(s, "traces", T0, T0 + HOUR, 0), QUEUE_DONE);
	assert_int_equal(start(s, "", T0 + 60, T0 + 2 * HOUR, 0), QUEUE_DONE);
	assert_int_equal(
		start(s, "traces", T0 + 2 * HOUR, T0 + 3 * HOUR, DAY), QUEUE_DONE);
	assert_int_equal(
		start(s, "traces", T0 + 3 * HOUR + 1, T0 + 4 * HOUR, 0), QUEUE_DONE);
	assert_int_equal(until(s, T0, "traces"), T0 + 3 * HOUR);
	assert_int_equal(until(s, T0 + 60, "traces"), T0 + 3 * HOUR);
	assert_int_equal(until(s, T0 + 60, "customs-es"), T0 + 2 * HOUR);
	assert_int_equal(until(s, T0 + 3 * HOUR, "traces"), 0);
	assert_int_equal(start(s, "traces", T0 + HOUR, 0, 0), QUEUE_DONE);
	assert_int_equal(until(s, T0, "traces"), INT64_MAX);
	/* Without an end: as far as it was followed, which is later than one of them. */
	assert_int_equal(
		start(s, "customs-es", T0 + DAY, T0 + DAY + DAY / 2, DAY), QUEUE_DONE);
	assert_int_equal(start(s, "customs-es", T0 + DAY + DAY / 2, T0 + 2 * DAY, DAY),
		QUEUE_DONE);
	assert_true(until(s, T0 + DAY, "customs-es") > T0 + 10 * DAY);
}

static json_t *windows(struct store *s, int64_t now)
{
	_cleanup_json_ json_t *stats = NULL;
	int fd = -1;

	assert_int_equal(STEP(s, engine_stats(s->engine, now, &fd)), QUEUE_DONE);
	stats = store_json(fd);
	return json_incref(json_object_get(stats, "maintenance"));
}

static void assert_window(const json_t *list, size_t i, const char *since,
	const char *until, const char *every, bool now)
{
	const json_t *w = json_array_get(list, i);

	assert_string_equal(json_string_of(w, "since"), since);
	assert_string_equal(json_string_of(w, "until"), until);
	if (every)
		assert_string_equal(json_string_of(w, "every"), every);
	else
		assert_true(json_is_null(json_object_get(w, "every")));
	assert_int_equal(json_is_true(json_object_get(w, "now")), now);
}

static void calendar_of_all(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *list = NULL, *later = NULL, *calendar = NULL;

	assert_int_equal(start(s, "traces", SUNDAY, SUNDAY + 2 * HOUR, WEEK), QUEUE_DONE);
	assert_int_equal(start(s, "", SUNDAY + DAY, SUNDAY + DAY + HOUR, 0), QUEUE_DONE);
	list = windows(s, SUNDAY + HOUR);
	assert_int_equal(json_array_size(list), 2);
	assert_window(
		list, 0, "2026-06-08T12:00:00Z", "2026-06-08T13:00:00Z", NULL, false);
	assert_window(
		list, 1, "2026-06-07T12:00:00Z", "2026-06-07T14:00:00Z", "week", true);
	calendar = calendar_expand(list, SUNDAY + 2 * (int64_t)WEEK + 1);
	assert_int_equal(json_array_size(calendar), 4);
	assert_window(calendar, 0, "2026-06-07T12:00:00Z", "2026-06-07T14:00:00Z", "week",
		true);
	assert_window(
		calendar, 1, "2026-06-08T12:00:00Z", "2026-06-08T13:00:00Z", NULL, false);
	assert_window(calendar, 2, "2026-06-14T12:00:00Z", "2026-06-14T14:00:00Z", "week",
		false);
	assert_window(calendar, 3, "2026-06-21T12:00:00Z", "2026-06-21T14:00:00Z", "week",
		false);
	/* What has been ended is not in it. */
	assert_int_equal(end(s, SUNDAY + HOUR, "traces", 0), QUEUE_DONE);
	later = windows(s, SUNDAY + HOUR);
	assert_window(
		later, 1, "2026-06-14T12:00:00Z", "2026-06-14T14:00:00Z", "week", false);
}

static void next_time(void **state)
{
	(void)state;
	assert_int_equal(calendar_next(100, 10, 0), 100);
	assert_int_equal(calendar_next(100, 10, 99), 100);
	assert_int_equal(calendar_next(100, 10, 100), 110);
	assert_int_equal(calendar_next(100, 10, 109), 110);
	assert_int_equal(calendar_next(100, 10, 110), 120);
	assert_int_equal(calendar_period_find("week"), WEEK);
	assert_int_equal(calendar_period_find("month"), 0);
	assert_int_equal(calendar_period_find(NULL), 0);
	assert_string_equal(calendar_period_text(DAY), "day");
	assert_null(calendar_period_text(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(comes_again),
		STORE_TEST(every_day_of_all),
		STORE_TEST(one_time_ends_or_all),
		STORE_TEST(nothing_new_is_taken),
		STORE_TEST(series_that_are_none),
		STORE_TEST(not_more_than_are_told),
		STORE_TEST(one_after_the_other),
		STORE_TEST(calendar_of_all),
		cmocka_unit_test(next_time),
	};

	return STORE_RUN(tests);
}
