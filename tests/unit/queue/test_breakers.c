/* SPDX-License-Identifier: EUPL-1.2 */
/* What is said of destinations' breakers is what is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "queue/breakers.h"

#include <stdio.h>

static void newest_is_told(void **state)
{
	static struct breakers b;
	struct breaker_told told = { .destination = "traces",
		.state = BREAKER_OPEN,
		.since = 1780660800,
		.trial = 1780660860 };
	_cleanup_json_ json_t *all = NULL;
	json_t *one;

	(void)state;
	assert_true(breakers_tell(&b, &told));
	all = breakers_to_json(&b);
	one = json_object_get(all, "traces");
	assert_string_equal(json_string_of(one, "state"), "open");
	assert_string_equal(json_string_of(one, "since"), "2026-06-05T12:00:00Z");
	assert_string_equal(json_string_of(one, "next_trial"), "2026-06-05T12:01:00Z");
	json_decref(all);
	told.state = BREAKER_RAMPING;
	assert_true(breakers_tell(&b, &told));
	all = breakers_to_json(&b);
	assert_int_equal(json_object_size(all), 1);
	one = json_object_get(all, "traces");
	assert_string_equal(json_string_of(one, "state"), "ramping");
	assert_null(json_object_get(one, "next_trial"));
}

static void bounds(void **state)
{
	static struct breakers b;
	struct breaker_told told = { .state = BREAKER_CLOSED };

	(void)state;
	assert_false(breakers_tell(&b, &told)); /* of nothing */
	for (int i = 0; i <= BREAKERS_MAX; i++) {
		snprintf(told.destination, sizeof(told.destination), "d%d", i);
		assert_int_equal(breakers_tell(&b, &told), i < BREAKERS_MAX);
	}
	snprintf(told.destination, sizeof(told.destination), "d7");
	assert_true(breakers_tell(&b, &told));
	told.state = BREAKER_STATES;
	assert_false(breakers_tell(&b, &told));
	told.state = BREAKER_NONE;
	assert_false(breakers_tell(&b, &told));
}

/* A policy has had other destinations before: they make no room scarce, and nobody is
 * told of them. */
static void of_another_run(void **state)
{
	static struct breakers b;
	struct breaker_told told = { .state = BREAKER_CLOSED };
	_cleanup_json_ json_t *all = NULL;

	(void)state;
	for (uint32_t run = 1; run <= 3; run++)
		for (int i = 0; i < BREAKERS_MAX; i++) {
			told.crew = run;
			snprintf(told.destination, sizeof(told.destination), "r%u-d%d",
				run, i);
			assert_true(breakers_tell(&b, &told));
		}
	told.crew = 4;
	told.state = BREAKER_STATES;
	assert_false(breakers_tell(&b, &told)); /* which is no word of it */
	assert_int_equal(b.count, BREAKERS_MAX);
	told.state = BREAKER_CLOSED;
	snprintf(told.destination, sizeof(told.destination), "traces");
	assert_true(breakers_tell(&b, &told));
	all = breakers_to_json(&b);
	assert_int_equal(json_object_size(all), 1);
	assert_non_null(json_object_get(all, "traces"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newest_is_told),
		cmocka_unit_test(bounds),
		cmocka_unit_test(of_another_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
