/* SPDX-License-Identifier: EUPL-1.2 */
/* What a partner is told of its own certificates that nginx did not let through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "stage.h"
#include "web/handshakes.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void path_of(const char *partner, char path[PATH_MAX])
{
	assert_int_equal(handshakes_path(&house.instance, partner, path), 0);
}

static void make_folders(void)
{
	static const char *const FOLDERS[] = { HANDSHAKES_FOLDER,
		HANDSHAKES_FOLDER "/partners" };
	char path[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(instance_path(&house.instance, FOLDERS[i], path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static void note_in(const char *file, const char *partner, const char *word)
{
	static const struct handshakes_room ROOM = { .most = 4 };
	_cleanup_json_ json_t *record = json_pack(
		"{s:s?, s:n, s:s}", "partner", partner, "certificate", "verify", word);
	char path[PATH_MAX];

	path_of(file, path);
	assert_int_equal(handshakes_note(path, &ROOM, clock_now(), record), 0);
}

static void note(const char *partner, const char *word)
{
	note_in(partner, partner, word);
}

static void ask(const struct person *who, struct answer *ret)
{
	struct visit v = { .who = who, .method = "GET", .uri = "/v1/handshakes" };

	visit(&server, &thread_links, &v, ret);
}

static void nothing_yet(void **state)
{
	struct answer a;

	(void)state;
	ask(&house.kenya, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, "{\"handshakes\":[]}");
	answer_done(&a);
}

static void ones_own_and_nobody_elses(void **state)
{
	struct answer a;

	(void)state;
	make_folders();
	note("ke-kephis", "FAILED:kenya");
	note("cl-sag", "FAILED:chile");
	note(NULL, "FAILED:stranger");
	note_in("ke-kephis", "cl-sag", "FAILED:misplaced");
	ask(&house.kenya, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.body, "FAILED:kenya"));
	assert_null(strstr(a.body, "FAILED:chile"));
	assert_null(strstr(a.body, "FAILED:stranger"));
	assert_null(strstr(a.body, "FAILED:misplaced"));
	answer_done(&a);
	ask(&house.stranger, &a);
	expect_problem(&a, 403, "partner.unknown");
	answer_done(&a);
	ask(&house.expired, &a);
	expect_problem(&a, 403, "partner.certificate");
	answer_done(&a);
}

static void a_spoiled_file_is_no_answer(void **state)
{
	char path[PATH_MAX];
	struct answer a;

	(void)state;
	make_folders();
	path_of("ke-kephis", path);
	assert_int_equal(durable_write(path, span_str("{"), 0600), 0);
	ask(&house.kenya, &a);
	expect_problem(&a, 500, "internal.error");
	answer_done(&a);
}

/* Whoever breaks into the program that writes the file holds up nobody who reads it. */
static void a_fifo_in_its_place_holds_up_nobody(void **state)
{
	char path[PATH_MAX];
	struct answer a;

	(void)state;
	make_folders();
	path_of("ke-kephis", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	ask(&house.kenya, &a);
	expect_problem(&a, 500, "internal.error");
	answer_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(nothing_yet),
		ON_STAGE(ones_own_and_nobody_elses),
		ON_STAGE(a_spoiled_file_is_no_answer),
		ON_STAGE(a_fifo_in_its_place_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
