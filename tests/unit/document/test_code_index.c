/* SPDX-License-Identifier: EUPL-1.2 */
/* Compiled lists answer as their tables do, and what is not the index of its table is not
 * used. */
#include "document/code_index.h"

#include "common/clock.h"
#include "common/durable.h"
#include "document/code_list_model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 120000
#define NOON "2026-06-05T12:00:00Z"
#define SMALL                                                                            \
	"code,name,from,until\nB,b,2020-02-01,2026-06-05\nA,a,,\nC,c,2027-01-01,\n"      \
	"D,d,,2020-12-31\n"

static char folder[] = "/tmp/sealgate-index-XXXXXX", table[64], path[64];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(table, sizeof(table), "%s/x.csv", folder);
	return code_index_path(table, path, sizeof(path));
}

static int teardown(void **state)
{
	(void)state;
	unlink(table);
	unlink(path);
	return rmdir(folder);
}

static void put(const char *where, struct span octets)
{
	assert_int_equal(durable_write(where, octets, 0600), 0);
}

/* The index of a table, which is written. */
static struct buf index_of(const char *text)
{
	struct buf octets;
	char *error = NULL;

	put(table, span_str(text));
	buf_init(&octets, CODE_LIST_MAX);
	if (code_index_make(table, &octets, &error) < 0)
		fail_msg("%s", error);
	return octets;
}

static void finds(const struct code_list *l, const char *code, enum code_answer wanted,
	const char *wanted_day)
{
	char day[CODE_DAY_SIZE];
	int64_t t;

	assert_int_equal(clock_parse(NOON, &t), 0);
	assert_int_equal(code_list_find(l, code, t, day), wanted);
	assert_string_equal(day, wanted_day);
}

static void test_answers(void **state)
{
	_cleanup_buf_ struct buf octets = index_of(SMALL);
	struct code_list *l = NULL;
	char *error;

	(void)state;
	put(path, buf_span(&octets));
	assert_int_equal(code_list_load(table, "", &l, &error), 0);
	assert_non_null(l->map); /* and nothing on the heap */
	assert_null(l->owned_text);
	assert_int_equal(code_list_count(l), 4);
	finds(l, "A", CODE_KNOWN, "");
	finds(l, "B", CODE_KNOWN, "");
	finds(l, "C", CODE_TOO_EARLY, "2027-01-01");
	finds(l, "D", CODE_TOO_LATE, "2020-12-31");
	finds(l, "E", CODE_UNKNOWN, "");
	finds(l, "", CODE_UNKNOWN, "");
	code_list_free(l);
	/* A condition asks for columns, which only the table has. */
	assert_int_equal(code_list_load(table, "name=a", &l, &error), 0);
	assert_null(l->map);
	code_list_free(l);
	unlink(path);
}

static void test_large(void **state)
{
	char *text = malloc(MANY * 12 + 6), *at = text, code[16], *error;
	struct code_list *l = NULL;
	struct buf octets;

	(void)state;
	assert_non_null(text);
	at = stpcpy(at, "code\n");
	for (unsigned int i = 0; i < MANY; i++)
		at += snprintf(at, 9, "%06u\n", (i * 7919u) % MANY * 2);
	octets = index_of(text);
	put(path, buf_span(&octets));
	assert_int_equal(code_list_load(table, "", &l, &error), 0);
	assert_int_equal(code_list_count(l), MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		(void)snprintf(code, sizeof(code), "%06u", i * 2);
		finds(l, code, CODE_KNOWN, "");
		(void)snprintf(code, sizeof(code), "%06u", i * 2 + 1);
		finds(l, code, CODE_UNKNOWN, "");
	}
	code_list_free(l);
	buf_done(&octets);
	free(text);
	unlink(path);
}

/* The order of the rows is not in the codes of an index, and its table's digest is. */
static void test_one_form(void **state)
{
	_cleanup_buf_ struct buf a = index_of("code\nA\nB\n"),
				 b = index_of("code\nA\nB\n"),
				 c = index_of("code\nB\nA\n");

	(void)state;
	assert_int_equal(a.len, 48 + 2 * 12 + 4);
	assert_int_equal(b.len, a.len);
	assert_memory_equal(a.data, b.data, a.len);
	assert_memory_equal(a.data + 48, c.data + 48, a.len - 48);
	assert_memory_not_equal(a.data, c.data, 48);
}

static void test_codes_that_have_no_index(void **state)
{
	struct buf octets;
	char *error = NULL;

	(void)state;
	buf_init(&octets, CODE_LIST_MAX);
	put(table, span_str("code\nA\nA\n"));
	assert_int_equal(code_index_make(table, &octets, &error), -EINVAL);
	assert_non_null(strstr(error, "there twice"));
	free(error);
	put(table, span_str("code,name\n,x\n"));
	assert_int_equal(code_index_make(table, &octets, &error), -EINVAL);
	free(error);
	put(table, span_str("code,from\nA,\nB,1.1.\n"));
	assert_int_equal(code_index_make(table, &octets, &error), -EINVAL);
	assert_non_null(strstr(error, "x.csv:3:"));
	free(error);
	buf_done(&octets);
}

static void refuses(const char *why)
{
	struct code_list *l = NULL;
	char *error = NULL;

	assert_int_equal(code_list_load(table, "", &l, &error), -EINVAL);
	assert_non_null(error);
	assert_non_null(strstr(error, "x.index:0: "));
	assert_non_null(strstr(error, why));
	free(error);
}

static void test_another_table(void **state)
{
	_cleanup_buf_ struct buf octets = index_of(SMALL);

	(void)state;
	put(path, buf_span(&octets));
	put(table, span_str(SMALL "E,e,,\n"));
	refuses("was made of another table");
	unlink(table);
	refuses("was made of another table");
	put(path, span_str("x"));
	refuses("no index");
	put(path, span_str(""));
	refuses("no index");
	unlink(path);
}

/* Octets that are damaged anywhere are none, but for those of the table's digest, which
 * is compared with the table, and for letters and days that keep the order. */
static void test_damaged(void **state)
{
	_cleanup_buf_ struct buf octets = index_of(SMALL);
	size_t refused = 0, taken = 0;

	(void)state;
	for (size_t i = 0; i < octets.len; i++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct code_list *l = NULL;

			octets.data[i] = (char)(octets.data[i] ^ (char)(1u << bit));
			if (code_index_read(buf_span(&octets), &l) == 0) {
				assert_true(i >= 16);
				taken++;
			} else
				refused++;
			code_list_free(l);
			octets.data[i] = (char)(octets.data[i] ^ (char)(1u << bit));
		}
	assert_true(refused > 300 && taken >= 32 * 8);
	for (size_t n = 0; n < octets.len; n++) {
		struct code_list *l = NULL;

		assert_int_equal(code_index_read(span_of(octets.data, n), &l), -EINVAL);
	}
}

/* An entry of an index. */
static void set_entry(struct buf *b, size_t i, struct code_entry e)
{
	memcpy(b->data + 48 + i * sizeof(e), &e, sizeof(e));
}

static void test_entries(void **state)
{
	static const struct code_entry BAD[] = {
		{ 1, CODE_NO_DAY, CODE_NO_DAY }, /* not where the last ended */
		{ UINT32_MAX, CODE_NO_DAY, CODE_NO_DAY },
		{ 2, 10, 9 },
		{ 2, INT32_MAX, CODE_NO_DAY },
		{ 2, CODE_NO_DAY, INT32_MIN + 1 },
	};
	_cleanup_buf_ struct buf octets = index_of("code\nA\nB\n");
	struct code_list *l = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		set_entry(&octets, 1, BAD[i]);
		assert_int_equal(code_index_read(buf_span(&octets), &l), -EINVAL);
	}
	set_entry(&octets, 1, (struct code_entry){ 2, 9, 9 });
	assert_int_equal(code_index_read(buf_span(&octets), &l), 0);
	code_list_free(l);
	octets.data[octets.len - 2] = 'A'; /* twice the same */
	assert_int_equal(code_index_read(buf_span(&octets), &l), -EINVAL);
	octets.data[octets.len - 2] = '\0';
	assert_int_equal(code_index_read(buf_span(&octets), &l), -EINVAL);
}

/* What becomes another file after it was judged is still not read past its end. */
static void test_changed_while_mapped(void **state)
{
	_cleanup_buf_ struct buf octets = index_of("code\nA\nB\n");
	struct code_list *l = NULL;
	uint8_t *copy;

	(void)state;
	copy = malloc(octets.len);
	assert_non_null(copy);
	memcpy(copy, octets.data, octets.len);
	assert_int_equal(code_index_read(span_of(copy, octets.len), &l), 0);
	memset(copy + 48, 0xff, octets.len - 48);
	finds(l, "A", CODE_UNKNOWN, "");
	memset(copy + 48, 0, 24);
	finds(l, "\xff\xff\xff\xff\xff", CODE_UNKNOWN, "");
	code_list_free(l);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_codes_that_have_no_index),
		cmocka_unit_test(test_another_table),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_changed_while_mapped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
