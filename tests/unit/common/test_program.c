/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/program.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void beside(void **state)
{
	char path[PATH_MAX];
	const char *end = "/common/test_program";

	(void)state;
	assert_int_equal(program_beside("test_program", path), 0);
	assert_true(strlen(path) > strlen(end));
	assert_string_equal(path + strlen(path) - strlen(end), end);
}

static void not_there(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(program_beside("no-program-of-this-name", path), -ENOENT);
}

static void too_long(void **state)
{
	char path[PATH_MAX], name[PATH_MAX];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(program_beside(name, path), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beside),
		cmocka_unit_test(not_there),
		cmocka_unit_test(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
