/* SPDX-License-Identifier: EUPL-1.2 */
/* The audit chain: every way of tampering with an export is found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/encode.h"
#include "queue/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINES 5
#define LINE_MAX_SIZE 300

struct chain {
	char lines[LINES][LINE_MAX_SIZE];
	uint8_t ends[LINES][SHA256_SIZE];
};

static void make_chain(struct chain *c, const char *event)
{
	uint8_t before[SHA256_SIZE] = { 0 };
	char record[128], hex[SHA256_TEXT_SIZE];

	for (int i = 0; i < LINES; i++) {
		snprintf(record, sizeof(record),
			"{\"actor\":\"a\",\"at\":\"2026-06-05T12:00:0%dZ\",\"event\":\"%"
			"s\"}",
			i, event);
		assert_int_equal(audit_chain(before, span_str(record), c->ends[i]), 0);
		memcpy(before, c->ends[i], SHA256_SIZE);
		hex_encode(before, SHA256_SIZE, hex);
		snprintf(c->lines[i], LINE_MAX_SIZE, AUDIT_LINE_START "%s" AUDIT_LINE_END,
			(long long)i + 1, hex, record);
	}
}

/* Check lines in an order (-1 ends). Return: the first fault or the end's. */
static int check(const struct chain *c, const int *order, struct audit_check *ret_check)
{
	for (; *order >= 0; order++) {
		int fault = audit_check_line(ret_check, span_str(c->lines[*order]));

		if (fault != AUDIT_INTACT)
			return fault;
	}
	return audit_check_end(ret_check);
}

/* By hand: sha256(32 zero octets || sha256("{}")). */
static void known_value(void **state)
{
	static const char EXPECTED[] =
		"961af672d320bfb80e482edf9e092930b12b6f10f28ac4913d1d64c49219da68";
	uint8_t zero[SHA256_SIZE] = { 0 }, chain[SHA256_SIZE];
	char hex[SHA256_TEXT_SIZE];

	(void)state;
	assert_int_equal(audit_chain(zero, span_str("{}"), chain), 0);
	hex_encode(chain, SHA256_SIZE, hex);
	assert_string_equal(hex, EXPECTED);
}

static void intact(void **state)
{
	struct audit_check check_ = { 0 };
	struct chain c;

	(void)state;
	make_chain(&c, "x");
	assert_int_equal(
		check(&c, (const int[]){ 0, 1, 2, 3, 4, -1 }, &check_), AUDIT_INTACT);
	assert_int_equal(check_.position, 5);
	assert_memory_equal(check_.chain, c.ends[4], SHA256_SIZE);
}

static void faults_are_named(void **state)
{
	struct chain c;

	(void)state;
	make_chain(&c, "x");
	assert_int_equal(check(&c, (const int[]){ 0, 2, -1 }, &(struct audit_check){ 0 }),
		AUDIT_REMOVED);
	assert_int_equal(check(&c, (const int[]){ 1, -1 }, &(struct audit_check){ 0 }),
		AUDIT_REMOVED);
	assert_int_equal(
		check(&c, (const int[]){ 0, 1, 0, -1 }, &(struct audit_check){ 0 }),
		AUDIT_REORDERED);
	assert_int_equal(
		check(&c, (const int[]){ 0, 1, 1, -1 }, &(struct audit_check){ 0 }),
		AUDIT_REORDERED);
}

static void truncation_needs_the_head(void **state)
{
	struct audit_check check_ = { .head_position = 5 };
	struct chain c;

	(void)state;
	make_chain(&c, "x");
	memcpy(check_.head_chain, c.ends[4], SHA256_SIZE);
	assert_int_equal(
		check(&c, (const int[]){ 0, 1, 2, -1 }, &check_), AUDIT_TRUNCATED);
	assert_int_equal(check(&c, (const int[]){ 3, 4, -1 }, &check_), AUDIT_INTACT);
}

/* Someone who writes the whole chain anew is found by a head from before. */
static void rewriting_needs_the_head(void **state)
{
	struct audit_check check_ = { .head_position = 4 };
	struct chain c, forged;

	(void)state;
	make_chain(&c, "x");
	make_chain(&forged, "y");
	memcpy(check_.head_chain, c.ends[3], SHA256_SIZE);
	assert_int_equal(check(&forged, (const int[]){ 0, 1, 2, 3, 4, -1 }, &check_),
		AUDIT_REWRITTEN);
}

/* Whatever octet of whatever line changes in whatever way: it shows. */
static void every_changed_octet_is_found(void **state)
{
	static const uint8_t FLIPS[] = { 0x01, 0x20, 0x80 };
	struct chain c, changed;

	(void)state;
	make_chain(&c, "x");
	for (int line = 0; line < LINES; line++) {
		for (size_t i = 0; i < strlen(c.lines[line]) * 3; i++) {
			char *octet = &changed.lines[line][i / 3];

			changed = c;
			*octet = (char)((uint8_t)*octet ^ FLIPS[i % 3]);
			if (*octet == '\0')
				continue;
			assert_int_not_equal(
				check(&changed, (const int[]){ 0, 1, 2, 3, 4, -1 },
					&(struct audit_check){ 0 }),
				AUDIT_INTACT);
		}
	}
}

static void every_cut_or_longer_line_is_found(void **state)
{
	struct chain c;

	(void)state;
	make_chain(&c, "x");
	for (size_t n = 0; n < strlen(c.lines[0]); n++)
		assert_int_not_equal(audit_check_line(&(struct audit_check){ 0 },
					     span_of(c.lines[0], n)),
			AUDIT_INTACT);
	strncat(c.lines[0], " ", LINE_MAX_SIZE - strlen(c.lines[0]) - 1);
	assert_int_not_equal(
		audit_check_line(&(struct audit_check){ 0 }, span_str(c.lines[0])),
		AUDIT_INTACT);
}

static void only_canonical_records(void **state)
{
	static const char GOOD[] =
		"{\"actor\":\"a\",\"at\":\"t\",\"document\":\"D\",\"event\":\"e\"}";
	static const char *const BAD[] = { "", "null", "[]", "{}",
		"{\"actor\":\"a\",\"at\":\"t\",\"event\":\"e\"}",
		"{\"at\":\"t\",\"actor\":\"a\",\"document\":\"D\",\"event\":\"e\"}",
		"{\"actor\":\"a\", \"at\":\"t\",\"document\":\"D\",\"event\":\"e\"}",
		"{\"actor\":\"a\",\"at\":\"t\",\"document\":\"E\",\"event\":\"e\"}",
		"{\"actor\":\"a\",\"at\":\"t\",\"document\":\"D\",\"event\":1}",
		"{\"actor\":\"a\",\"at\":\"t\",\"document\":\"D\",\"event\":\"e\"} " };

	(void)state;
	assert_true(audit_record_ok(span_str(GOOD), "D"));
	assert_true(audit_record_ok(span_str(GOOD), NULL));
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_false(audit_record_ok(span_str(BAD[i]), "D"));
}

static void heads(void **state)
{
	uint8_t chain[SHA256_SIZE];
	char text[128], hex[SHA256_TEXT_SIZE];
	int64_t position = 0;

	(void)state;
	memset(chain, 0xAB, sizeof(chain));
	hex_encode(chain, SHA256_SIZE, hex);
	snprintf(text, sizeof(text), "17:%s\n", hex);
	assert_int_equal(audit_head_read(span_str(text), &position, chain), 0);
	assert_int_equal(position, 17);
	for (size_t n = 0; n + 2 < strlen(text); n++)
		assert_int_equal(
			audit_head_read(span_of(text, n), &position, chain), -EINVAL);
	snprintf(text, sizeof(text), "017:%s", hex);
	assert_int_equal(audit_head_read(span_str(text), &position, chain), -EINVAL);
	snprintf(text, sizeof(text), "-1:%s", hex);
	assert_int_equal(audit_head_read(span_str(text), &position, chain), -EINVAL);
	snprintf(text, sizeof(text), "9999999999999999999:%s", hex);
	assert_int_equal(audit_head_read(span_str(text), &position, chain), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_value),
		cmocka_unit_test(intact),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(truncation_needs_the_head),
		cmocka_unit_test(rewriting_needs_the_head),
		cmocka_unit_test(every_changed_octet_is_found),
		cmocka_unit_test(every_cut_or_longer_line_is_found),
		cmocka_unit_test(only_canonical_records),
		cmocka_unit_test(heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
