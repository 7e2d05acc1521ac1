/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/json_plain.h"

#include <stdio.h>

static const char *const NAMES[] = { "actor", "event" };

static bool plain(const char *text, size_t len)
{
	struct span found[2];

	return json_plain_canonical(span_of(text, len), NAMES, 2, found);
}

/* What the library makes of it. */
static bool canonical(const char *text, size_t len)
{
	_cleanup_json_ json_t *value = json_read(span_of(text, len), 65536);
	_cleanup_(freep) char *again = value ? json_canonical(value) : NULL;

	return again && json_is_object(value) &&
	       span_equal(span_str(again), span_of(text, len));
}

static const char RECORD[] = "{\"actor\":\"nz\",\"at\":\"2026-06-05T12:00:00Z\","
			     "\"detail\":{\"a\":[],\"b\":[1,-2,0,"
			     "\"x\"],\"bb\":{},\"c\":true,\"d\":false,\"e\":null,"
			     "\"size\":14336},\"event\":\"e\"}";

static void members(void **state)
{
	struct span found[2];

	(void)state;
	assert_true(json_plain_canonical(span_str(RECORD), NAMES, 2, found));
	assert_true(span_equal(found[0], span_str("nz")));
	assert_true(span_equal(found[1], span_str("e")));
	assert_true(json_plain_canonical(
		span_str("{\"a\":{\"actor\":\"x\"},\"event\":1}"), NAMES, 2, found));
	assert_null(found[0].data); /* not of the outermost object */
	assert_null(found[1].data); /* no string */
	assert_true(json_plain_canonical(span_str("{\"actor\":\"\"}"), NAMES, 2, found));
	assert_non_null(found[0].data);
	assert_int_equal(found[0].len, 0);
}

/* The library knows better, and must be asked. */
static void left_to_the_library(void **state)
{
	static const char *const TEXTS[] = { "", "{", "[]", "1", "{}x", "{\"a\":1.5}",
		"{\"a\":\"\\n\"}", "{\"a\":\"\xC3\xA9\"}", "{\"a\":\"\xFF\"}",
		"{\"a\":-0}", "{\"a\":01}", "{\"a\":-}", "{\"a\":1234567890123456789}",
		"{\"a\" :1}", "{\"b\":1,\"a\":2}", "{\"a\":1,\"a\":1}",
		"{\"ab\":1,\"a\":2}", "{\"a\":1,}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{,}",
		"{\"a\"}", "{\"a\":tru}", "{a:1}",
		"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		if (plain(TEXTS[i], strlen(TEXTS[i])))
			fail_msg("plain: %s", TEXTS[i]);
}

/* Whatever one octet becomes, is put in or left out: yes is only said to what the library
 * would write octet by octet so. */
static void never_more_than_the_library(void **state)
{
	static const char OCTETS[] = "{}[]\",:0-19azAZ\\ .etn\n\x7F\x80";
	char text[sizeof(RECORD) + 1];
	size_t yes = 0, len = sizeof(RECORD) - 1;

	(void)state;
	assert_true(plain(RECORD, len) && canonical(RECORD, len));
	for (size_t at = 0; at < len; at++)
		for (size_t o = 0; o < 3 * sizeof(OCTETS); o++) {
			size_t how = o % 3, skip = how != 1, put = how != 2;

			memcpy(text, RECORD, at);
			text[at] = OCTETS[o / 3];
			memcpy(text + at + put, RECORD + at + skip, len - at - skip);
			if (!plain(text, len - skip + put))
				continue;
			yes++;
			if (!canonical(text, len - skip + put))
				fail_msg("not canonical: %.*s", (int)(len - skip + put),
					text);
		}
	assert_true(yes > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members),
		cmocka_unit_test(left_to_the_library),
		cmocka_unit_test(never_more_than_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
