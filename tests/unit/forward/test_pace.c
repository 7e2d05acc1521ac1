/* SPDX-License-Identifier: EUPL-1.2 */
/* Concurrency with feedback, breaker, trial and ramp, at times that the test chooses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forward/pace.h"

/* How many attempts may begin now; they are left running. */
static int fill(struct pace *p, int64_t now)
{
	int n = 0;

	while (n < 100 && pace_enter(p, now) == 0)
		n++;
	return n;
}

static void leave(struct pace *p, int64_t now, int n, enum pace_result result)
{
	while (n-- > 0)
		pace_leave(p, now, result, 0);
}

static void all_is_well(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 8, 1000, 60000);
	assert_int_equal(fill(&p, 0), 8);
	assert_true(pace_enter(&p, 0) > 0);
	leave(&p, 1, 8, PACE_GOOD);
	assert_int_equal(fill(&p, 1), 8);
	leave(&p, 2, 8, PACE_IDLE);
	assert_int_equal(fill(&p, 2), 8);
	pace_done(&p);
}

static void failures_halve_and_successes_add(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 8, 1000, 60000);
	assert_int_equal(pace_enter(&p, 0), 0);
	leave(&p, 0, 1, PACE_BAD);
	assert_int_equal(fill(&p, 0), 4);
	leave(&p, 0, 4, PACE_IDLE);
	assert_int_equal(pace_enter(&p, 0), 0);
	leave(&p, 0, 1, PACE_GOOD);
	assert_int_equal(fill(&p, 0), 5);
	pace_done(&p);
}

static void breaker_trial_and_ramp(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 4, 1000, 3000);
	for (int i = 0; i < PACE_FAILURES; i++) {
		assert_int_equal(pace_enter(&p, 100), 0);
		assert_int_equal(pace_leave(&p, 100, PACE_BAD, 0),
			i + 1 < PACE_FAILURES ? PACE_SAME : PACE_OPENED);
	}
	assert_int_equal(pace_enter(&p, 100), 1000);
	assert_int_equal(pace_enter(&p, 1099), 1);
	/* one trial; it fails: twice as long, then no longer than the longest */
	assert_int_equal(fill(&p, 1100), 1);
	assert_int_equal(pace_leave(&p, 1100, PACE_BAD, 0), PACE_SAME);
	assert_int_equal(pace_enter(&p, 1100), 2000);
	assert_int_equal(fill(&p, 3100), 1);
	leave(&p, 3100, 1, PACE_BAD);
	assert_int_equal(pace_enter(&p, 3100), 3000);
	/* a trial that found nothing to try proves nothing */
	assert_int_equal(fill(&p, 6100), 1);
	assert_int_equal(pace_leave(&p, 6100, PACE_IDLE, 0), PACE_SAME);
	assert_int_equal(fill(&p, 6100), 1);
	assert_int_equal(pace_leave(&p, 6100, PACE_GOOD, 0), PACE_CLOSED);
	for (int n = 1; n <= 4; n++) {
		assert_int_equal(fill(&p, 6200), n);
		leave(&p, 6200, n - 1, PACE_IDLE);
		leave(&p, 6200, 1, PACE_GOOD);
	}
	assert_int_equal(fill(&p, 6200), 4);
	pace_done(&p);
}

static void jitter_and_late_failures(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 16, 1000, 60000);
	assert_int_equal(fill(&p, 0), 16);
	for (int i = 0; i < 16; i++)
		pace_leave(&p, 0, PACE_BAD, 200);
	/* the eleven that came after it had opened have not made it longer */
	assert_int_equal(pace_enter(&p, 0), 1200);
	pace_done(&p);
}

#define DAY 1780660800 /* when the monotonic clock was 0 */

static void assert_told(struct pace *p, int64_t now, enum breaker_state state,
	int64_t since, int64_t trial)
{
	struct pace_news news = { 0 };

	assert_true(pace_tell(p, now * 1000, DAY + now, &news));
	assert_int_equal(news.state, state);
	assert_int_equal(news.since, DAY + since);
	if (state == BREAKER_OPEN)
		assert_int_equal(news.trial, DAY + trial);
	assert_false(pace_tell(p, now * 1000, DAY + now, &news));
}

static void told_in_a_word(void **state)
{
	struct pace_news news;
	struct pace p;

	(void)state;
	pace_init(&p, 3, 1000, 60000);
	assert_told(&p, 5, BREAKER_CLOSED, 5, 0);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(pace_enter(&p, 100000), 0);
		leave(&p, 100000, 1, PACE_BAD);
		if (i == 0)
			assert_told(&p, 100, BREAKER_RAMPING, 100, 0);
		else if (i < 4)
			assert_false(pace_tell(&p, 100000, DAY + 100, &news));
	}
	assert_told(&p, 100, BREAKER_OPEN, 100, 101);
	/* a trial that fails: open since then, and another trial */
	assert_int_equal(pace_enter(&p, 101000), 0);
	leave(&p, 101000, 1, PACE_BAD);
	assert_told(&p, 101, BREAKER_OPEN, 100, 103);
	pace_untell(&p);
	assert_true(pace_tell(&p, 101999, DAY + 109, &news)); /* the clock was set */
	assert_int_equal(news.since, DAY + 100);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pace_enter(&p, 104000 + i), 0);
		leave(&p, 104000 + i, 1, PACE_GOOD);
		if (i == 0)
			assert_told(&p, 104, BREAKER_RAMPING, 104, 0);
	}
	assert_told(&p, 104, BREAKER_CLOSED, 104, 0);
	pace_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(failures_halve_and_successes_add),
		cmocka_unit_test(breaker_trial_and_ramp),
		cmocka_unit_test(jitter_and_late_failures),
		cmocka_unit_test(told_in_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
