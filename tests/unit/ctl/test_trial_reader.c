/* SPDX-License-Identifier: EUPL-1.2 */
/* Who reads a policy that nobody stands for: says what that is, and can do nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "ctl/bundle/trial_reader.h"
#include "ctl/tree_remove.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICIES "policies"

static char work[PATH_MAX] = "/tmp/sealgate-reader-XXXXXX";

static void place(const char *name, char ret[PATH_MAX])
{
	assert_true(snprintf(ret, PATH_MAX, "%s/%s", work, name) < PATH_MAX);
}

/* Its state as the kernel has it. */
static bool is_shut_in(pid_t pid)
{
	char path[64], line[128];
	bool filtered = false, powerless = false;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		filtered |= strcmp(line, "Seccomp:\t2\n") == 0;
		powerless |= strcmp(line, "CapEff:\t0000000000000000\n") == 0;
	}
	if (f)
		fclose(f);
	return filtered && powerless;
}

static void it_says_what_the_policy_says(void **state)
{
	const struct trial_source there = { .bundle = NULL };
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	char expected[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE] = { "" };
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE] = { "" };
	struct trial_reader reader;

	(void)state;
	assert_int_equal(policy_load(POLICIES, &policy, &error), 0);
	assert_int_equal(trial_reader_start(&there, POLICIES, geteuid(), &reader), 0);
	assert_string_equal(reader.digest, policy_digest(policy));
	assert_true(is_shut_in(reader.pid));
	for (int i = 0; i < 3; i++) {
		static const char *const COUNTRIES[] = { "NL", "", "XX" };
		size_t count = policy_route(policy, "PHYTO", COUNTRIES[i], expected);

		assert_int_equal(
			trial_reader_route(&reader, "PHYTO", COUNTRIES[i], names), count);
		for (size_t n = 0; n < count; n++)
			assert_string_equal(names[n], expected[n]);
	}
	assert_int_equal(trial_reader_route(&reader, "PHYTO", "NLX", names), -22);
	trial_reader_end(&reader);
	assert_int_equal(reader.pid, 0);
}

static void it_makes_a_folder_of_a_bundle(void **state)
{
	_cleanup_bundle_ struct bundle bundle = { 0 };
	_cleanup_buf_ struct buf octets;
	struct trial_source source = { .bundle = &bundle };
	struct trial_reader one, other;
	char first[PATH_MAX], second[PATH_MAX];
	char *error = NULL;

	(void)state;
	place("first", first);
	place("second", second);
	assert_int_equal(bundle_of_folder(POLICIES, 1, &bundle, &error), 0);
	buf_init(&octets, BUNDLE_MAX);
	assert_int_equal(bundle_write(&bundle, &octets), 0);
	assert_int_equal(trial_reader_start(&source, first, geteuid(), &one), 0);
	source = (struct trial_source){ .octets = buf_span(&octets) };
	assert_int_equal(trial_reader_start(&source, second, geteuid(), &other), 0);
	assert_string_equal(one.digest, other.digest);
	assert_int_equal(access(second, F_OK), 0);
	trial_reader_end(&one);
	trial_reader_end(&other);
}

static void what_is_no_policy(void **state)
{
	const struct trial_source nothing = { .bundle = NULL };
	const struct trial_source noise = { .octets = span_str("no archive at all") };
	struct trial_reader reader = { .pid = 0 };
	char folder[PATH_MAX];

	(void)state;
	place("absent", folder);
	assert_true(trial_reader_start(&nothing, folder, geteuid(), &reader) < 0);
	assert_true(trial_reader_start(&noise, folder, geteuid(), &reader) < 0);
	assert_int_equal(access(folder, F_OK), -1);
	assert_int_equal(reader.pid, 0);
}

/* Then nothing was decided, and nobody waits. */
static void one_that_ends(void **state)
{
	const struct trial_source there = { .bundle = NULL };
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	struct trial_reader reader;

	(void)state;
	assert_int_equal(trial_reader_start(&there, POLICIES, geteuid(), &reader), 0);
	assert_int_equal(kill(reader.pid, SIGKILL), 0);
	assert_true(trial_reader_route(&reader, "PHYTO", "NL", names) < 0);
	trial_reader_end(&reader);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_what_the_policy_says),
		cmocka_unit_test(it_makes_a_folder_of_a_bundle),
		cmocka_unit_test(what_is_no_policy),
		cmocka_unit_test(one_that_ends),
	};
	int r;

	if (!mkdtemp(work))
		return EXIT_FAILURE;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	tree_remove(work);
	return r;
}
