/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/clock_watch.h"
#include "common/durable.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An instance, and below it the folder of who watches its clock. */
struct scene {
	char dir[64], folder[80], reason[160];
	struct instance instance;
};

static void open_instance(struct scene *s, const char *watch)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX], text[PATH_MAX];

	instance_done(&s->instance);
	snprintf(path, sizeof(path), "%s/sealgate.conf", s->dir);
	snprintf(text, sizeof(text), "seal = { clock_watch = \"%s\"; };\n", watch);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
	assert_int_equal(instance_open(s->dir, &s->instance, &error), 0);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	snprintf(s->dir, sizeof(s->dir), "/tmp/clock-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->folder, sizeof(s->folder), "%s/watch", s->dir);
	open_instance(s, s->folder);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "watch/" CLOCK_WATCH_FILE, "watch",
		CLOCK_WATCH_SOURCES, "sealgate.conf", "" };
	struct scene *s = *state;
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, names[i]);
		(void)remove(path);
	}
	instance_done(&s->instance);
	free(s);
	return 0;
}

static bool trusts(struct scene *s)
{
	return clock_watch_trusts(&s->instance, s->reason, sizeof(s->reason));
}

static void test_what_was_said_counts(void **state)
{
	struct timespec old[2] = { 0 };
	struct scene *s = *state;
	char path[PATH_MAX];

	assert_int_equal(mkdir(s->folder, 0700), 0);
	assert_false(trusts(s));
	assert_non_null(strstr(s->reason, "not known"));
	assert_int_equal(clock_watch_tell(s->folder, false), 0);
	assert_false(trusts(s));
	assert_non_null(strstr(s->reason, "not synchronised"));
	assert_int_equal(clock_watch_tell(s->folder, true), 0);
	assert_true(trusts(s));
	snprintf(path, sizeof(path), "%s/" CLOCK_WATCH_FILE, s->folder);
	old[0].tv_sec = old[1].tv_sec = clock_now() - CLOCK_WATCH_FRESH_S - 5;
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_false(trusts(s));
	old[0].tv_sec = old[1].tv_sec = clock_now() + CLOCK_WATCH_FRESH_S + 5;
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_false(trusts(s));
}

static void test_nobody_watches(void **state)
{
	struct scene *s = *state;

	assert_true(trusts(s));
	assert_true(clock_watch_trusts(NULL, s->reason, sizeof(s->reason)));
}

/* Whoever is to watch and is not to be seen has said nothing yet. */
static void test_somebody_has_to_watch(void **state)
{
	struct scene *s = *state;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" CLOCK_WATCH_SOURCES, s->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(trusts(s));
	assert_non_null(strstr(s->reason, "not known"));
	assert_int_equal(mkdir(s->folder, 0700), 0);
	assert_false(trusts(s));
	assert_int_equal(clock_watch_tell(s->folder, true), 0);
	assert_true(trusts(s));
	open_instance(s, "");
	assert_true(trusts(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_what_was_said_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_watches, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_somebody_has_to_watch, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
