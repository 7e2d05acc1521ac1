/* SPDX-License-Identifier: EUPL-1.2 */
/* Code lists of others become tables of a policy. */
#include "ctl/bundle/codes_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *in, const char *out, size_t rows)
{
	struct buf b;
	size_t got;
	char *error;

	buf_init(&b, 10000);
	if (codes_table(span_str(in), &b, &got, &error) != 0)
		fail_msg("%s: %s", in, error);
	assert_string_equal(b.data, out);
	assert_int_equal(got, rows);
	buf_done(&b);
}

static void test_plain(void **state)
{
	(void)state;
	expect("code,name\nA,x\nB,y\n", "code,name\nA,x\nB,y\n", 2);
	expect("code\r\nA\r\nB", "code\nA\nB\n", 2);
	expect("code,name\nB,b\nAB,ab\nA,a\n", "code,name\nA,a\nAB,ab\nB,b\n", 3);
	expect("\xef\xbb\xbf"
	       "code,name\nA,\n",
		"code,name\nA,\n", 1);
}

static void test_quoted(void **state)
{
	(void)state;
	expect("\"code\",\"name\"\n\"A\",\"Drum, steel\"\n", "code,name\nA,Drum; steel\n",
		1);
	expect("code,name,x\nA,\"12\"\" pipe\",\"\"\n", "code,name,x\nA,12' pipe,\n", 1);
}

static void test_refused(void **state)
{
	static const char *const BAD[][2] = {
		{ "", "" },
		{ "code,name\n", "there are no codes" },
		{ "name,code\nA,x\n", "line 1: the first column" },
		{ "code,name\nA\n", "line 2: the row is not as long" },
		{ "code,name\nA,x,y\n", "line 2: the row is not as long" },
		{ "code,name\n,x\n", "line 2: a code is empty" },
		{ "code,name\nA,x\n\nB,y\n", "line 3: " },
		{ "code,name\nA,x\nA,y\n", "the code A is there twice" },
		{ "code,name\nA,\"x\n", "line 2: a quotation mark" },
		{ "code,name\nA,\"x\ny\"\n", "line 2: a quotation mark" },
		{ "code,name\nA,x\"y\n", "line 2: a quotation mark" },
		{ "code,name\nA,\"x\"y\n", "line 2: something follows" },
		{ "code,name\nA,\x01\n", "line 2: " },
		{ "code,name\nA,\xff\n", "UTF-8" },
		{ "code,a,b,c,d,e,f,g,h,i,j,k,l\n", "too many columns" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct buf b;
		size_t rows;
		char *error;

		buf_init(&b, 10000);
		if (codes_table(span_str(BAD[i][0]), &b, &rows, &error) != -EINVAL)
			fail_msg("taken: %s", BAD[i][0]);
		if (!error || !strstr(error, BAD[i][1]))
			fail_msg("%s: %s", BAD[i][0], error ? error : "no message");
		free(error);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
