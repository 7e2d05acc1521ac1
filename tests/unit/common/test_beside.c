/* SPDX-License-Identifier: EUPL-1.2 */
/* Processes beside a daemon: so many and no more, and its end waits for theirs. */
#include "common/beside.h"
#include "policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A process that ends when the pipe's other end is closed; ret_gate is that end. */
static void start_waiting(struct beside *b, const char *whose, int *ret_gate)
{
	int ends[2];
	char octet;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = beside_start(b, whose);
	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &octet, 1) == 0 ? 0 : 1);
	}
	assert_true(pid > 0);
	close(ends[0]);
	*ret_gate = ends[1];
}

/* A process that lets the one before it go, and ends itself. */
static void start_releasing(struct beside *b, int gate)
{
	pid_t pid = beside_start(b, "");

	if (pid == 0) {
		close(gate);
		_exit(0);
	}
	assert_true(pid > 0);
	close(gate);
}

static void test_no_more_than_it_may_have(void **state)
{
	struct beside b = { .most = 1 };
	int gate;

	(void)state;
	start_waiting(&b, "", &gate);
	assert_int_equal(beside_start(&b, ""), -EBUSY);
	close(gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
	start_waiting(&b, "", &gate);
	close(gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
}

static void test_the_end_waits(void **state)
{
	struct beside b = { .most = 2 };
	int gate;

	(void)state;
	start_waiting(&b, "", &gate);
	assert_int_equal(beside_finish(&b, 1), 1);
	start_releasing(&b, gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
	assert_int_equal(beside_finish(&b, 10000), 0);
}

/* Whoever's ends, the others' stay theirs. */
static void test_whose_they_are(void **state)
{
	struct beside b = { .most = BESIDE_MAX + 1 };
	int gates[BESIDE_MAX];
	siginfo_t ended;

	(void)state;
	for (unsigned int i = 0; i < BESIDE_MAX; i++) {
		assert_false(beside_full(&b));
		start_waiting(&b, i % 2 ? "ana" : "bert", &gates[i]);
		assert_int_equal(beside_of(&b, "bert"), i / 2 + 1);
		assert_int_equal(beside_of(&b, "ana"), (i + 1) / 2);
	}
	assert_true(beside_full(&b));
	/* The last one's, which no other process has, too. */
	close(gates[BESIDE_MAX - 1]);
	assert_int_equal(waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT), 0);
	assert_false(beside_full(&b));
	assert_int_equal(beside_of(&b, "bert"), BESIDE_MAX / 2);
	assert_int_equal(beside_of(&b, "ana"), BESIDE_MAX / 2 - 1);
	for (unsigned int i = 0; i + 1 < BESIDE_MAX; i++)
		close(gates[i]);
	assert_int_equal(beside_finish(&b, 10000), 0);
	assert_int_equal(beside_of(&b, "ana"), 0);
}

/* The longest name that policy takes counts whole, and a longer one is nobody's. */
static void test_no_name_is_cut_short(void **state)
{
	char longest[BESIDE_WHOSE + 1];
	struct beside b = { .most = 2 };
	int gate;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[BESIDE_WHOSE] = '\0';
	assert_int_equal(beside_start(&b, longest), -ENAMETOOLONG);
	assert_int_equal(b.count, 0);
	longest[BESIDE_WHOSE - 1] = '\0';
	start_waiting(&b, longest, &gate);
	assert_int_equal(beside_of(&b, longest), 1);
	longest[BESIDE_WHOSE - 2] = '\0';
	assert_int_equal(beside_of(&b, longest), 0);
	close(gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
	assert_true(BESIDE_WHOSE >= sizeof((struct operator_person){ 0 }.name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_more_than_it_may_have),
		cmocka_unit_test(test_the_end_waits),
		cmocka_unit_test(test_whose_they_are),
		cmocka_unit_test(test_no_name_is_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
