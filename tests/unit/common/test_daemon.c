/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/daemon.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/daemon-XXXXXX";
static int manager = -1;

/* A manager that listens as systemd does. */
static int setup(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", folder);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setenv("NOTIFY_SOCKET", sa.sun_path, 1);
	return 0;
}

static int teardown(void **state)
{
	char path[PATH_MAX];

	(void)state;
	snprintf(path, sizeof(path), "%s/notify", folder);
	unlink(path);
	rmdir(folder);
	close(manager);
	return 0;
}

static void watch(const char *usec)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	if (usec)
		setenv("WATCHDOG_USEC", usec, 1);
	else
		unsetenv("WATCHDOG_USEC");
}

/* How often the daemon said that it is alive. */
static int heard(void)
{
	char text[64] = "";
	int count = 0;

	while (recv(manager, text, sizeof(text) - 1, 0) > 0) {
		assert_string_equal(text, "WATCHDOG=1");
		count++;
	}
	return count;
}

static void test_waits_are_cut(void **state)
{
	(void)state;
	watch("300000");
	assert_int_equal(daemon_alive_within(-1), 100);
	assert_int_equal(daemon_alive_within(50), 50);
	assert_int_equal(daemon_alive_within(5000), 100);
	watch(NULL);
	assert_int_equal(daemon_alive_within(-1), -1);
	assert_int_equal(daemon_alive_within(5000), 5000);
}

static void test_a_long_wait_is_alive(void **state)
{
	int ends[2];
	struct daemon d = { .stop_fd = -1, .socket = -1 };
	int64_t before = clock_monotonic_ms();

	(void)state;
	assert_int_equal(pipe(ends), 0);
	d.stop_fd = ends[0];
	watch("60000");
	assert_false(daemon_wait(&d, 200));
	assert_true(clock_monotonic_ms() - before >= 200);
	assert_true(heard() >= 3);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(daemon_wait(&d, 100000));
	assert_true(daemon_wait(&d, -1));
	watch(NULL);
	heard();
	assert_true(daemon_wait(&d, -1));
	assert_int_equal(heard(), 0);
	close(ends[0]);
	close(ends[1]);
}

static void test_who_accepts_is_alive(void **state)
{
	int ends[2];
	struct daemon d = { .socket = -1 };

	(void)state;
	assert_int_equal(pipe(ends), 0);
	d.stop_fd = ends[0];
	assert_int_equal(write(ends[1], "x", 1), 1);
	watch("60000000");
	assert_int_equal(daemon_accept(&d, 0), -1);
	assert_int_equal(heard(), 1);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_are_cut),
		cmocka_unit_test(test_a_long_wait_is_alive),
		cmocka_unit_test(test_who_accepts_is_alive),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
