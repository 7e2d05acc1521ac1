/* SPDX-License-Identifier: EUPL-1.2 */
/* Notes of a configuration beside which others may write: theirs are none, and those of
 * the machine's own users are. */
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
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534
#define TAKES 65001  /* sealgate-configuration */
#define PLACES 65002 /* sealgate-restore */
#define NINES "9999999999999999999999999999999999999999999999999999999999999999"

static char root[] = "/tmp/sealgate-others-XXXXXX";
static char instance[96], work[96];
static const struct swap_place PLACE = { .instance = instance, .work = work };

struct passwd *getpwnam(const char *name)
{
	static struct passwd user;

	user.pw_uid = strcmp(name, "sealgate-configuration") == 0 ? TAKES : PLACES;
	return strcmp(name, "sealgate-configuration") == 0 ||
			       strcmp(name, "sealgate-restore") == 0
		       ? &user
		       : NULL;
}

static const char *in_work(const char *name)
{
	static char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", work, name);
	return path;
}

/* text NULL: a folder. */
static void leave(const char *name, const char *text, uid_t owner)
{
	assert_int_equal(appliance_remove(in_work(name)), 0);
	if (text)
		assert_int_equal(durable_write(in_work(name), span_str(text), 0600), 0);
	else
		assert_int_equal(mkdir(in_work(name), 0700), 0);
	assert_int_equal(chown(in_work(name), owner, owner), 0);
}

static void assert_note(const char *name, const char *text)
{
	_cleanup_(freep) char *found = NULL;
	size_t len;

	assert_int_equal(swap_read_note(&PLACE, name, SWAP_SERIAL_MAX, &found, &len), 0);
	assert_string_equal(found, text);
}

static void a_serial_of_others_keeps_none_from_coming(void **state)
{
	static const char *const texts[] = { NINES, "9", "", NULL };

	(void)state;
	if (getuid() != 0) /* nobody else gives files away */
		skip();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		leave("serial", texts[i], NOBODY);
		leave("restored-serial", texts[i], NOBODY);
		assert_int_equal(swap_serial_is_new(&PLACE, "1"), 1);
	}
	assert_int_equal(durable_write(in_work("serial/file"), span_str(""), 0600), 0);
	assert_int_equal(mkdir(in_work("incoming"), 0700), 0);
	assert_int_equal(
		durable_write(in_work("incoming/sealgate.conf"), span_str(""), 0600), 0);
	assert_int_equal(swap_apply(&PLACE, "1"), 0);
	assert_note("serial", "1");
	assert_int_equal(swap_serial_is_new(&PLACE, "1"), 0);
	assert_int_equal(swap_serial_is_new(&PLACE, "2"), 1);
}

/* It is read by another of the machine's users than who wrote it. */
static void a_serial_of_ours_counts(void **state)
{
	(void)state;
	if (getuid() != 0) /* nobody else gives files away */
		skip();
	leave("serial", "9", TAKES);
	assert_int_equal(swap_serial_is_new(&PLACE, "9"), 0);
	leave("serial", NULL, NOBODY);
	leave("restored-serial", "9", PLACES);
	assert_int_equal(swap_serial_is_new(&PLACE, "8"), -EPERM);
	assert_int_equal(swap_serial_is_new(&PLACE, "9"), 1);
}

static void a_note_is_written_over_what_others_left(void **state)
{
	(void)state;
	if (getuid() != 0) /* nobody else gives files away */
		skip();
	leave("note", NULL, NOBODY);
	assert_int_equal(durable_write(in_work("note/file"), span_str(""), 0600), 0);
	assert_int_equal(swap_write_note(&PLACE, "note", "1"), 0);
	assert_note("note", "1");
	leave("note", "0", NOBODY);
	assert_int_equal(swap_write_note(&PLACE, "note", "2"), 0);
	assert_note("note", "2");
}

/* The folder is open to others, who would hold whoever waits for it. */
static void nobody_else_holds_the_lock(void **state)
{
	struct swap_place place = PLACE;
	char path[PATH_MAX];
	struct stat st;
	int theirs, held;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/lock", root);
	place.lock = path;
	theirs = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(theirs, LOCK_EX | LOCK_NB), 0);
	(void)alarm(20); /* who waits for them waits for ever */
	held = swap_lock(&place);
	(void)alarm(0);
	assert_true(held >= 0);
	assert_int_equal(close(theirs), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(theirs, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(close(held), 0);
	assert_int_equal(flock(theirs, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(close(theirs), 0);
	/* where none can be */
	place.lock = "/nonexistent/lock";
	held = swap_lock(&place);
	assert_true(held >= 0);
	assert_int_equal(close(held), 0);
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	(void)snprintf(instance, sizeof(instance), "%s/instance", root);
	(void)snprintf(work, sizeof(work), "%s/work", root);
	return mkdir(instance, 0700) < 0 ? -1 : mkdir(work, 0700);
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_serial_of_others_keeps_none_from_coming),
		cmocka_unit_test(a_serial_of_ours_counts),
		cmocka_unit_test(a_note_is_written_over_what_others_left),
		cmocka_unit_test(nobody_else_holds_the_lock),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
