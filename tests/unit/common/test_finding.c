/* SPDX-License-Identifier: EUPL-1.2 */
/* Findings: a slip of ours can never turn a refusal into an acceptance. */
#include "common/finding.h"

#include "common/json.h"
#include "common/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_add(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	findings_add(&f, "xml.doctype", "2:1", "<!DOCTYPE x>", NULL);
	findings_addf(
		&f, SEVERITY_WARNING, "xml.comment", NULL, NULL, "%d of %s", 3, "x");
	assert_int_equal(f.count, 2);
	assert_int_equal(f.errors, 1);
	assert_string_equal(f.list[0].message, f.list[0].reason->sentence);
	assert_string_equal(f.list[1].message, "3 of x");
	assert_string_equal(f.list[1].where, "");
	assert_true(findings_have(&f, "xml.comment"));
	assert_false(findings_have(&f, "xml.pi"));
}

static void test_unknown_code_stays_an_error(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	findings_addf(&f, SEVERITY_INFO, "no.such-code", "here", NULL, "x");
	assert_int_equal(f.errors, 1);
	assert_string_equal(f.list[0].reason->code, "internal.reason");
	assert_string_equal(f.list[0].message, "no.such-code");
}

static void test_limit_keeps_counting(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	for (size_t i = 0; i < LIMIT_FINDINGS + 7; i++)
		findings_add(&f, "xml.pi", NULL, NULL, NULL);
	assert_int_equal(f.count, LIMIT_FINDINGS);
	assert_int_equal(f.dropped, 7);
	assert_int_equal(f.errors, LIMIT_FINDINGS + 7);
}

static void test_received_is_cut(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	char text[1001];

	(void)state;
	memset(text, 'x', 1000);
	text[1000] = '\0';
	findings_add(&f, "xml.pi", NULL, text, NULL);
	assert_int_equal(strlen(f.list[0].received), 200);
}

static void test_move(void **state)
{
	_cleanup_findings_ struct findings a = { 0 }, b = { 0 };

	(void)state;
	findings_add(&a, "xml.pi", "1", NULL, NULL);
	findings_add(&b, "xml.nul", "2", NULL, NULL);
	findings_addf(&b, SEVERITY_INFO, "xml.comment", "3", NULL, "x");
	findings_move(&a, &b);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.errors, 2);
	assert_int_equal(b.count, 0);
	assert_int_equal(b.errors, 0);
	assert_string_equal(a.list[2].where, "3");
}

static void test_move_over_the_limit(void **state)
{
	_cleanup_findings_ struct findings a = { 0 }, b = { 0 };

	(void)state;
	for (size_t i = 0; i < LIMIT_FINDINGS - 1; i++)
		findings_add(&a, "xml.pi", NULL, NULL, NULL);
	for (size_t i = 0; i < 3; i++)
		findings_add(&b, "xml.nul", NULL, NULL, NULL);
	findings_move(&a, &b);
	assert_int_equal(a.count, LIMIT_FINDINGS);
	assert_int_equal(a.errors, LIMIT_FINDINGS + 2);
	assert_int_equal(a.dropped, 2);
}

static void test_drops_remarks_and_no_error(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };

	(void)state;
	findings_addf(&f, SEVERITY_INFO, "sig.policy", "1", NULL, "a remark");
	findings_add(&f, "sig.policy", "2", NULL, NULL);
	findings_addf(&f, SEVERITY_WARNING, "sig.policy", "3", NULL, "a remark");
	findings_addf(&f, SEVERITY_INFO, "sig.weak", "4", NULL, "another");
	findings_drop_remarks(&f, "sig.policy");
	assert_int_equal(f.count, 2);
	assert_int_equal(f.errors, 1);
	assert_string_equal(f.list[0].where, "2");
	assert_string_equal(f.list[1].where, "4");
}

static void test_json(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_json_ json_t *j = NULL;
	const json_t *row;

	(void)state;
	findings_add(&f, "xml.doctype", "2:1", "bad \xff octet", NULL);
	j = findings_to_json(&f);
	assert_non_null(j);
	row = json_array_get(j, 0);
	assert_string_equal(json_string_of(row, "code"), "xml.doctype");
	assert_string_equal(json_string_of(row, "severity"), "error");
	assert_string_equal(json_string_of(row, "received"), "bad \xef\xbf\xbd octet");
	assert_true(strlen(json_string_of(row, "fix")) > 0);
}

/* The table: every row can be answered with, and no code is there twice. */
static void test_table(void **state)
{
	static const char *const CODES[] = {
#define REASON(code, status, sentence, clause, fix) code,
#include "common/reasons.def"
#undef REASON
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
		const struct reason *row = reason_find(CODES[i]);

		assert_non_null(strchr(CODES[i], '.'));
		assert_true(row->http_status >= 400 && row->http_status <= 599);
		assert_true(strlen(row->sentence) > 10);
		assert_true(strlen(row->fix) > 0);
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(CODES[i], CODES[other]);
	}
	assert_null(reason_find("no.such-code"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_unknown_code_stays_an_error),
		cmocka_unit_test(test_limit_keeps_counting),
		cmocka_unit_test(test_received_is_cut),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_move_over_the_limit),
		cmocka_unit_test(test_drops_remarks_and_no_error),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
