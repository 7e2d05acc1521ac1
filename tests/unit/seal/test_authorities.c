/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/authorities.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants the above */
#include <cmocka.h>

static char FOLDER[] = "/tmp/sealgate-authorities-XXXXXX";
static struct instance INSTANCE;

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", FOLDER, name);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static int set_up(void **state)
{
	static const char *const names[] = { "policies", "policies/signature", "state",
		"state/seal", "run" };
	char *error = NULL;

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", FOLDER, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put("sealgate.conf", "seal = { tsa_url = \"http://127.0.0.1:9/one\"; };\n");
	assert_int_equal(instance_open(FOLDER, &INSTANCE, &error), 0);
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	instance_done(&INSTANCE);
	(void)snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

static void open_with(struct authorities *a, const char *text)
{
	char *error = NULL;

	put(AUTHORITIES_FILE, text);
	if (authorities_open(a, &INSTANCE, &error) < 0)
		fail_msg("%s", error);
}

static int next(struct authorities *a, unsigned int tried)
{
	char reason[200] = "";
	int i = authorities_next(a, tried, reason, sizeof(reason));

	assert_true(i >= 0 || reason[0] || tried);
	return i;
}

static void without_a_file_there_is_one(void **state)
{
	struct authorities a;
	char *error = NULL;

	(void)state;
	assert_int_equal(authorities_open(&a, &INSTANCE, &error), 0);
	assert_int_equal(a.count, 1);
	assert_string_equal(a.list[0].url, "http://127.0.0.1:9/one");
	assert_int_equal(next(&a, 0), 0);
	assert_int_equal(next(&a, 1), -1);
}

static void bad_files(void **state)
{
	static const char *const CASES[][2] = {
		{ "", "authorities" },
		{ "authorities = ();", "no authority" },
		{ "authorities = ( { name = \"a\"; } );", "url" },
		{ "authorities = ( { name = \"a\"; url = \"ftp://a/\"; } );", "http" },
		{ "authorities = ( { name = \"a b\"; url = \"http://a/\"; } );", "name" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; policy = \"1\"; "
		  "} "
		  ");",
			"dotted" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; policy = "
		  "\"1.02.3\"; } );",
			"dotted" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; max_skew_s = "
		  "301; "
		  "} );",
			"max_skew_s" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; per_day = 0; } "
		  ");",
			"per_day" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; }, { name = "
		  "\"a\"; url = \"http://b/\"; } );",
			"twice" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; } );\ncolour = "
		  "1;",
			"colour" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; } );\n"
		  "alarm_after_s = 0;",
			"alarm_after_s" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; } );\n"
		  "batch = { documents = 257; wait_ms = 1; seal = \"T\"; };",
			"documents" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; } );\n"
		  "batch = { documents = 2; wait_ms = 5001; seal = \"T\"; };",
			"wait_ms" },
		{ "authorities = ( { name = \"a\"; url = \"http://a/\"; } );\n"
		  "batch = { documents = 2; wait_ms = 1; seal = \"LT\"; };",
			"seal" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct authorities a;
		char *error = NULL;

		put(AUTHORITIES_FILE, CASES[i][0]);
		assert_int_equal(authorities_open(&a, &INSTANCE, &error), -EINVAL);
		assert_non_null(error);
		if (!strstr(error, CASES[i][1]))
			fail_msg("%s: %s", CASES[i][0], error);
		free(error);
	}
}

#define THREE                                                                            \
	"authorities = ( { name = \"a\"; url = \"http://a/\"; },"                        \
	" { name = \"b\"; url = \"http://b/\"; policy = \"1.2.3\"; max_skew_s = 5; },"   \
	" { name = \"c\"; url = \"http://c/\"; } );\nalarm_after_s = 50;\n"

/* In their order; who does not answer is asked after those who do, and when none does,
 * all are. */
static void who_answers_is_asked_first(void **state)
{
	struct authorities a;

	(void)state;
	open_with(&a, THREE);
	assert_int_equal(a.list[1].max_skew_s, 5);
	assert_string_equal(a.list[1].policy, "1.2.3");
	assert_int_equal(next(&a, 0), 0);
	authorities_said(&a, 0, TSA_SILENT, "silent");
	assert_int_equal(next(&a, 1), 1);
	authorities_said(&a, 1, TSA_GRANTED, "");
	assert_int_equal(next(&a, 0), 1); /* the next document does not wait for a */
	authorities_said(&a, 1, TSA_WRONG, "wrong");
	assert_int_equal(next(&a, 0), 2);
	authorities_said(&a, 2, TSA_REFUSED, "refused");
	/* Of those in back-off, the one whose back-off ends first. */
	assert_int_equal(next(&a, 0), 0);
	assert_int_equal(next(&a, 1), 1);
	assert_int_equal(next(&a, 3), 2);
	assert_int_equal(next(&a, 7), -1);
	authorities_said(&a, 0, TSA_GRANTED, "");
	assert_int_equal(next(&a, 0), 0);
}

static void back_off_grows_and_ends(void **state)
{
	struct authorities a;
	int before = 0;

	(void)state;
	open_with(&a, THREE);
	for (int i = 0; i < 20; i++) {
		authorities_said(&a, 0, TSA_SILENT, "");
		assert_true(a.list[0].delay_ms >= before && a.list[0].delay_ms <= 60000);
		before = a.list[0].delay_ms;
	}
	assert_int_equal(before, 60000);
	authorities_said(&a, 0, TSA_STOPPED, "");
	assert_int_equal(a.list[0].delay_ms, 60000);
	authorities_said(&a, 0, TSA_GRANTED, "");
	assert_int_equal(a.list[0].delay_ms, 0);
}

#define FEW                                                                              \
	"authorities = ( { name = \"few\"; url = \"http://a/\"; per_day = 150; },"       \
	" { name = \"minute\"; url = \"http://b/\"; per_minute = 2; } );\n"

/* A quota is of the day, whatever ends the program in between: what was reserved and not
 * used is lost, never more is used. */
static void quotas_outlive_the_program(void **state)
{
	struct authorities a;
	int made = 0;

	(void)state;
	open_with(&a, FEW);
	for (int i = 0; i < 10; i++)
		made += next(&a, 0) == 0;
	assert_int_equal(made, 10);
	open_with(&a, FEW); /* a new process: 100 were reserved, 50 are left */
	while (next(&a, 2) == 0)
		made++;
	assert_int_equal(made, 60);
	assert_int_equal(next(&a, 0), 1);
	assert_int_equal(next(&a, 0), 1);
	assert_int_equal(next(&a, 0), -1);
	open_with(&a, FEW);
	assert_int_equal(next(&a, 2), -1);
	a.list[0].day--; /* yesterday's */
	assert_int_equal(next(&a, 2), 0);
}

static void a_quota_that_cannot_be_written_is_not_used(void **state)
{
	struct authorities a;

	(void)state;
	open_with(&a, FEW);
	a.list[0].day--;
	(void)snprintf(a.usage, sizeof(a.usage), "%s/none/tsa.json", FOLDER);
	assert_int_equal(next(&a, 2), -1);
}

static void the_usage_is_shown(void **state)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_(freep) uint8_t *text = NULL;
	struct authorities a;
	const json_t *first;
	char path[PATH_MAX];
	size_t len;

	(void)state;
	open_with(&a, FEW);
	a.list[0].day--;
	assert_int_equal(next(&a, 2), 0);
	authorities_said(&a, 0, TSA_WRONG, "the token answers another request");
	(void)snprintf(path, sizeof(path), "%s/" AUTHORITIES_USAGE, FOLDER);
	assert_int_equal(file_read(path, 65536, &text, &len), 0);
	json = json_read(span_of(text, len), 65536);
	first = json_array_get(json_object_get(json, "authorities"), 0);
	assert_string_equal(json_string_of(first, "name"), "few");
	assert_string_equal(json_string_of(first, "last"), "wrong");
	assert_string_equal(
		json_string_of(first, "reason"), "the token answers another request");
	assert_int_equal(json_integer_value(json_object_get(first, "used")), 100);
	assert_int_equal(json_integer_value(json_object_get(first, "per_day")), 150);
}

static void the_want_of_stamps_is_counted_down(void **state)
{
	struct authorities a;
	bool first;

	(void)state;
	open_with(&a, THREE);
	assert_in_range(authorities_countdown(&a, &first), 49, 50);
	assert_false(first);
	a.missing_since -= 51000;
	assert_true(authorities_countdown(&a, &first) < 0);
	assert_true(first);
	assert_true(authorities_countdown(&a, &first) < 0);
	assert_false(first);
	authorities_said(&a, 0, TSA_GRANTED, "");
	assert_in_range(authorities_countdown(&a, &first), 49, 50);
	assert_false(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_there_is_one),
		cmocka_unit_test(bad_files),
		cmocka_unit_test(who_answers_is_asked_first),
		cmocka_unit_test(back_off_grows_and_ends),
		cmocka_unit_test(quotas_outlive_the_program),
		cmocka_unit_test(a_quota_that_cannot_be_written_is_not_used),
		cmocka_unit_test(the_usage_is_shown),
		cmocka_unit_test(the_want_of_stamps_is_counted_down),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
