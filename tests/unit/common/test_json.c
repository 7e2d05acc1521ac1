/* SPDX-License-Identifier: EUPL-1.2 */
/* JSON texts from anything, strict reading, one canonical form. */
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_text(const char *text, const char *expected)
{
	_cleanup_json_ json_t *value = json_text(text);

	assert_non_null(value);
	assert_string_equal(json_string_value(value), expected);
}

static void test_text(void **state)
{
	_cleanup_json_ json_t *null = json_text(NULL);

	(void)state;
	assert_true(json_is_null(null));
	expect_text("", "");
	expect_text("\xc3\xa9", "\xc3\xa9");
	expect_text("a\xff"
		    "b",
		"a\xef\xbf\xbd"
		"b");
	expect_text("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");
	expect_text("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_text(
		"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_text("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
	expect_text("\xf0\x9f\x90\x91 \xff", "\xf0\x9f\x90\x91 \xef\xbf\xbd");
}

static bool readable(const char *text, size_t max)
{
	_cleanup_json_ json_t *value = json_read(span_str(text), max);

	return value != NULL;
}

static void test_read(void **state)
{
	(void)state;
	assert_true(readable("{\"a\":1}", 100));
	assert_false(readable("{\"a\":1}", 6));
	assert_false(readable("{\"a\":1,\"a\":2}", 100));
	assert_false(readable("{\"a\":1} x", 100));
	assert_false(readable("{\"a\":1", 100));
	assert_false(readable("{\"a\":\"\\u0000\"}", 100));
	assert_false(readable("", 100));
}

static void test_string_of(void **state)
{
	_cleanup_json_ json_t *o = json_read(span_str("{\"a\":\"x\",\"b\":1}"), 100);

	(void)state;
	assert_string_equal(json_string_of(o, "a"), "x");
	assert_null(json_string_of(o, "b"));
	assert_null(json_string_of(o, "c"));
	assert_null(json_string_of(NULL, "c"));
}

static void test_canonical(void **state)
{
	_cleanup_json_ json_t *o = json_read(
		span_str("{ \"b\" : [1, 2], \"a\" : {\"d\":null, \"c\":\"\xc3\xa9\"} }"),
		100);
	char *text = json_canonical(o);

	(void)state;
	assert_string_equal(text, "{\"a\":{\"c\":\"\xc3\xa9\",\"d\":null},\"b\":[1,2]}");
	free(text);
}

static void test_time(void **state)
{
	_cleanup_json_ json_t *none = json_time(0), *some = json_time(1780660800);

	(void)state;
	assert_true(json_is_null(none));
	assert_string_equal(json_string_value(some), "2026-06-05T12:00:00Z");
}

/* What is written member by member is what the library would write of the same tree. */
static void test_add(void **state)
{
	static const char *const TEXTS[] = { "", "plain", "quote \" and \\", "\n\x01\x7f",
		"\xc3\xa9", "a\xff", "/<>&" };
	_cleanup_buf_ struct buf b;
	_cleanup_json_ json_t *tree = NULL, *texts = json_array();
	_cleanup_(freep) char *expected = NULL;

	(void)state;
	buf_init(&b, 1000);
	json_add_open(&b, NULL, '{');
	json_add_bool(&b, "a", true);
	json_add_open(&b, "b", '[');
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		json_add_text(&b, NULL, TEXTS[i]);
		json_array_append_new(texts, json_text(TEXTS[i]));
	}
	json_add_close(&b, ']');
	json_add_open(&b, "c", '{');
	json_add_integer(&b, "n", -7);
	json_add_close(&b, '}');
	json_add_open(&b, "d", '[');
	json_add_close(&b, ']');
	json_add_text(&b, "e", NULL);
	json_add_bool(&b, "f", false);
	json_add_close(&b, '}');
	tree = json_pack("{s:b,s:O,s:{s:i},s:[],s:n,s:b}", "a", 1, "b", texts, "c", "n",
		-7, "d", "e", "f", 0);
	expected = json_canonical(tree);
	assert_int_equal(b.error, 0);
	assert_string_equal(b.data, expected);
}

static void test_child(void **state)
{
	_cleanup_json_ json_t *o = json_object(), *expected = NULL;

	(void)state;
	json_object_set_new(json_child(o, "a"), "x", json_integer(1));
	json_object_set_new(json_child(o, "a"), "y", json_integer(2));
	json_child(o, "b");
	assert_null(json_child(o, "\xff"));
	expected = json_pack("{s:{s:i,s:i},s:{}}", "a", "x", 1, "y", 2, "b");
	assert_true(json_equal(o, expected));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_string_of),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
