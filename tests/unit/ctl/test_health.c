/* SPDX-License-Identifier: EUPL-1.2 */
/* What ends a health check decides nothing that the check did not find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/appliance/appliance.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a check ends whose manager is `manager` (0: us), when we send it a signal. */
static int ended(pid_t manager, int number)
{
	int ready[2], status = -1;
	pid_t child, us = getpid();
	char c = 0;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		(void)alarm(30);
		appliance_health_stops(manager ? manager : us);
		if (write(ready[1], &c, 1) != 1)
			_exit(99);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(number > 0 ? kill(child, number)
				    : sigqueue(child, -number, (union sigval){ 0 }),
		0);
	assert_int_equal(waitpid(child, &status, 0), child);
	close(ready[0]);
	close(ready[1]);
	return status;
}

static void test_who_ends_it(void **state)
{
	char text[16];
	int status;

	(void)state;
	status = ended(0, SIGTERM);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), APPLIANCE_STOPPED);
	(void)snprintf(text, sizeof(text), "%d", WEXITSTATUS(status));
	assert_string_equal(text, APPLIANCE_STOPPED_TEXT);
	status = ended(1, SIGTERM);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
	/* not by kill(2): who sends may then say what it likes of itself */
	status = ended(0, -SIGTERM);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EXIT_FAILURE);
}

static void test_what_fails(void **state)
{
	(void)state;
	assert_false(appliance_health_failed("success", "0"));
	assert_false(appliance_health_failed("success", NULL)); /* never begun */
	assert_false(appliance_health_failed("exit-code", APPLIANCE_STOPPED_TEXT));
	assert_true(appliance_health_failed("exit-code", "1"));
	assert_true(appliance_health_failed("exit-code", NULL));
	assert_false(appliance_health_failed("signal", "TERM")); /* as it began */
	assert_true(appliance_health_failed("signal", "KILL"));
	assert_true(appliance_health_failed("signal", "ALRM"));
	assert_true(appliance_health_failed("signal", NULL));
	assert_true(appliance_health_failed("exit-code", "TERM"));
	assert_true(appliance_health_failed("signal", APPLIANCE_STOPPED_TEXT));
	assert_true(appliance_health_failed(NULL, NULL));
}

static void test_what_is_waited_for(void **state)
{
	int64_t lacks = 0, now = 5000;

	(void)state;
	assert_false(appliance_health_waits(0, now, &lacks));
	assert_false(appliance_health_waits(1, now, &lacks));
	assert_true(appliance_health_waits(APPLIANCE_WAITS, now, &lacks));
	assert_true(lacks == 0);
	assert_true(appliance_health_waits(APPLIANCE_LACKS, now, &lacks));
	now += APPLIANCE_LACKS_MS - 1;
	assert_true(appliance_health_waits(APPLIANCE_LACKS, now, &lacks));
	now++;
	assert_false(appliance_health_waits(APPLIANCE_LACKS, now, &lacks));
	assert_true(appliance_health_waits(APPLIANCE_WAITS, now, &lacks));
	assert_false(appliance_health_waits(APPLIANCE_LACKS, now, &lacks));
}

static void refused(const char *text, bool is)
{
	json_t *note = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(note);
	assert_true((appliance_refused(note) != NULL) == is);
	json_decref(note);
}

static void test_what_serves(void **state)
{
	(void)state;
	refused("{\"believed\":true,\"refused\":null}", false);
	refused("{\"believed\":true,\"refused\":\"too old\"}", true);
	refused("{\"believed\":false,\"refused\":null}", true);
	refused("{\"believed\":1,\"refused\":null}", true);
	refused("{\"believed\":true}", true);
	refused("{\"refused\":null}", true);
	refused("{}", true);
	refused("[]", true);
	refused("null", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_ends_it),
		cmocka_unit_test(test_what_fails),
		cmocka_unit_test(test_what_is_waited_for),
		cmocka_unit_test(test_what_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
