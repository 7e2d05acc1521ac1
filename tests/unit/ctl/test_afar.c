/* SPDX-License-Identifier: EUPL-1.2 */
/* A configuration that came from afar stays once somebody was answered with it, over
 * starts and power cuts; and who sent it is told what became of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/answered.h"
#include "common/durable.h"
#include "common/json.h"
#include "ctl/appliance/afar.h"
#include "ctl/appliance/appliance.h"
#include "ctl/command.h"
#include "ctl/remote/remote_kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOBODY 65534

static char root[] = "/tmp/sealgate-afar-XXXXXX";
static char instance[96], work[96];
static const struct swap_place PLACE = { .instance = instance, .work = work };

static void put(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];

	(void)mkdir(folder, 0700);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static void prepare(const char *serial)
{
	char incoming[PATH_MAX];

	(void)snprintf(incoming, sizeof(incoming), "%s/incoming", work);
	put(incoming, "sealgate.conf", serial);
}

static void apply(const char *serial, bool afar)
{
	prepare(serial);
	if (afar)
		assert_int_equal(afar_note(&PLACE, serial), 0);
	assert_int_equal(swap_apply(&PLACE, serial), 0);
}

/* What who sent it is told: NULL, that it was not taken back. */
static void assert_returned(const char *why)
{
	_cleanup_json_ json_t *told = appliance_returned(work);

	assert_true(why ? json_is_string(told) : json_is_null(told));
	if (why)
		assert_non_null(strstr(json_string_value(told), why));
}

static void forget(const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", work, name);
	assert_int_equal(unlink(path), 0);
}

static void until_it_is_proven(void **state)
{
	(void)state;
	put(instance, "sealgate.conf", "0");
	assert_int_equal(afar_unproven(&PLACE), 0);
	apply("1", true);
	/* at each start anew, however many there are */
	assert_int_equal(afar_unproven(&PLACE), 1);
	assert_int_equal(swap_resume(&PLACE), 1);
	assert_int_equal(afar_unproven(&PLACE), 1);
	assert_int_equal(swap_keep(&PLACE, "1"), 0);
	assert_int_equal(afar_unproven(&PLACE), 0);
}

static void one_of_a_medium_does_not_wait(void **state)
{
	(void)state;
	apply("2", true);
	apply("3", false);
	assert_int_equal(afar_unproven(&PLACE), 0);
	apply("4", true);
	assert_int_equal(afar_unproven(&PLACE), 1);
	/* of two that two people sent the last one is on trial */
	apply("5", true);
	assert_int_equal(afar_unproven(&PLACE), 1);
	assert_returned(NULL);
	assert_int_equal(swap_return(&PLACE, "5"), 0);
	assert_int_equal(afar_unproven(&PLACE), 0);
	/* also where nothing could be written */
	assert_returned("why could not be written");
	put(work, "returned", "not healthy");
	assert_returned("not healthy");
	if (geteuid() == 0) { /* what others left there says nothing */
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/returned", work);
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_returned("why could not be written");
		assert_int_equal(chown(path, 0, 0), 0);
		assert_returned("not healthy");
	}
	forget("returned");
}

/* Noted, and then the power went before it was put in place. */
static void what_never_came_says_nothing(void **state)
{
	(void)state;
	apply("6", false);
	/* nor does what was taken back before */
	assert_returned(NULL);
	prepare("7");
	assert_int_equal(afar_note(&PLACE, "7"), 0);
	assert_int_equal(afar_unproven(&PLACE), 0);
	assert_int_equal(swap_keep(&PLACE, "6"), 0);
}

/* What is on trial waits as before, whatever could not be put in its place (here since
 * something lies in the way of a file; a full disk is the same to it). */
static void what_cannot_come_leaves_the_trial(void **state)
{
	char path[PATH_MAX];

	(void)state;
	apply("8", true);
	for (int afar = 0; afar < 2; afar++) {
		prepare("9");
		(void)snprintf(path, sizeof(path), "%s/incoming/serial", work);
		assert_int_equal(mkdir(path, 0700), 0);
		if (afar)
			assert_int_equal(afar_note(&PLACE, "9"), 0);
		assert_int_equal(swap_apply(&PLACE, "9"), -EISDIR);
		assert_int_equal(afar_unproven(&PLACE), 1);
		(void)snprintf(path, sizeof(path), "%s/incoming", work);
		assert_int_equal(appliance_remove(path), 0);
	}
	assert_int_equal(swap_keep(&PLACE, "8"), 0);
}

/* A file of who may write beside it keeps nobody waiting. */
static void the_note_of_another_is_none(void **state)
{
	char path[PATH_MAX];

	(void)state;
	if (geteuid() != 0)
		skip();
	apply("10", false);
	put(work, "afar", "10");
	assert_int_equal(afar_unproven(&PLACE), 1);
	(void)snprintf(path, sizeof(path), "%s/afar", work);
	assert_int_equal(chown(path, NOBODY, NOBODY), 0);
	assert_int_equal(afar_unproven(&PLACE), 0);
	assert_int_equal(swap_keep(&PLACE, "10"), 0);
	assert_int_equal(unlink(path), 0);
}

/* Nor does a folder of that name keep a configuration from coming, or from going. */
static void a_folder_is_in_nobodys_way(void **state)
{
	static const char *const names[] = { "unproven", "afar", "taken-back" };
	char folder[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(folder, sizeof(folder), "%s/%s", work, names[i]);
		assert_int_equal(appliance_remove(folder), 0);
		put(folder, "x", "11");
	}
	apply("11", true);
	assert_int_equal(afar_unproven(&PLACE), 1);
	assert_int_equal(swap_return(&PLACE, "11"), 0);
	assert_returned("why could not be written");
}

static void how_long(void **state)
{
	(void)state;
	assert_int_equal(afar_now(false, false, AFAR_MS, AFAR_MS), AFAR_STAYS);
	assert_int_equal(afar_now(true, true, AFAR_MS, AFAR_MS), AFAR_STAYS);
	assert_int_equal(afar_now(true, false, AFAR_MS - 1, AFAR_MS), AFAR_WAITS);
	assert_int_equal(afar_now(true, false, AFAR_MS, AFAR_MS), AFAR_LATE);
}

/* By whatever text of the environment: seconds below the ten minutes, or these. */
static void never_for_longer(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "30", 30000 },
		{ "1", 1000 },
		{ "599", 599000 },
		{ "600", AFAR_MS },
		{ "601", AFAR_MS },
		{ "3600", AFAR_MS },
		{ "0", AFAR_MS },
		{ "-1", AFAR_MS },
		{ "-599", AFAR_MS },
		{ "", AFAR_MS },
		{ " ", AFAR_MS },
		{ "soon", AFAR_MS },
		/* a part of which is a number, and fewer seconds than it says */
		{ "5m", AFAR_MS },
		{ "1e2", AFAR_MS },
		{ "0x30", AFAR_MS },
		{ "30 ", AFAR_MS },
		/* 1 and 2 in so many bits */
		{ "4294967297", AFAR_MS },
		{ "18446744073709551617", AFAR_MS },
		{ "9223372036854775807", AFAR_MS },
		{ "9223372036854775808", AFAR_MS },
		{ "-9223372036854775809", AFAR_MS },
		{ "-18446744073709551614", AFAR_MS },
		{ "99999999999999999999999999999999999999999999", AFAR_MS },
	};

	(void)state;
	(void)unsetenv("SEALGATE_AFAR_S");
	assert_int_equal(afar_bound_ms(), AFAR_MS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)setenv("SEALGATE_AFAR_S", rows[i].text, 1);
		if (afar_bound_ms() != rows[i].ms)
			fail_msg("\"%s\": %lld ms", rows[i].text,
				(long long)afar_bound_ms());
	}
	(void)unsetenv("SEALGATE_AFAR_S");
}

static void that_it_was(void **state)
{
	(void)state;
	assert_int_equal(answered_tell(), 0);
	assert_false(answered_read());
	(void)setenv("SEALGATE_ANSWERED", root, 1);
	assert_false(answered_read());
	assert_int_equal(answered_tell(), 0);
	assert_true(answered_read());
	assert_int_equal(answered_tell(), 0);
	(void)setenv("SEALGATE_ANSWERED", "/nonexistent", 1);
	assert_int_equal(answered_tell(), -ENOENT);
	(void)unsetenv("SEALGATE_ANSWERED");
}

static int look(const char *update)
{
	char text[512];
	_cleanup_json_ json_t *report = NULL;
	bool said = false;

	(void)snprintf(text, sizeof(text), "{\"update\":{%s}}", update);
	report = json_read(span_str(text), sizeof(text));
	assert_non_null(report);
	return kept_look(report, "7", &said);
}

static void what_became_of_it(void **state)
{
	bool said = false;

	(void)state;
	assert_int_equal(kept_look(NULL, "7", &said), -1);
	assert_int_equal(
		look("\"configuration\":\"7\",\"trial\":\"7\",\"returned\":null"), -1);
	assert_int_equal(look("\"configuration\":\"7\",\"trial\":null,\"returned\":null"),
		EXIT_CLEAN);
	assert_int_equal(
		look("\"configuration\":\"7\",\"trial\":null,\"returned\":\"nobody\""),
		EXIT_NOT_PASSED);
	/* it is about to be */
	assert_int_equal(look("\"configuration\":\"7\",\"trial\":\"7\","
			      "\"returned\":\"nobody\""),
		-1);
	assert_int_equal(
		look("\"configuration\":\"8\",\"trial\":\"8\",\"returned\":null"),
		EXIT_NOT_PASSED);
}

static void the_words(void **state)
{
	char *words[] = { "appliance", "apply", "--at", "https://x", "DIR", NULL };
	char *behind[] = { "appliance", "apply", "DIR", "--at", "https://y", NULL };
	char *other[] = { "appliance", "update", "DIR", "--at", "https://y", NULL };
	char serial[KEPT_SERIAL_SIZE];
	const char *at;

	(void)state;
	assert_int_equal(kept_words(5, words, &at), 3);
	assert_string_equal(at, "https://x");
	assert_string_equal(words[2], "DIR");
	assert_null(words[3]);
	assert_int_equal(kept_words(5, behind, &at), 3);
	assert_string_equal(at, "https://y");
	assert_string_equal(behind[2], "DIR");
	assert_int_equal(kept_words(5, other, &at), 5);
	assert_null(at);
	put(root, "manifest", "sealgate-manifest 1 machine 0042\nx 1 sealgate.conf\n");
	assert_int_equal(kept_serial(root, serial), 0);
	assert_string_equal(serial, "0042");
	assert_int_equal(kept_serial("/nonexistent", serial), -ENOENT);
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(root))
		return -1;
	(void)snprintf(instance, sizeof(instance), "%s/instance", root);
	(void)snprintf(work, sizeof(work), "%s/work", root);
	return mkdir(instance, 0700) < 0 || mkdir(work, 0700) < 0 ? -1 : 0;
}

static int clear(void **state)
{
	(void)state;
	return appliance_remove(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(until_it_is_proven),
		cmocka_unit_test(one_of_a_medium_does_not_wait),
		cmocka_unit_test(what_never_came_says_nothing),
		cmocka_unit_test(what_cannot_come_leaves_the_trial),
		cmocka_unit_test(the_note_of_another_is_none),
		cmocka_unit_test(a_folder_is_in_nobodys_way),
		cmocka_unit_test(how_long),
		cmocka_unit_test(never_for_longer),
		cmocka_unit_test(that_it_was),
		cmocka_unit_test(what_became_of_it),
		cmocka_unit_test(the_words),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
