/* SPDX-License-Identifier: EUPL-1.2 */
/* On a disk without room a configuration still goes back to the one before it, wherever
 * the power is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/swap.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/unit/ctl/power.h"

#define CUT 77 /* the status of who had no power any more */

static char folder[] = "/tmp/sealgate-full-XXXXXX";
static char instance[64], work[64];
static const struct swap_place PLACE = { .instance = instance, .work = work };
static bool full;

static void power_goes(void)
{
	_exit(CUT);
}

/* What takes a block; a file by the time it is flushed. */
static int takes_room(void)
{
	step();
	errno = ENOSPC;
	return full ? -1 : 0;
}

int mkdir(const char *path, mode_t mode)
{
	return takes_room() < 0 ? -1 : (int)syscall(SYS_mkdir, path, mode);
}

int fsync(int fd)
{
	(void)fd;
	return takes_room();
}

int fdatasync(int fd)
{
	(void)fd;
	step();
	return 0;
}

int syncfs(int fd)
{
	(void)fd;
	step();
	return 0;
}

static void put(const char *in, const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", in, name);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

/* NULL: it is not there. */
static void assert_text(const char *name, const char *text)
{
	_cleanup_(freep) uint8_t *found = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	(void)snprintf(path, sizeof(path), "%s/%s", instance, name);
	r = file_read(path, 64, &found, &len);
	assert_int_equal(r, text ? 0 : -ENOENT);
	if (text)
		assert_string_equal((char *)found, text);
}

static void make(const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* A configuration with a file that the one before has not, and without another; and then
 * no room. */
static void set_up(void)
{
	char incoming[80];

	full = false;
	cut_at = steps = 0;
	(void)snprintf(folder + strlen(folder) - 6, 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	(void)snprintf(instance, sizeof(instance), "%s/instance", folder);
	(void)snprintf(work, sizeof(work), "%s/work", folder);
	(void)snprintf(incoming, sizeof(incoming), "%s/incoming", work);
	make("instance");
	make("work");
	make("work/incoming");
	make("work/incoming/hsm");
	make("instance/time");
	put(instance, "sealgate.conf", "old");
	put(instance, "time/sources", "old");
	put(incoming, "sealgate.conf", "new");
	put(incoming, "hsm/settings", "new");
	assert_int_equal(swap_apply(&PLACE, "7"), 0);
	assert_text("sealgate.conf", "new");
	assert_text("hsm/settings", "new");
	assert_text("time/sources", NULL);
	full = true;
}

static void assert_returned(void)
{
	char serial[SWAP_SERIAL_MAX + 1];

	assert_text("sealgate.conf", "old");
	assert_text("hsm/settings", NULL);
	assert_text("time/sources", "old");
	assert_int_equal(swap_unproven(&PLACE, serial), 0);
	assert_string_equal(serial, "");
}

static void tear_down(void)
{
	full = false;
	cut_at = 0;
	assert_int_equal(appliance_remove(folder), 0);
}

static void it_goes_back(void **state)
{
	(void)state;
	set_up();
	assert_int_equal(swap_return(&PLACE, "7"), 0);
	assert_returned();
	assert_int_equal(swap_resume(&PLACE), 1);
	tear_down();
}

/* Return: was the power cut before it was done? */
static bool cut_return(int at)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		cut_at = at;
		_exit(swap_return(&PLACE, "7"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == CUT || WEXITSTATUS(status) == 0);
	return WEXITSTATUS(status) == CUT;
}

/* What was begun is completed, what was not is begun again, and both without room. */
static void wherever_it_is_cut(void **state)
{
	bool cut = true;
	int at = 0;

	(void)state;
	while (cut) {
		int r;

		set_up();
		cut = cut_return(++at);
		r = swap_resume(&PLACE);
		assert_true(r == 0 || r == 1);
		r = swap_return(&PLACE, "7");
		assert_true(r == 0 || r == 1);
		assert_returned();
		tear_down();
	}
	assert_true(at > 10);
}

/* Nothing is taken for which there would be no way back. */
static void what_cannot_be_laid_by_is_not_taken(void **state)
{
	(void)state;
	set_up();
	assert_int_equal(swap_apply(&PLACE, "8"), -ENOSPC);
	assert_int_equal(swap_resume(&PLACE), 1);
	assert_text("sealgate.conf", "new");
	assert_int_equal(swap_return(&PLACE, "7"), 0);
	assert_returned();
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_goes_back),
		cmocka_unit_test(wherever_it_is_cut),
		cmocka_unit_test(what_cannot_be_laid_by_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
