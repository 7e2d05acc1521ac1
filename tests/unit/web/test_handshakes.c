/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "web/handshakes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define NOW 1780000000
#define DAY 86400

static char path[64];

static int setup(void **state)
{
	char folder[] = "/tmp/sealgate-handshakes-XXXXXX";

	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/one.json", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	*strrchr(path, '/') = '\0';
	return rmdir(path);
}

static int note(const char *verify, const char *address, int64_t at, size_t most)
{
	const struct handshakes_room room = { .most = most };
	_cleanup_json_ json_t *record = json_pack("{s:n, s:s, s:s, s:s}", "certificate",
		"verify", verify, "protocol", "TLSv1.3", "address", address);

	return handshakes_note(path, &room, at, record);
}

static json_t *records(int64_t at)
{
	json_t *list = NULL;

	assert_int_equal(handshakes_read(path, at, &list), 0);
	return list;
}

static const char *word(const json_t *list, size_t i, const char *key)
{
	return json_string_of(json_array_get(list, i), key);
}

static void no_file_is_no_record(void **state)
{
	_cleanup_json_ json_t *list = records(NOW);

	(void)state;
	assert_int_equal(json_array_size(list), 0);
}

static void newest_first_and_never_more(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	char verify[24];

	(void)state;
	for (int i = 0; i < 7; i++) {
		snprintf(verify, sizeof(verify), "FAILED:%d", i);
		assert_int_equal(note(verify, "192.0.2.1", NOW + i, 3), 0);
	}
	list = records(NOW + 7);
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(word(list, 0, "verify"), "FAILED:6");
	assert_string_equal(word(list, 2, "verify"), "FAILED:4");
}

static void the_same_again_counts(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	char first[CLOCK_TEXT_SIZE], last[CLOCK_TEXT_SIZE];

	(void)state;
	clock_format(NOW, first);
	clock_format(NOW + 20, last);
	note("NONE", "192.0.2.1", NOW, 8);
	note("NONE", "192.0.2.2", NOW + 10, 8);
	note("NONE", "192.0.2.1", NOW + 20, 8);
	list = records(NOW + 20);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(word(list, 0, "address"), "192.0.2.1");
	assert_string_equal(word(list, 0, "first"), first);
	assert_string_equal(word(list, 0, "last"), last);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 0), "count")), 2);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(list, 1), "count")), 1);
}

static void what_is_old_goes(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	int64_t later = NOW + (HANDSHAKES_DAYS - 1) * DAY;

	(void)state;
	note("NONE", "192.0.2.1", NOW, 8);
	note("NONE", "192.0.2.2", later, 8);
	list = records(later + 2 * DAY);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(word(list, 0, "address"), "192.0.2.2");
}

static void a_spoiled_file_begins_anew(void **state)
{
	static const char *const SPOILED[] = { "", "{", "[]", "{\"handshakes\":{}}",
		"{\"handshakes\":[],\"handshakes\":[]}" };

	(void)state;
	for (size_t i = 0; i < sizeof(SPOILED) / sizeof(SPOILED[0]); i++) {
		json_t *list = NULL;

		assert_int_equal(durable_write(path, span_str(SPOILED[i]), 0600), 0);
		assert_int_equal(handshakes_read(path, NOW, &list), -EPROTO);
		assert_int_equal(note("NONE", "192.0.2.1", NOW, 8), 1);
		list = records(NOW);
		assert_int_equal(json_array_size(list), 1);
		json_decref(list);
	}
}

static void records_that_are_none_are_dropped(void **state)
{
	_cleanup_json_ json_t *list = NULL;

	(void)state;
	assert_int_equal(durable_write(path,
				 span_str("{\"handshakes\":[1,null,{},{\"last\":7},"
					  "{\"last\":\"x\"}]}"),
				 0600),
		0);
	list = records(NOW);
	assert_int_equal(json_array_size(list), 0);
}

static void meet(const char *address, int64_t at)
{
	const struct handshakes_room room = { .most = 6, .of_address = 2 };
	char verify[24];
	_cleanup_json_ json_t *record = NULL;

	snprintf(verify, sizeof(verify), "FAILED:%d", (int)(at - NOW));
	record = json_pack("{s:n, s:s, s:s, s:s}", "certificate", "verify", verify,
		"protocol", "TLSv1.3", "address", address);
	assert_int_equal(handshakes_note(path, &room, at, record), 0);
}

static void one_address_has_some_places_alone(void **state)
{
	static const char *const FLOODS[][2] = { { "192.0.2.1", "192.0.2.1" },
		{ "2001:db8:0:7::1", "2001:db8::7:ffff:2:3:4" } };

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		_cleanup_json_ json_t *list = NULL;

		meet("198.51.100.9", NOW);
		for (int i = 1; i < 20; i++)
			meet(FLOODS[f][i % 2], NOW + i);
		list = records(NOW + 20);
		assert_int_equal(json_array_size(list), 3);
		assert_string_equal(word(list, 0, "verify"), "FAILED:19");
		assert_string_equal(word(list, 1, "verify"), "FAILED:18");
		assert_string_equal(word(list, 2, "address"), "198.51.100.9");
		unlink(path);
	}
}

static void other_addresses_have_their_own(void **state)
{
	static const char *const OTHERS[] = { "192.0.2.1", "192.0.2.2", "2001:db8:0:7::1",
		"2001:db8:0:8::1", "::ffff:192.0.2.3", "::ffff:192.0.2.4" };
	_cleanup_json_ json_t *list = NULL;

	(void)state;
	for (int i = 0; i < 12; i++)
		meet(OTHERS[i % 6], NOW + i);
	list = records(NOW + 12);
	assert_int_equal(json_array_size(list), 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(word(list, i, "address"), OTHERS[5 - i]);
}

static void what_is_no_file_is_not_waited_for(void **state)
{
	json_t *list = NULL;
	char elsewhere[80];

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(handshakes_read(path, NOW, &list), -EINVAL);
	unlink(path);
	snprintf(elsewhere, sizeof(elsewhere), "%s.elsewhere", path);
	assert_int_equal(
		durable_write(elsewhere, span_str("{\"handshakes\":[]}"), 0600), 0);
	assert_int_equal(symlink(elsewhere, path), 0);
	assert_int_equal(handshakes_read(path, NOW, &list), -ELOOP);
	assert_null(list);
	unlink(elsewhere);
}

/* A record as one may be written by whoever broke into the program. */
static json_t *forged(const char *partner)
{
	_cleanup_(freep) char *text = calloc(1, 20001);
	json_t *many = json_array(), *record;

	memset(text, 'x', 20000);
	for (int i = 0; i < 40; i++)
		json_array_append_new(many, json_pack("{s:s, s:s, s:i}", "code", "a.b",
						    "message", text, "line", 7));
	record = json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:{s:s, s:s}}", "partner",
		partner, "address", text, "link", "https://elsewhere", "count",
		(json_int_t)-5, "verify", "FAILED:x", "findings", many, "certificate",
		"subject", text, "more", "x");
	json_object_set_new(record, "last", json_time(NOW));
	return record;
}

static void put_forged(size_t count, const char *partner, const char *other)
{
	_cleanup_json_ json_t *list = json_array(), *file = NULL;
	_cleanup_(freep) char *text = NULL;

	if (other)
		json_array_append_new(list, forged(other));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, i ? json_pack("{s:s, s:o}", "partner",
							partner, "last", json_time(NOW))
					      : forged(partner));
	file = json_pack("{s:O}", "handshakes", list);
	text = json_canonical(file);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
}

static void no_more_is_told_than_a_record_has(void **state)
{
	_cleanup_json_ json_t *list = NULL;
	const json_t *record, *findings;

	(void)state;
	put_forged(1, "nz-mpi", NULL);
	assert_int_equal(handshakes_told(path, "nz-mpi", NOW, &list), 0);
	assert_int_equal(json_array_size(list), 1);
	record = json_array_get(list, 0);
	assert_null(json_object_get(record, "link"));
	assert_int_equal(strlen(word(list, 0, "address")), 2048);
	assert_true(json_integer_value(json_object_get(record, "count")) >= 0);
	assert_int_equal(json_object_size(json_object_get(record, "certificate")), 1);
	findings = json_object_get(record, "findings");
	assert_int_equal(json_array_size(findings), 16);
	assert_int_equal(json_object_size(json_array_get(findings, 0)), 2);
	assert_int_equal(strlen(word(findings, 0, "message")), 2048);
}

static void nobody_is_told_of_others_or_of_more_than_are_kept(void **state)
{
	static const char *const READERS[] = { "nz-mpi", "br-mapa", NULL };
	static const size_t TOLD[] = { HANDSHAKES_PARTNER_MAX, 1, 0 };

	(void)state;
	put_forged(100, "nz-mpi", "br-mapa");
	for (size_t i = 0; i < 3; i++) {
		_cleanup_json_ json_t *list = NULL;

		assert_int_equal(handshakes_told(path, READERS[i], NOW, &list), 0);
		assert_int_equal(json_array_size(list), TOLD[i]);
	}
}

static void names_cannot_lead_elsewhere(void **state)
{
	static const char *const BAD[] = { "", ".", "..", "../x", "a/b", ".hidden", "a b",
		"0123456789012345678901234567890123456789012345678901234567890123" };
	struct instance i = { .dir = "/i" };
	char out[PATH_MAX];

	(void)state;
	for (size_t n = 0; n < sizeof(BAD) / sizeof(BAD[0]); n++)
		assert_int_equal(handshakes_path(&i, BAD[n], out), -EINVAL);
	assert_int_equal(handshakes_path(&i, "nz-mpi", out), 0);
	assert_string_equal(out, "/i/state/handshakes/partners/nz-mpi.json");
	assert_int_equal(handshakes_path(&i, "strangers", out), 0);
	assert_string_equal(out, "/i/state/handshakes/partners/strangers.json");
	assert_int_equal(handshakes_path(&i, NULL, out), 0);
	assert_string_equal(out, "/i/state/handshakes/strangers.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_file_is_no_record, setup, teardown),
		cmocka_unit_test_setup_teardown(
			newest_first_and_never_more, setup, teardown),
		cmocka_unit_test_setup_teardown(the_same_again_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_old_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_spoiled_file_begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(
			records_that_are_none_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_address_has_some_places_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			other_addresses_have_their_own, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_file_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_more_is_told_than_a_record_has, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nobody_is_told_of_others_or_of_more_than_are_kept, setup,
			teardown),
		cmocka_unit_test(names_cannot_lead_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
