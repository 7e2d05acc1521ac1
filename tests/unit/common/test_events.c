/* SPDX-License-Identifier: EUPL-1.2 */
/* Nobody who may only read a journal keeps its program from writing, and whoever makes
 * the folders, all may read in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/durable.h"
#include "common/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOUND_S 20

static struct instance instance;

static void path_in(const char *name, char ret[PATH_MAX])
{
	assert_int_equal(instance_path(&instance, name, ret), 0);
}

static int setup(void **state)
{
	static char folder[] = "/tmp/events-XXXXXX";
	char path[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(instance.dir, sizeof(instance.dir), "%s", folder);
	path_in("state", path);
	assert_int_equal(mkdir(path, 0755), 0);
	alarm(BOUND_S); /* what waits without a bound is a failure */
	return 0;
}

static int teardown(void **state)
{
	static const char *const NAMES[] = { EVENTS_FOLDER "/signer/" EVENTS_FILE,
		EVENTS_FOLDER "/signer/lock", EVENTS_FOLDER "/signer", EVENTS_FOLDER,
		"state" };
	char path[PATH_MAX];

	(void)state;
	for (size_t n = 0; n < sizeof(NAMES) / sizeof(NAMES[0]); n++) {
		path_in(NAMES[n], path);
		remove(path);
	}
	return rmdir(instance.dir);
}

static int note(void)
{
	return events_note(&instance, "signer", "key.work", json_object());
}

static mode_t mode_of(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	path_in(name, path);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static int held(const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	path_in(name, path);
	fd = open(path, flags | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

static void whatever_the_umask(void **state)
{
	mode_t before = umask(077);

	(void)state;
	assert_int_equal(note(), 0);
	umask(before);
	assert_int_equal(mode_of(EVENTS_FOLDER), 0755);
	assert_int_equal(mode_of(EVENTS_FOLDER "/signer"), 0755);
	assert_int_equal(mode_of(EVENTS_FOLDER "/signer/" EVENTS_FILE), 0644);
	assert_int_equal(mode_of(EVENTS_FOLDER "/signer/lock"), 0600);
}

/* All that another uid can open are what it may read. */
static void who_reads_keeps_nobody_from_writing(void **state)
{
	_cleanup_(closep) int file = -1, folder = -1;

	(void)state;
	assert_int_equal(note(), 0);
	file = held(EVENTS_FOLDER "/signer/" EVENTS_FILE, O_RDONLY);
	folder = held(EVENTS_FOLDER "/signer", O_RDONLY | O_DIRECTORY);
	assert_int_equal(note(), 0);
}

/* One of the program that hangs is not waited for without a bound. */
static void a_writer_that_hangs(void **state)
{
	_cleanup_(freep) uint8_t *text = NULL;
	int fd, lines = 0;
	char path[PATH_MAX];
	size_t len;

	(void)state;
	assert_int_equal(note(), 0);
	fd = held(EVENTS_FOLDER "/signer/lock", O_RDWR);
	assert_int_equal(note(), -EBUSY);
	close(fd);
	assert_int_equal(note(), 0);
	path_in(EVENTS_FOLDER "/signer/" EVENTS_FILE, path);
	assert_int_equal(file_read(path, 100000, &text, &len), 0);
	for (size_t n = 0; n < len; n++)
		lines += text[n] == '\n';
	assert_int_equal(lines, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_umask),
		cmocka_unit_test(who_reads_keeps_nobody_from_writing),
		cmocka_unit_test(a_writer_that_hangs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
