/* SPDX-License-Identifier: EUPL-1.2 */
/* What others left goes, however deep it is, by few descriptors, and nothing that it
 * points to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEP 3000 /* folders: a path to the last one is longer than a path may be */

static char folder[] = "/tmp/sealgate-remove-XXXXXX";

static int make(void **state)
{
	const struct rlimit few = { 32, 32 };

	(void)state;
	return mkdtemp(folder) ? setrlimit(RLIMIT_NOFILE, &few) : -1;
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(folder);
}

static void path_of(char path[PATH_MAX], const char *name)
{
	(void)snprintf(path, PATH_MAX, "%s/%s", folder, name);
}

static void put(int at, const char *name)
{
	int fd = openat(at, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* So many in each other below a folder, with a file in each. */
static void make_deep(const char *name, int count)
{
	char path[PATH_MAX];
	int at;

	path_of(path, name);
	assert_int_equal(mkdir(path, 0700), 0);
	at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < count; i++) {
		int next;

		put(at, "file");
		put(at, "moved-up-7");
		assert_int_equal(mkdirat(at, "in", 0700), 0);
		next = openat(at, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(at);
		at = next;
	}
	close(at);
}

static void assert_gone(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	path_of(path, name);
	assert_int_equal(appliance_remove(path), 0);
	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void of_whatever_depth(void **state)
{
	(void)state;
	make_deep("none", 0);
	assert_gone("none");
	make_deep("one", 1);
	assert_gone("one");
	make_deep("few", 40);
	assert_gone("few");
	make_deep("deep", DEEP);
	assert_gone("deep");
}

static void many_beside_each_other(void **state)
{
	char name[32];

	(void)state;
	make_deep("wide", 0);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "wide/%d", i);
		make_deep(name, 3);
	}
	assert_gone("wide");
}

static void a_file_or_a_link(void **state)
{
	char path[PATH_MAX], to[PATH_MAX];

	(void)state;
	make_deep("kept", 2);
	path_of(to, "kept");
	path_of(path, "link");
	assert_int_equal(symlink(to, path), 0);
	assert_gone("link");
	make_deep("with", 0);
	path_of(path, "with/link");
	assert_int_equal(symlink(to, path), 0);
	assert_gone("with");
	assert_gone("missing");
	path_of(path, "kept/in/in");
	assert_int_equal(access(path, F_OK), 0);
	path_of(path, "kept/file");
	assert_int_equal(appliance_remove(path), 0);
	assert_gone("kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_whatever_depth),
		cmocka_unit_test(many_beside_each_other),
		cmocka_unit_test(a_file_or_a_link),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
