/* SPDX-License-Identifier: EUPL-1.2 */
/* Admission: what is accepted, and every reason not to. */
#include "policy/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admission.h"

static void test_accepted(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	complete(&b);
	r = judge(&b, USUAL);
	if (r.verdict.decision != DECISION_ACCEPTED)
		show(&r);
	assert_int_equal(r.verdict.decision, DECISION_ACCEPTED);
	assert_int_equal(r.verdict.error_count, 0);
	assert_string_equal(r.verdict.type, "PHYTO");
	assert_string_equal(r.verdict.number, "PHYTO.NZ.2026.0000001");
	assert_string_equal(r.verdict.status, "70");
	assert_string_equal(r.verdict.export_country, "NZ");
	assert_string_equal(r.verdict.import_country, "NL");
	assert_true(r.verdict.judged_at == NOW);
	assert_int_equal(json_array_size(json_object_get(r.report, "signatures")), 2);
	assert_string_equal(json_string_of(r.report, "decision"), "accepted");
	assert_string_equal(json_string_of(json_object_get(r.report, "facts"), "number"),
		"PHYTO.NZ.2026.0000001");
	json_decref(r.report);
}

static void test_parallel_seal(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_PARALLEL, "officer");
	sign(&b, &house.seal, XADES_PARALLEL, "seal");
	decided(judge(&b, USUAL), DECISION_ACCEPTED);
}

/* What no signature covers and no value holds may come and go. */
static void test_trailing_comment(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	buf_add_str(&b, "\n<!-- sent by the registry -->\n");
	decided(judge(&b, USUAL), DECISION_ACCEPTED);
}

static void test_changed(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	replace(&b, "New Zealand", "New Zealend");
	refused(judge(&b, USUAL), "sig.digest", false);
}

/* Even when a signature fails, schema, rules and partner are looked at. */
static void test_every_finding(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	complete(&b);
	replace(&b, ">70</ram:StatusCode>", ">1</ram:StatusCode>");
	r = judge(&b, (struct wish){ .country = "BR",
			      .routes = "FR",
			      .types = "IMPORT",
			      .more = "suspended = true;" });
	assert_true(errors_of(&r, "sig.digest") > 0);
	assert_true(errors_of(&r, "doc.status") > 0);
	assert_true(errors_of(&r, "document.country") == 1);
	assert_true(errors_of(&r, "document.type-not-allowed") == 1);
	assert_true(errors_of(&r, "partner.suspended") == 1);
	assert_true(errors_of(&r, "route.none") == 1);
	/* They are there, and why they do not count has been said. */
	assert_true(errors_of(&r, "partner.officer-missing") == 0);
	decided(r, DECISION_REFUSED);
}

static void test_no_signature(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	refused(judge(&b, USUAL), "sig.none", false);
}

static void test_officer_alone(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_ENVELOPED, "officer");
	refused(judge(&b, USUAL), "partner.seal-missing", true);
}

static void test_seal_alone(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.seal, XADES_ENVELOPED, "seal");
	refused(judge(&b, USUAL), "partner.officer-missing", true);
}

static void test_officer_twice_is_no_seal(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_PARALLEL, "one");
	sign(&b, &house.officer, XADES_PARALLEL, "two");
	refused(judge(&b, USUAL), "partner.seal-missing", true);
}

static void test_officer_over_seal(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.seal, XADES_ENVELOPED, "seal");
	sign(&b, &house.officer, XADES_COUNTER, "officer");
	refused(judge(&b, USUAL), "partner.signer-role", false);
}

/* A valid signature by someone with a certificate of the right authority. */
static void test_stranger(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.stranger, XADES_ENVELOPED, "stranger");
	sign(&b, &house.seal, XADES_COUNTER, "seal");
	refused(judge(&b, USUAL), "partner.signer-unknown", false);
}

/* Enough of the right ones does not make good for a wrong one. */
static void test_stranger_beside(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_PARALLEL, "officer");
	sign(&b, &house.seal, XADES_PARALLEL, "seal");
	sign(&b, &house.stranger, XADES_PARALLEL, "stranger");
	refused(judge(&b, USUAL), "partner.signer-unknown", true);
}

static void test_partner(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	refused(judge(&b, (struct wish){ .country = "BR" }), "document.country", true);
	refused(judge(&b, (struct wish){ .types = "IMPORT" }),
		"document.type-not-allowed", true);
	refused(judge(&b, (struct wish){ .more = "suspended = true;" }),
		"partner.suspended", true);
	refused(judge(&b, (struct wish){ .routes = "FR" }), "route.none", true);
	refused(judge_with(&b, USUAL, "other", house.material), "partner.unknown", false);
	refused(judge_with(&b, USUAL, "", house.material), "partner.unknown", false);
}

static void test_unreadable(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	_cleanup_buf_ struct buf empty;

	(void)state;
	complete(&b);
	replace(&b, "?>", "?><!DOCTYPE x>");
	refused(judge(&b, USUAL), "xml.doctype", true);
	buf_init(&empty, 1);
	buf_add_str(&empty, "");
	refused(judge(&empty, USUAL), "xml.empty", true);
}

static void test_unknown_type(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	replace(&b, ">851<", ">861<");
	complete(&b);
	refused(judge(&b, USUAL), "doc.type-unknown", false);
}

/* A rule that is broken inside a document whose signatures are all right. */
static void test_rule(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	replace(&b, "<ram:SequenceNumeric>1<", "<ram:SequenceNumeric>7<");
	complete(&b);
	refused(judge(&b, USUAL), "doc.rule", false);
}

/* Cut anywhere, a document is refused. */
static void test_cut(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	for (size_t len = 1; len < b.len - 2; len += b.len / 40) {
		_cleanup_buf_ struct buf cut;

		buf_init(&cut, b.len);
		buf_add(&cut, b.data, len);
		decided(judge(&cut, USUAL), DECISION_REFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_parallel_seal),
		cmocka_unit_test(test_trailing_comment), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_every_finding), cmocka_unit_test(test_no_signature),
		cmocka_unit_test(test_officer_alone), cmocka_unit_test(test_seal_alone),
		cmocka_unit_test(test_officer_twice_is_no_seal),
		cmocka_unit_test(test_officer_over_seal), cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_stranger_beside), cmocka_unit_test(test_partner),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_rule), cmocka_unit_test(test_cut) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
