/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "forward/forward.h"

static const struct profile PROFILE = { .retry_first_s = 2, .retry_max_s = 100 };

static void test_delay_doubles_to_its_maximum(void **state)
{
	(void)state;
	assert_int_equal(retry_delay(&PROFILE, 1, 0), 2);
	assert_int_equal(retry_delay(&PROFILE, 2, 0), 4);
	assert_int_equal(retry_delay(&PROFILE, 6, 0), 64);
	assert_int_equal(retry_delay(&PROFILE, 7, 0), 100);
	assert_int_equal(retry_delay(&PROFILE, UINT32_MAX, 0), 100);
}

static void test_jitter_is_at_most_a_quarter(void **state)
{
	(void)state;
	for (uint32_t random = 0; random < 1000; random++) {
		int64_t delay = retry_delay(&PROFILE, 7, random * 2654435761u);

		assert_in_range(delay, 100, 125);
	}
}

/* Ten days, attempts at most 126 s apart: 864000 / (2 * 126) of them at the least. */
static void test_a_clock_set_ahead_expires_nothing(void **state)
{
	static const struct profile p = {
		.retry_first_s = 2, .retry_max_s = 100, .expire_s = 864000
	};
	struct queue_claim c = { .first_try = 1000000, .attempt = 100000 };
	int64_t late = c.first_try + p.expire_s + 1;

	(void)state;
	assert_true(retry_is_over(&p, &c, late));
	assert_false(retry_is_over(&p, &c, late - 1));
	c.attempt = 3428;
	assert_true(retry_is_over(&p, &c, late));
	c.attempt = 3427;
	assert_false(retry_is_over(&p, &c, late));
	c.attempt = 3;
	assert_false(retry_is_over(&p, &c, late + 100 * 86400));
	c.attempt = 100000;
	assert_false(retry_is_over(&p, &c, 0));
	c.first_try = 0;
	assert_false(retry_is_over(&p, &c, late));
}

static void test_zeroed_attempt_records_nothing(void **state)
{
	struct delivery_attempt a = { 0 };

	(void)state;
	assert_int_equal(a.state, DELIVERY_NONE);
	attempt_set(&a, DELIVERY_DEFERRED, "HTTP %d", 503);
	assert_int_equal(a.state, DELIVERY_DEFERRED);
	assert_string_equal(a.detail, "HTTP 503");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay_doubles_to_its_maximum),
		cmocka_unit_test(test_jitter_is_at_most_a_quarter),
		cmocka_unit_test(test_a_clock_set_ahead_expires_nothing),
		cmocka_unit_test(test_zeroed_attempt_records_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
