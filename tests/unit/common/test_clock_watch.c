/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/clock_watch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_what_was_said_counts(void **state)
{
	char folder[] = "/tmp/clock-XXXXXX", path[PATH_MAX], reason[160] = "";
	struct timespec old[2] = { 0 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_false(clock_watch_trusts(folder, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "not known"));
	assert_int_equal(clock_watch_tell(folder, false), 0);
	assert_false(clock_watch_trusts(folder, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "not synchronised"));
	assert_int_equal(clock_watch_tell(folder, true), 0);
	assert_true(clock_watch_trusts(folder, reason, sizeof(reason)));
	snprintf(path, sizeof(path), "%s/" CLOCK_WATCH_FILE, folder);
	old[0].tv_sec = old[1].tv_sec = clock_now() - CLOCK_WATCH_FRESH_S - 5;
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_false(clock_watch_trusts(folder, reason, sizeof(reason)));
	old[0].tv_sec = old[1].tv_sec = clock_now() + CLOCK_WATCH_FRESH_S + 5;
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_false(clock_watch_trusts(folder, reason, sizeof(reason)));
	unlink(path);
	rmdir(folder);
}

static void test_nobody_watches(void **state)
{
	char reason[160];

	(void)state;
	assert_true(clock_watch_trusts("", reason, sizeof(reason)));
	assert_true(clock_watch_trusts("/nonexistent/folder", reason, sizeof(reason)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_said_counts),
		cmocka_unit_test(test_nobody_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
