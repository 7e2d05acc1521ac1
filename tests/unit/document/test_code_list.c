/* SPDX-License-Identifier: EUPL-1.2 */
/* Codes with a life, conditions, lists of a hundred thousand, and lists that are none. */
#include "document/code_list.h"

#include "common/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 120000

static char path[] = "/tmp/sealgate-codes-XXXXXX";

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_list(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct code_list *list_of(const char *text, const char *where)
{
	struct code_list *l = NULL;
	char *error = NULL;

	write_list(text);
	if (code_list_load(path, where, &l, &error) < 0)
		fail_msg("%s", error ? error : "not loaded");
	return l;
}

static void finds(const struct code_list *l, const char *code, const char *at,
	enum code_answer wanted, const char *wanted_day)
{
	char day[11];
	int64_t t;

	assert_int_equal(clock_parse(at, &t), 0);
	assert_int_equal(code_list_find(l, code, t, day), wanted);
	assert_string_equal(day, wanted_day);
}

#define NOON "2026-06-05T12:00:00Z"

static void test_life(void **state)
{
	struct code_list *l = list_of("code,name,from,until\nB,b,2020-02-01,2026-06-05\n"
				      "A,a,,\nC,c,2027-01-01,\nD,d,,2020-12-31\n",
		"");

	(void)state;
	finds(l, "A", NOON, CODE_KNOWN, "");
	finds(l, "B", NOON, CODE_KNOWN, "");
	finds(l, "B", "2026-06-05T23:59:59Z", CODE_KNOWN, "");
	finds(l, "B", "2026-06-06T00:00:00Z", CODE_TOO_LATE, "2026-06-05");
	finds(l, "B", "2020-02-01T00:00:00Z", CODE_KNOWN, "");
	finds(l, "B", "2020-01-31T23:59:59Z", CODE_TOO_EARLY, "2020-02-01");
	finds(l, "C", NOON, CODE_TOO_EARLY, "2027-01-01");
	finds(l, "D", NOON, CODE_TOO_LATE, "2020-12-31");
	finds(l, "E", NOON, CODE_UNKNOWN, "");
	code_list_free(l);
}

static void test_condition(void **state)
{
	struct code_list *l =
		list_of("code,market\nAA,third\nBB,union\nBBB,union\n", "market=union");

	(void)state;
	assert_int_equal(code_list_count(l), 2);
	finds(l, "BB", NOON, CODE_KNOWN, "");
	finds(l, "AA", NOON, CODE_UNKNOWN, "");
	finds(l, "B", NOON, CODE_UNKNOWN, "");
	finds(l, "BBBB", NOON, CODE_UNKNOWN, "");
	finds(l, "BB,union", NOON, CODE_UNKNOWN, "");
	finds(l, "", NOON, CODE_UNKNOWN, "");
	code_list_free(l);
}

/* As many as UN/LOCODE has, not in order: each is found, and what lies between is not. */
static void test_large(void **state)
{
	struct code_list *l = NULL;
	char *error = NULL, code[16];
	FILE *f = fopen(path, "w");

	(void)state;
	assert_non_null(f);
	fputs("code,name\n", f);
	for (unsigned int i = 0; i < MANY; i++)
		fprintf(f, "%06u,place %u\n", (i * 7919u) % MANY * 2, i);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(code_list_load(path, "", &l, &error), 0);
	assert_int_equal(code_list_count(l), MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		(void)snprintf(code, sizeof(code), "%06u", i * 2);
		finds(l, code, NOON, CODE_KNOWN, "");
		(void)snprintf(code, sizeof(code), "%06u", i * 2 + 1);
		finds(l, code, NOON, CODE_UNKNOWN, "");
	}
	code_list_free(l);
}

static void refuses(const char *text, const char *where, const char *why)
{
	struct code_list *l = NULL;
	char *error = NULL;

	write_list(text);
	assert_true(code_list_load(path, where, &l, &error) < 0);
	if (!why)
		assert_null(error);
	else
		assert_non_null(error && strstr(error, why) ? error : NULL);
	free(error);
}

static void test_bad_lists(void **state)
{
	struct code_list *l = NULL;
	char *error = NULL;

	(void)state;
	refuses("", "", ":1: the list is empty");
	refuses("code\n", "", "there are no codes");
	refuses("code,name\nA\n", "", ":2: the row is not as long");
	refuses("code\nA\r\n", "", ":2: carriage returns");
	refuses("code\n\"A\"\n", "", ":2: carriage returns");
	refuses("code,from\nA,\nB,1.1.2026\n", "", ":3: from and until");
	refuses("code,from,until\nA,2026-02-01,2026-01-31\n", "", "in this order");
	refuses("code,from\nA,2026-13-01\n", "", ":2: from and until");
	refuses("code\nA\n", "name=B", NULL);
	refuses("code\nA\n", "name", NULL);
	refuses("code,name\nA,x\n", "name=B", NULL);
	refuses("a,b,c,d,e,f,g,h,i,j,k,l,m\n", "", "too many columns");
	assert_int_equal(code_list_load("/nonexistent", "", &l, &error), -ENOENT);
	free(error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_condition),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_bad_lists),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
