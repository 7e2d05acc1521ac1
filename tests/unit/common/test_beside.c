/* SPDX-License-Identifier: EUPL-1.2 */
/* Processes beside a daemon: so many and no more, and its end waits for theirs. */
#include "common/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A process that ends when the pipe's other end is closed; ret_gate is that end. */
static void start_waiting(struct beside *b, int *ret_gate)
{
	int ends[2];
	char octet;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = beside_start(b);
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
	pid_t pid = beside_start(b);

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
	start_waiting(&b, &gate);
	assert_int_equal(beside_start(&b), -EBUSY);
	close(gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
	start_waiting(&b, &gate);
	close(gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
}

static void test_the_end_waits(void **state)
{
	struct beside b = { .most = 2 };
	int gate;

	(void)state;
	start_waiting(&b, &gate);
	assert_int_equal(beside_finish(&b, 1), 1);
	start_releasing(&b, gate);
	assert_int_equal(beside_finish(&b, 10000), 0);
	assert_int_equal(beside_finish(&b, 10000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_more_than_it_may_have),
		cmocka_unit_test(test_the_end_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
