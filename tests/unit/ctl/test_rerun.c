/* SPDX-License-Identifier: EUPL-1.2 */
/* What is otherwise under another policy, also where trust material has moved on. */
#include "ctl/bundle/rerun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ERROR_SIG "{\"code\":\"sig.path\",\"severity\":\"error\",\"where\":\"\"}"
#define ERROR_RULE "{\"code\":\"rule.failed\",\"rule\":\"A\",\"severity\":\"error\"}"
#define WARNING_RULE "{\"code\":\"rule.failed\",\"rule\":\"A\",\"severity\":\"warning\"}"

static struct rerun rerun(enum decision d, const char *findings, const char *route)
{
	struct rerun r = { .decision = d, .findings = json_loads(findings, 0, NULL) };

	assert_non_null(r.findings);
	if (route)
		snprintf(r.route[r.route_count++], sizeof(r.route[0]), "%s", route);
	return r;
}

static void check(enum decision stored, struct rerun base, struct rerun next,
	enum decision would, bool verdict, bool route, size_t gained, size_t lost)
{
	struct rerun_change c;

	assert_int_equal(rerun_compare(stored, &base, &next, &c), 0);
	assert_int_equal(c.was, stored);
	assert_int_equal(c.would, would);
	assert_int_equal(c.verdict, verdict);
	assert_int_equal(c.route, route);
	assert_int_equal(json_array_size(c.gained), gained);
	assert_int_equal(json_array_size(c.lost), lost);
	rerun_change_done(&c);
	json_decref((json_t *)(uintptr_t)base.findings);
	json_decref((json_t *)(uintptr_t)next.findings);
}

static void test_nothing_changes(void **state)
{
	(void)state;
	check(DECISION_ACCEPTED, rerun(DECISION_ACCEPTED, "[]", "a"),
		rerun(DECISION_ACCEPTED, "[]", "a"), DECISION_ACCEPTED, false, false, 0,
		0);
}

static void test_a_rule_more(void **state)
{
	(void)state;
	check(DECISION_ACCEPTED, rerun(DECISION_ACCEPTED, "[]", "a"),
		rerun(DECISION_REFUSED, "[" ERROR_RULE "]", "b"), DECISION_REFUSED, true,
		true, 1, 0);
	/* An error that becomes a warning is one lost and one gained. */
	check(DECISION_REFUSED, rerun(DECISION_REFUSED, "[" ERROR_RULE "]", NULL),
		rerun(DECISION_ACCEPTED, "[" WARNING_RULE "]", NULL), DECISION_ACCEPTED,
		true, false, 1, 1);
}

/* What was accepted cannot be proven today: only the policies' difference counts. */
static void test_trust_has_moved(void **state)
{
	(void)state;
	check(DECISION_ACCEPTED, rerun(DECISION_REFUSED, "[" ERROR_SIG "]", "a"),
		rerun(DECISION_REFUSED, "[" ERROR_SIG "]", "a"), DECISION_ACCEPTED, false,
		false, 0, 0);
	check(DECISION_ACCEPTED, rerun(DECISION_REFUSED, "[" ERROR_SIG "]", "a"),
		rerun(DECISION_REFUSED, "[" ERROR_SIG "," ERROR_RULE "]", "a"),
		DECISION_REFUSED, true, false, 1, 0);
	check(DECISION_ACCEPTED, rerun(DECISION_HELD, "[" ERROR_SIG "]", "a"),
		rerun(DECISION_HELD, "[" ERROR_SIG "," WARNING_RULE "]", "a"),
		DECISION_ACCEPTED, false, false, 1, 0);
}

static void test_account(void **state)
{
	struct queue_document d = { .id = "1", .partner = "p", .type = "PHYTO" };
	struct rerun base = rerun(DECISION_ACCEPTED, "[]", "a"),
		     next = rerun(DECISION_REFUSED, "[" ERROR_RULE "]", "a");
	struct rerun_account a;
	struct rerun_change c;
	json_t *out, *p;

	(void)state;
	assert_int_equal(rerun_account_init(&a), 0);
	for (int i = 0; i < RERUN_CHANGES_MAX + 1; i++) {
		assert_int_equal(rerun_compare(DECISION_ACCEPTED, &base, &next, &c), 0);
		assert_int_equal(rerun_note(&a, &d, &base, &next, &c), 0);
		rerun_change_done(&c);
	}
	assert_int_equal(rerun_note_undecided(&a, &d), 0);
	assert_int_equal(rerun_note_not_kept(&a, "q"), 0);
	out = rerun_to_json(&a);
	assert_int_equal(json_integer_value(json_object_get(out, "left_off")), 1);
	assert_int_equal(
		json_array_size(json_object_get(out, "changes")), RERUN_CHANGES_MAX);
	p = json_array_get(json_object_get(out, "partners"), 0);
	assert_int_equal(json_integer_value(json_object_get(p, "verdicts")),
		RERUN_CHANGES_MAX + 1);
	assert_int_equal(json_integer_value(json_object_get(p, "undecided")), 1);
	assert_int_equal(json_integer_value(json_object_get(p, "routes")), 0);
	json_decref(out);
	rerun_account_done(&a);
	json_decref((json_t *)(uintptr_t)base.findings);
	json_decref((json_t *)(uintptr_t)next.findings);
}

/* However much policies find: what is listed has an end, the rest is counted. */
static void test_account_has_an_end(void **state)
{
	struct queue_document d = { .id = "1", .partner = "p", .type = "PHYTO" };
	struct rerun base = rerun(DECISION_ACCEPTED, "[]", "a");
	struct rerun_account a;
	struct rerun_change c;
	json_t *out, *findings = json_array();
	char *text = calloc(1, RERUN_OCTETS_MAX / 8 + 1);
	struct rerun next = { .decision = DECISION_REFUSED, .findings = findings };

	(void)state;
	assert_non_null(text);
	memset(text, 'x', RERUN_OCTETS_MAX / 8);
	json_array_append_new(findings, json_pack("{s:s, s:s, s:s}", "code", "c",
						"severity", "error", "message", text));
	assert_int_equal(rerun_account_init(&a), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(rerun_compare(DECISION_ACCEPTED, &base, &next, &c), 0);
		assert_int_equal(rerun_note(&a, &d, &base, &next, &c), 0);
		rerun_change_done(&c);
	}
	a.cut = "somebody ended it";
	out = rerun_to_json(&a);
	assert_int_equal(json_integer_value(json_object_get(out, "changed")), 20);
	assert_int_equal(json_array_size(json_object_get(out, "changes")), 7);
	assert_int_equal(json_integer_value(json_object_get(out, "left_off")), 13);
	assert_true(json_is_false(json_object_get(out, "complete")));
	assert_string_equal(json_string_value(json_object_get(out, "cut")), a.cut);
	json_decref(out);
	rerun_account_done(&a);
	json_decref((json_t *)(uintptr_t)base.findings);
	json_decref(findings);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_changes),
		cmocka_unit_test(test_a_rule_more),
		cmocka_unit_test(test_trust_has_moved),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_account_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
