/* SPDX-License-Identifier: EUPL-1.2 */
/* Requests that wait for another person: the second one's runs, and nobody's many
 * requests take the place of another person's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/admin.h"

#include <stdio.h>

static void test_two_people(void **state)
{
	char first[64] = "";

	(void)state;
	assert_false(second_person("one", "ana", first, sizeof(first)));
	assert_false(second_person("one", "ana", first, sizeof(first)));
	assert_true(second_person("one", "bert", first, sizeof(first)));
	assert_string_equal(first, "ana");
	assert_false(second_person("one", "bert", first, sizeof(first)));
	assert_true(second_person("one", "ana", first, sizeof(first)));
}

static void test_many_of_one_person(void **state)
{
	char digest[32], first[64] = "";

	(void)state;
	assert_false(second_person("hers", "ana", first, sizeof(first)));
	assert_false(second_person("hers, too", "ana", first, sizeof(first)));
	for (int i = 0; i < 100; i++) {
		snprintf(digest, sizeof(digest), "%d", i);
		assert_false(second_person(digest, "mallory", first, sizeof(first)));
	}
	assert_true(second_person("hers", "bert", first, sizeof(first)));
	assert_true(second_person("hers, too", "bert", first, sizeof(first)));
	assert_string_equal(first, "ana");
	/* Two of the many are left. */
	for (int i = 0, left = 0; i < 100; i++) {
		snprintf(digest, sizeof(digest), "%d", i);
		left += second_person(digest, "bert", first, sizeof(first));
		if (i == 99)
			assert_int_equal(left, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_people),
		cmocka_unit_test(test_many_of_one_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
