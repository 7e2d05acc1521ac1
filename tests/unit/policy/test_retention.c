/* SPDX-License-Identifier: EUPL-1.2 */
/* Periods of retention as policy: read, bounded by the law, and absent for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY 86400

static int folder_new(void **state)
{
	static char dir[64];

	memcpy(dir, "/tmp/retention-XXXXXX", sizeof("/tmp/retention-XXXXXX"));
	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int folder_remove(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/retention.cfg", (const char *)*state);
	unlink(path);
	return rmdir(*state);
}

static int load(const char *dir, const char *text, struct policy **ret, char **ret_error)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/retention.cfg", dir);
	if (text)
		assert_int_equal(durable_write(path, span_str(text), 0644), 0);
	*ret = NULL;
	return policy_load(dir, ret, ret_error);
}

static void without_a_file_for_ever(void **state)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(freep) char *error = NULL;

	assert_int_equal(load(*state, NULL, &p, &error), 0);
	assert_int_equal(policy_retention(p)->other_s, 0);
	assert_int_equal(policy_retention(p)->refused_s, 0);
	assert_int_equal(policy_retention(p)->rule_count, 0);
}

static void types_by_name(void **state)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(freep) char *error = NULL;
	const struct policy_retention *r;

	assert_int_equal(load(*state,
				 "documents_days = 3652;\nrefused_days = 30;\ntypes = (\n"
				 " { types = ( \"PHYTO\", \"EXPORT\" ); days = 1096; },\n"
				 " { types = ( \"COI\" ); days = 2000; } );\n",
				 &p, &error),
		0);
	r = policy_retention(p);
	assert_int_equal(r->other_s, INT64_C(3652) * DAY);
	assert_int_equal(r->refused_s, 30 * DAY);
	assert_int_equal(r->rule_count, 3);
	assert_string_equal(r->rules[1].type, "EXPORT");
	assert_int_equal(r->rules[1].seconds, 1096 * DAY);
	assert_int_equal(r->rules[2].seconds, 2000 * DAY);
}

static void the_law_bounds_them(void **state)
{
	static const struct {
		const char *text, *what;
	} CASES[] = {
		{ "documents_days = 1095; refused_days = 30;", "1096 to 3652" },
		{ "documents_days = 3653; refused_days = 30;", "1096 to 3652" },
		{ "documents_days = 1096; refused_days = 0;", "1 to 3652" },
		{ "documents_days = 1096;", "refused_days" },
		{ "documents_days = 1096; refused_days = 9; years = 3;", "years" },
		{ "documents_days = 1096; refused_days = 9;\n"
		  "types = ( { types = ( \"COI\" ); days = 30; } );",
			"1096 to 3652" },
		{ "documents_days = 1096; refused_days = 9;\n"
		  "types = ( { types = ( \"COI\" ); days = 1096; },\n"
		  " { types = ( \"COI\" ); days = 1097; } );",
			"two periods" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		_cleanup_(freep) char *error = NULL;
		struct policy *p;

		assert_int_equal(load(*state, CASES[i].text, &p, &error), -EINVAL);
		assert_non_null(error);
		if (!strstr(error, CASES[i].what) || !strstr(error, "retention.cfg"))
			fail_msg("\"%s\" does not say \"%s\"", error, CASES[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_a_file_for_ever, folder_new, folder_remove),
		cmocka_unit_test_setup_teardown(types_by_name, folder_new, folder_remove),
		cmocka_unit_test_setup_teardown(
			the_law_bounds_them, folder_new, folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
