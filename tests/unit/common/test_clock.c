/* SPDX-License-Identifier: EUPL-1.2 */
/* RFC 3339 times, read strictly and written in UTC. */
#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct sample {
	const char *text;
	int64_t t;
};

static void test_parse(void **state)
{
	static const struct sample GOOD[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-06-05T12:00:00Z", 1780660800 },
		{ "2026-06-05T12:00:00.999Z", 1780660800 },
		{ "2026-06-05T14:00:00+02:00", 1780660800 },
		{ "2026-06-05T00:00:00-12:00", 1780660800 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2016-12-31T23:59:60Z", 1483228800 },
		{ "1969-12-31T23:59:59Z", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
		int64_t t = 42;

		assert_int_equal(clock_parse(GOOD[i].text, &t), 0);
		assert_int_equal(t, GOOD[i].t);
	}
}

static void test_refused(void **state)
{
	static const char *const BAD[] = { "", "2026-06-05", "2026-06-05T12:00:00",
		"2026-06-05 12:00:00Z", "2026-06-05T12:00Z", "2026-06-05T12:00:00z",
		"2026-06-05T12:00:00Zx", " 2026-06-05T12:00:00Z", "2026-06-05T12:00:00.Z",
		"2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-06-05T24:00:00Z",
		"2026-06-05T12:60:00Z", "2026-06-05T12:00:61Z",
		"2026-06-05T12:00:00+2:00", "2026-06-05T12:00:00+15:00",
		"2026-06-05T12:00:00+02:60", "2026-06-05T12:00:00+0200",
		"+2026-06-05T12:00:00Z" };

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		int64_t t = 42;

		if (clock_parse(BAD[i], &t) != -EINVAL)
			fail_msg("accepted: %s", BAD[i]);
		assert_int_equal(t, 42);
	}
}

static void test_format(void **state)
{
	char text[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format(1780660800, text);
	assert_string_equal(text, "2026-06-05T12:00:00Z");
	clock_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	clock_format(253402300800, text); /* year 10000 */
	assert_string_equal(text, "0000-00-00T00:00:00Z");
	clock_format(INT64_MAX, text);
	assert_string_equal(text, "0000-00-00T00:00:00Z");
	clock_format(INT64_MIN, text);
	assert_string_equal(text, "0000-00-00T00:00:00Z");
}

static void test_clocks(void **state)
{
	int64_t a = clock_monotonic_ms(), b = clock_monotonic_ms();

	(void)state;
	assert_true(b >= a);
	assert_true(clock_now() > 1700000000);
	assert_true(clock_now_us() / 1000000 - clock_now() <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
