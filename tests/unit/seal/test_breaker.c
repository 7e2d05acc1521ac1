/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/breaker.h"
#include "seal/clock_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#define NOW 1000000

static void closed_lets_everyone_try(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 5; i++)
		assert_int_equal(breaker_ask(&b, NOW), 0);
	assert_false(breaker_worked(&b));
	assert_int_equal(breaker_ask(&b, NOW), 0);
}

static void open_lets_one_probe(void **state)
{
	struct breaker b;
	int wait;

	(void)state;
	breaker_init(&b);
	assert_int_equal(breaker_ask(&b, NOW), 0);
	wait = breaker_failed(&b, NOW);
	assert_in_range(wait, BREAKER_MIN_MS * 3 / 4, BREAKER_MIN_MS);
	assert_int_equal(breaker_ask(&b, NOW), wait);
	assert_int_equal(breaker_ask(&b, NOW + wait), 0);
	assert_true(breaker_ask(&b, NOW + wait) > 0); /* another probes */
	breaker_skipped(&b);
	assert_int_equal(breaker_ask(&b, NOW + wait), 0);
	assert_true(breaker_worked(&b));
	assert_int_equal(breaker_ask(&b, NOW + wait), 0);
	assert_int_equal(breaker_ask(&b, NOW + wait), 0);
	assert_false(breaker_worked(&b));
}

static void delays_double_up_to_a_minute(void **state)
{
	static const int want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	struct breaker b;
	int64_t now = NOW;

	(void)state;
	breaker_init(&b);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		int wait;

		assert_int_equal(breaker_ask(&b, now), 0);
		wait = breaker_failed(&b, now);
		assert_in_range(wait, want[i] * 3 / 4, want[i]);
		now += wait;
	}
}

static void late_failures_add_nothing(void **state)
{
	struct breaker b;
	int wait;

	(void)state;
	breaker_init(&b);
	wait = breaker_failed(&b, NOW);
	assert_int_equal(breaker_failed(&b, NOW + 10), wait - 10);
	assert_int_equal(breaker_failed(&b, NOW + 20), wait - 20);
	assert_int_equal(breaker_failed(&b, NOW + 5000), 0);
}

static void attempts_back_off(void **state)
{
	(void)state;
	assert_int_equal(backoff_seconds(0), 1);
	assert_int_equal(backoff_seconds(1), 1);
	for (uint32_t i = 2; i < 40; i++)
		assert_in_range(backoff_seconds(i), i < 7 ? (1 << (i - 1)) * 3 / 4 : 45,
			i < 7 ? 1 << (i - 1) : 60);
	assert_in_range(backoff_seconds(UINT32_MAX), 45, 60);
}

static void a_clock_may_not_run_back(void **state)
{
	struct clock_guard g;
	char reason[240] = "";

	(void)state;
	clock_guard_init(&g);
	assert_true(clock_guard_forward(&g, 100, 100, reason, sizeof(reason)));
	assert_true(clock_guard_forward(&g, 100, 102, reason, sizeof(reason)));
	assert_false(clock_guard_forward(&g, 100, 103, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "reception"));
	clock_guard_sealed(&g, 1000);
	clock_guard_sealed(&g, 900); /* a slower thread */
	assert_true(clock_guard_forward(&g, 998, 0, reason, sizeof(reason)));
	assert_false(clock_guard_forward(&g, 997, 0, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "the last seal"));
	assert_true(clock_guard_forward(&g, 1001, 0, reason, sizeof(reason)));
}

static void a_clock_must_agree_with_the_authority(void **state)
{
	char reason[240] = "";

	(void)state;
	assert_true(clock_guard_agrees(1000, 1300, 300, reason, sizeof(reason)));
	assert_true(clock_guard_agrees(1000, 700, 300, reason, sizeof(reason)));
	assert_string_equal(reason, "");
	assert_false(clock_guard_agrees(1000, 1301, 300, reason, sizeof(reason)));
	assert_false(clock_guard_agrees(1000, 699, 300, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "authority"));
	assert_false(clock_guard_agrees(1000, 0, 300, reason, sizeof(reason)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_lets_everyone_try),
		cmocka_unit_test(open_lets_one_probe),
		cmocka_unit_test(delays_double_up_to_a_minute),
		cmocka_unit_test(late_failures_add_nothing),
		cmocka_unit_test(attempts_back_off),
		cmocka_unit_test(a_clock_may_not_run_back),
		cmocka_unit_test(a_clock_must_agree_with_the_authority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
