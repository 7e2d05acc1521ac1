/* SPDX-License-Identifier: EUPL-1.2 */
/* Buffers stop at their maximum and stay stopped. */
#include "common/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_add(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(buf_add_str(&b, "abc"), 0);
	assert_int_equal(buf_add(&b, "d\0e", 3), 0);
	assert_int_equal(buf_addf(&b, "-%d-%s", 7, "x"), 0);
	assert_int_equal(buf_add_span(&b, span_str("!")), 0);
	assert_true(span_equal(buf_span(&b), span_of("abcd\0e-7-x!", 11)));
	assert_int_equal(b.data[b.len], 0);
}

static void test_maximum(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(buf_add_str(&b, "abcd"), 0);
	assert_int_equal(buf_add_str(&b, ""), 0);
	assert_int_equal(buf_add_str(&b, "e"), -E2BIG);
	assert_int_equal(b.error, -E2BIG);
	/* What would fit fails too: nothing is ever missing from the middle. */
	assert_int_equal(buf_add_str(&b, ""), -E2BIG);
	assert_int_equal(buf_addf(&b, "%s", ""), -E2BIG);
	assert_null(buf_take(&b, NULL));
	assert_int_equal(b.len, 4);
}

static void test_huge_length_does_not_wrap(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(buf_add_str(&b, "ab"), 0);
	assert_int_equal(buf_add(&b, "x", SIZE_MAX - 1), -E2BIG);
}

static void test_grows(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	char line[32];

	(void)state;
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf_addf(&b, "%05d;", i), 0);
	assert_int_equal(b.len, 5000 * 6);
	(void)snprintf(line, sizeof(line), "%.6s", b.data + 4999 * 6);
	assert_string_equal(line, "04999;");
}

static void test_xml(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	buf_init(&b, 200);
	assert_int_equal(buf_add_xml(&b, "<a b=\"c\">'&'</a>"), 0);
	assert_string_equal(b.data, "&lt;a b=&quot;c&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

static void test_take(void **state)
{
	struct buf b;
	size_t len;
	char *text;

	(void)state;
	buf_init(&b, 10);
	text = buf_take(&b, &len);
	assert_string_equal(text, "");
	assert_int_equal(len, 0);
	free(text);
	assert_int_equal(buf_add_str(&b, "again"), 0);
	text = buf_take(&b, NULL);
	assert_string_equal(text, "again");
	assert_null(b.data);
	free(text);
	buf_done(&b);
}

static void joined(void **state)
{
	_cleanup_(freep) char *all = text_join((const char *[]){ "a", "", "bc", NULL });
	_cleanup_(freep) char *none = text_join((const char *[]){ NULL });

	(void)state;
	assert_string_equal(all, "abc");
	assert_string_equal(none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joined),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_huge_length_does_not_wrap),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
