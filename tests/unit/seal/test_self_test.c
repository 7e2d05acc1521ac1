/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/self_test.h"
#include "seal/self_test.h"
#include "xades/validate.h"

#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "anchored.h"
#include "fakes.h"

static struct daemon DAEMON = { .name = "seal", .socket = -1, .stop_fd = -1 };
static struct fake VERIFY;
static struct seal_house GATE;

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	assert_int_equal(xades_setup(), 0);
	house_open(&HOUSE_OF_TESTS, clock_now());
	make_folders();
	snprintf(DAEMON.instance.dir, sizeof(DAEMON.instance.dir), "%s", FOLDER);
	GATE = (struct seal_house){ .daemon = &DAEMON, .instance_name = "unit" };
	snprintf(GATE.verify_socket, PATH_MAX, "%s/verify", FOLDER);
	fake_open(&VERIFY, &HOUSE_OF_TESTS, GATE.verify_socket, fake_verify);
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	fake_close(&VERIFY);
	house_done(&HOUSE_OF_TESTS);
	snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

static int told(char reason[SELF_TEST_REASON_SIZE])
{
	VERIFY.questions = 0;
	self_test_run(&GATE);
	return self_test_read(&DAEMON.instance, reason);
}

static void whole_and_spoilt_are_told_apart(void **state)
{
	char reason[SELF_TEST_REASON_SIZE] = "";

	(void)state;
	VERIFY.mode = FAKE_GOOD;
	for (int test = 0; test < 2; test++) {
		GATE.test = test;
		assert_int_equal(told(reason), 0);
		assert_int_equal(VERIFY.questions, 2);
	}
}

static void wrong_answers_are_found_out(void **state)
{
	char reason[SELF_TEST_REASON_SIZE];

	(void)state;
	VERIFY.mode = FAKE_FAILED;
	assert_int_equal(told(reason), 1);
	assert_non_null(strstr(reason, "a seal of a self-test: TOTAL-FAILED"));
	VERIFY.mode = FAKE_UNPROVEN;
	assert_int_equal(told(reason), 1);
	assert_string_equal(reason, "a spoilt seal of a self-test is not found out");
}

static void who_does_not_answer_is_asked_again(void **state)
{
	char reason[SELF_TEST_REASON_SIZE] = "";

	(void)state;
	VERIFY.mode = FAKE_HANGS_UP;
	assert_int_equal(self_test_once(&GATE, reason, sizeof(reason)), SELF_TEST_AWAY);
	assert_non_null(strstr(reason, "the verify process"));
	VERIFY.mode = FAKE_HANGS_UP_ONCE;
	assert_int_equal(told(reason), 0);
	assert_int_equal(VERIFY.questions, 3);
}

static void what_was_never_said_is_no_pass(void **state)
{
	char reason[SELF_TEST_REASON_SIZE];

	(void)state;
	assert_int_equal(self_test_tell(&DAEMON.instance, NULL), 0);
	assert_int_equal(self_test_read(&DAEMON.instance, reason), 0);
	assert_int_equal(self_test_forget(&DAEMON.instance), 0);
	assert_int_equal(self_test_forget(&DAEMON.instance), 0);
	assert_int_equal(self_test_read(&DAEMON.instance, reason), -ENOENT);
	assert_non_null(strstr(reason, "no self-test of sealing is known"));
	assert_int_equal(self_test_tell(&DAEMON.instance, ""), 0);
	assert_int_equal(self_test_read(&DAEMON.instance, reason), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_and_spoilt_are_told_apart),
		cmocka_unit_test(wrong_answers_are_found_out),
		cmocka_unit_test(who_does_not_answer_is_asked_again),
		cmocka_unit_test(what_was_never_said_is_no_pass),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
