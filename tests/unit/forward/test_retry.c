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
		cmocka_unit_test(test_zeroed_attempt_records_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
