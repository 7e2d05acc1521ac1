/* SPDX-License-Identifier: EUPL-1.2 */
/* SCGI requests: what nginx writes is read, anything else is refused. */
#include "common/scgi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define PLAIN                                                                            \
	"CONTENT_LENGTH\0"                                                               \
	"5\0"                                                                            \
	"SCGI\0"                                                                         \
	"1\0"

/* The netstring of the header, and a body; the caller frees. */
static struct span request(const char *header, size_t len, const char *body)
{
	size_t size = len + strlen(body) + 32;
	char *text = malloc(size);
	int n;

	assert_non_null(text);
	n = snprintf(text, size, "%zu:", len);
	memcpy(text + n, header, len);
	text[(size_t)n + len] = ',';
	memcpy(text + (size_t)n + len + 1, body, strlen(body));
	return span_of(text, (size_t)n + len + 1 + strlen(body));
}

static int parse(const char *header, size_t len)
{
	struct span data = request(header, len, "hello");
	struct scgi_request r = { 0 };
	size_t used;
	int e = scgi_parse(data, &r, &used);

	if (e == 1)
		scgi_done(&r);
	free((void *)(uintptr_t)data.data);
	return e;
}

#define PARSE(header) parse(header, sizeof(header) - 1)

static void test_plain(void **state)
{
	static const char HEADER[] = PLAIN "REQUEST_METHOD\0"
					   "POST\0"
					   "EMPTY\0"
					   "\0";
	struct span data = request(HEADER, sizeof(HEADER) - 1, "hello");
	struct scgi_request r = { 0 };
	size_t used;

	(void)state;
	assert_int_equal(scgi_parse(data, &r, &used), 1);
	assert_int_equal(used, data.len - 5);
	assert_int_equal(r.content_length, 5);
	assert_int_equal(r.pair_count, 4);
	assert_string_equal(scgi_get(&r, "REQUEST_METHOD"), "POST");
	assert_string_equal(scgi_get(&r, "EMPTY"), "");
	assert_string_equal(scgi_get(&r, "request_method"), "");
	assert_string_equal(scgi_get(&r, "ABSENT"), "");
	scgi_done(&r);
	assert_int_equal(r.pair_count, 0);
	free((void *)(uintptr_t)data.data);
}

/* Every shorter beginning asks for more and takes nothing. */
static void test_every_beginning_needs_more(void **state)
{
	struct span data = request(PLAIN, sizeof(PLAIN) - 1, "");
	struct scgi_request r = { 0 };
	size_t used;

	(void)state;
	for (size_t n = 0; n < data.len; n++)
		assert_int_equal(scgi_parse(span_of(data.data, n), &r, &used), 0);
	assert_int_equal(scgi_parse(data, &r, &used), 1);
	scgi_done(&r);
	free((void *)(uintptr_t)data.data);
}

static int parse_text(const char *text)
{
	struct scgi_request r = { 0 };
	size_t used;

	return scgi_parse(span_str(text), &r, &used);
}

static void test_another_limit(void **state)
{
	struct scgi_request r = { 0 };
	size_t used;

	(void)state;
	assert_int_equal(scgi_parse_up_to(70000, span_str("70000:x"), &r, &used), 0);
	assert_int_equal(scgi_parse_up_to(70000, span_str("70001:x"), &r, &used), -E2BIG);
	assert_int_equal(scgi_parse(span_str("65537:x"), &r, &used), -E2BIG);
	assert_int_equal(scgi_parse(span_str("65536:x"), &r, &used), 0);
}

static void test_bad_netstrings(void **state)
{
	(void)state;
	assert_int_equal(parse_text("GET / HTTP/1.1\r\n"), -EPROTO);
	assert_int_equal(parse_text("024:CONTENT_LENGTH"), -EPROTO);
	assert_int_equal(parse_text("-24:CONTENT_LENGTH"), -EPROTO);
	assert_int_equal(parse_text(" 24:CONTENT_LENGTH"), -EPROTO);
	assert_int_equal(parse_text("2x:CONTENT_LENGTH"), -EPROTO);
	assert_int_equal(parse_text(":CONTENT_LENGTH"), -EPROTO);
	assert_int_equal(parse_text("0:,"), -EPROTO);
	assert_int_equal(parse_text("65537:"), -E2BIG);
	assert_int_equal(parse_text("999999:"), -E2BIG);
	assert_int_equal(parse_text("9999999:"), -EPROTO);
	assert_int_equal(parse_text("4:abcd;"), -EPROTO); /* no comma */
	assert_int_equal(parse_text("4:abcd,"), -EPROTO); /* no NUL */
}

static void test_bad_pairs(void **state)
{
	(void)state;
	assert_int_equal(PARSE(PLAIN), 1);
	assert_int_equal(PARSE("SCGI\0"
			       "1\0"
			       "CONTENT_LENGTH\0"
			       "5\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "5\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "5\0"
			       "SCGI\0"
			       "2\0"),
		-EPROTO);
	assert_int_equal(PARSE(PLAIN "CONTENT_LENGTH\0"
				     "6\0"),
		-EPROTO);
	assert_int_equal(PARSE(PLAIN "A\0"
				     "1\0"
				     "A\0"
				     "2\0"),
		-EPROTO);
	assert_int_equal(PARSE(PLAIN "NAME\0"), -EPROTO);
	assert_int_equal(PARSE(PLAIN "\0"
				     "value\0"),
		-EPROTO);
	assert_int_equal(PARSE("\0"), -EPROTO);
}

static void test_bad_content_lengths(void **state)
{
	(void)state;
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "\0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "-1\0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "+5\0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "05\0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "5 \0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "0x5\0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "9999999999999\0"
			       "SCGI\0"
			       "1\0"),
		-EPROTO);
	assert_int_equal(PARSE("CONTENT_LENGTH\0"
			       "0\0"
			       "SCGI\0"
			       "1\0"),
		1);
}

static void test_too_many_pairs(void **state)
{
	char header[4096] = PLAIN;
	size_t len = sizeof(PLAIN) - 1, pairs = 2;

	(void)state;
	for (; pairs < SCGI_PAIRS_MAX; pairs++)
		len += (size_t)snprintf(header + len, 8, "N%zu", pairs) + 1 + 1;
	assert_int_equal(parse(header, len), 1);
	len += (size_t)snprintf(header + len, 8, "N%zu", pairs) + 1 + 1;
	assert_int_equal(parse(header, len), -E2BIG);
}

/* A header that goes on: whole pairs, and what is there of the last value. */
static void test_front(void **state)
{
	static const char HEADER[] = "999999:" PLAIN "A\0one\0B\0two";
	static const char *const B[] = { "two", "tw", "t", "", "", "" };
	struct scgi_request r = { 0 };
	size_t n;

	(void)state;
	for (size_t cut = 0; cut < sizeof(B) / sizeof(B[0]); cut++) {
		assert_int_equal(
			scgi_parse_front(
				span_of(HEADER, sizeof(HEADER) - 1 - cut), &r, &n),
			0);
		assert_string_equal(scgi_get(&r, "A"), "one");
		assert_string_equal(scgi_get(&r, "B"), B[cut]);
		assert_int_equal(n, 7 + 999999 + 1);
		scgi_done(&r);
	}
	assert_int_equal(scgi_parse_front(span_str("999999:A"), &r, &n), -EPROTO);
	assert_int_equal(scgi_parse_front(span_str("9999999:A"), &r, &n), -EPROTO);
	assert_int_equal(scgi_parse_front(span_str("99"), &r, &n), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_every_beginning_needs_more),
		cmocka_unit_test(test_another_limit),
		cmocka_unit_test(test_bad_netstrings),
		cmocka_unit_test(test_bad_pairs),
		cmocka_unit_test(test_bad_content_lengths),
		cmocka_unit_test(test_too_many_pairs),
		cmocka_unit_test(test_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
