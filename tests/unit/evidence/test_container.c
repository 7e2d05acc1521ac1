/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/asic.h"
#include "evidence/seal_policy.h"

#include "common/durable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "verified.h"

static void a_container_convinces(void **state)
{
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };
	const json_t *e;

	(void)state;
	make(&SEALED.plan, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	for (size_t i = 0; i < a.findings.count; i++)
		print_message("%s %s\n", a.findings.list[i].reason->code,
			a.findings.list[i].message);
	assert_int_equal(a.valid, 1);
	assert_int_equal(a.findings.count, 0);
	assert_string_equal(json_string_of(a.report, "indication"), "TOTAL-PASSED");
	assert_string_equal(json_string_of(a.report, "sub_indication"), "");
	e = json_object_get(a.report, "evidence");
	assert_string_equal(json_string_of(e, "id"), SEALED_ID);
	assert_string_equal(json_string_of(e, "role"), "TEST seal of the gate unit");
	assert_string_equal(json_string_of(e, "seal_policy"), seal_policy_current()->id);
	assert_string_equal(json_string_of(e, "receipt_signature"), "PASSED");
	assert_true(json_is_true(json_object_get(e, "test")));
	e = json_array_get(json_object_get(a.report, "signatures"), 0);
	assert_string_equal(json_string_of(e, "level"), "XAdES-BASELINE-T");
}

static void the_document_is_untouched(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf c;
	struct asic a;

	(void)state;
	make(&SEALED.plan, &c);
	assert_int_equal(asic_read(buf_span(&c), &f, &a), 1);
	assert_true(span_equal(a.parts[ASIC_DOCUMENT], span_str(SEALED_DOCUMENT)));
}

static void without_anchors_nothing_is_proven(void **state)
{
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };
	struct pki_material *empty = pki_material_new();

	(void)state;
	make(&SEALED.plan, &c);
	a = verify(buf_span(&c), empty, NOW + 60);
	assert_int_equal(a.valid, 0);
	assert_string_equal(json_string_of(a.report, "indication"), "INDETERMINATE");
	assert_string_equal(
		json_string_of(a.report, "sub_indication"), "NO_CERTIFICATE_CHAIN_FOUND");
	pki_material_free(empty);
}

/* Before it is released, old revocation data proves nothing; afterwards, what is known
 * about that time does. */
static void released_on_fresh_revocation_data_only(void **state)
{
	_cleanup_buf_ struct buf c;
	X509_CRL *crl = house_crl(&HOUSE_OF_TESTS, 10);
	struct pki_material *m = house_material_with(&HOUSE_OF_TESTS, crl);
	struct evidence_context context = {
		.material = m, .at = NOW + INT64_C(5) * 86400, .fresh_revocation = true
	};
	struct answer a;

	(void)state;
	make(&SEALED.plan, &c);
	a = verify_in(buf_span(&c), &context);
	assert_int_equal(a.valid, 1);
	answer_done(&a);
	context.at = NOW + INT64_C(20) * 86400;
	a = verify_in(buf_span(&c), &context);
	assert_int_equal(a.valid, 0);
	assert_string_equal(json_string_of(a.report, "indication"), "INDETERMINATE");
	assert_string_equal(json_string_of(a.report, "sub_indication"), "TRY_LATER");
	answer_done(&a);
	context.fresh_revocation = false;
	a = verify_in(buf_span(&c), &context);
	assert_string_equal(json_string_of(a.report, "indication"), "TOTAL-PASSED");
	answer_done(&a);
	X509_CRL_free(crl);
	pki_material_free(m);
}

static void a_seal_is_of_one_document(void **state)
{
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	plan.document_id = "01J00000000000000000000001";
	make(&plan, &c);
	assert_refused(buf_span(&c), "evidence.signature-file");
}

static void parts_must_be_about_the_document(void **state)
{
	_cleanup_(freep) char *report =
		sealed_report("<other/>", "accepted", SEALED_POLICY);
	_cleanup_(freep) char *receipt = sealed_receipt("<other/>", "accepted", true,
		HOUSE_OF_TESTS.receipt_key, HOUSE_OF_TESTS.receipt);
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf a, b, c, d;

	(void)state;
	plan.report = span_str(report);
	make(&plan, &a);
	assert_refused(buf_span(&a), "evidence.report");
	plan.report = span_str("{}");
	make(&plan, &b);
	assert_refused(buf_span(&b), "evidence.report");
	plan.report = SEALED.plan.report;
	plan.receipt = span_str(receipt);
	make(&plan, &c);
	assert_refused(buf_span(&c), "evidence.receipt");
	plan.receipt = span_str("{}");
	make(&plan, &d);
	assert_refused(buf_span(&d), "evidence.receipt-signature");
}

static void a_receipt_names_the_size(void **state)
{
	_cleanup_(freep) char *receipt = NULL;
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	SEALED_SIZE_OFF = 1;
	receipt = sealed_receipt(SEALED_DOCUMENT, "accepted", true,
		HOUSE_OF_TESTS.receipt_key, HOUSE_OF_TESTS.receipt);
	SEALED_SIZE_OFF = 0;
	plan.receipt = span_str(receipt);
	make(&plan, &c);
	assert_refused(buf_span(&c), "evidence.receipt");
}

static void only_what_was_accepted_is_sealed(void **state)
{
	_cleanup_(freep) char *refused =
		sealed_report(SEALED_DOCUMENT, "refused", SEALED_POLICY);
	_cleanup_(freep) char *later =
		sealed_report(SEALED_DOCUMENT, "accepted", SEALED_STORE);
	_cleanup_(freep) char *held = sealed_receipt(SEALED_DOCUMENT, "held", true,
		HOUSE_OF_TESTS.receipt_key, HOUSE_OF_TESTS.receipt);
	struct container_plan plan = SEALED.plan;
	_cleanup_answer_ struct answer answer = { 0 };
	_cleanup_buf_ struct buf a, b, c;

	(void)state;
	plan.report = span_str(refused);
	make(&plan, &a);
	assert_refused(buf_span(&a), "evidence.report");
	plan.report = span_str(later);
	make(&plan, &b);
	assert_refused(buf_span(&b), "evidence.report");
	plan.receipt = span_str(held);
	make(&plan, &c);
	answer = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(answer.valid, 1);
}

static void test_is_said_twice_or_never(void **state)
{
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	plan.test = false;
	make(&plan, &c);
	assert_refused(buf_span(&c), "evidence.receipt");
}

static void one_key_for_both_is_refused(void **state)
{
	_cleanup_(freep) char *receipt = sealed_receipt(SEALED_DOCUMENT, "accepted", true,
		HOUSE_OF_TESTS.seal_key, HOUSE_OF_TESTS.seal);
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	plan.receipt = span_str(receipt);
	make(&plan, &c);
	assert_refused(buf_span(&c), "evidence.receipt-signature");
}

static void a_forged_receipt_is_refused(void **state)
{
	_cleanup_(freep) char *receipt = sealed_receipt(SEALED_DOCUMENT, "accepted", true,
		HOUSE_OF_TESTS.tsa_key, HOUSE_OF_TESTS.receipt);
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	plan.receipt = span_str(receipt);
	make(&plan, &c);
	assert_refused(buf_span(&c), "evidence.receipt-signature");
}

static void a_strangers_receipt_is_only_unproven(void **state)
{
	struct house stranger;
	_cleanup_(freep) char *receipt = NULL;
	_cleanup_answer_ struct answer a = { 0 };
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	house_open(&stranger, NOW);
	receipt = sealed_receipt(SEALED_DOCUMENT, "accepted", true, stranger.receipt_key,
		stranger.receipt);
	plan.receipt = span_str(receipt);
	make(&plan, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 1);
	assert_true(findings_have(&a.findings, "evidence.receipt-signature"));
	assert_string_equal(json_string_of(json_object_get(a.report, "evidence"),
				    "receipt_signature"),
		"INDETERMINATE");
	house_done(&stranger);
}

/* The certificate of receipts makes a seal over a receipt that nobody can prove. */
static void the_key_of_receipts_makes_no_seal(void **state)
{
	struct house stranger, *h = &HOUSE_OF_TESTS;
	X509 *both = house_certificate(NOW, h->receipt_key, "Receipts", h->ca, h->ca_key,
		"critical,digitalSignature,nonRepudiation", NULL);
	_cleanup_(freep) char *receipt = NULL;
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	house_open(&stranger, NOW);
	receipt = sealed_receipt(SEALED_DOCUMENT, "accepted", true, stranger.receipt_key,
		stranger.receipt);
	plan.receipt = span_str(receipt);
	plan.signer = both;
	sealed_make(h, &plan, h->receipt_key, NOW + 1, &c);
	assert_refused(buf_span(&c), "evidence.receipt-signature");
	house_done(&stranger);
	X509_free(both);
}

static void a_seal_needs_its_time_stamp(void **state)
{
	_cleanup_buf_ struct buf c;

	(void)state;
	sealed_make(&HOUSE_OF_TESTS, &SEALED.plan, HOUSE_OF_TESTS.seal_key, 0, &c);
	assert_refused(buf_span(&c), "evidence.level");
}

static void another_authority_is_not_proven(void **state)
{
	struct house stranger;
	_cleanup_answer_ struct answer a = { 0 };
	_cleanup_buf_ struct buf c;

	(void)state;
	house_open(&stranger, NOW);
	sealed_make(&stranger, &SEALED.plan, HOUSE_OF_TESTS.seal_key, NOW + 1, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 0);
	house_done(&stranger);
}

static void a_wrong_value_is_refused_at_once(void **state)
{
	_cleanup_(container_freep) struct container *c = NULL;
	_cleanup_(freep) char *reason = NULL;
	uint8_t digest[64], value[64];
	size_t len;

	(void)state;
	assert_int_equal(container_prepare(&SEALED.plan, &c, digest, &len, &reason), 0);
	house_sign(HOUSE_OF_TESTS.receipt_key, digest, len, value);
	assert_int_equal(container_set_value(c, span_of(value, sizeof(value))), -EBADMSG);
}

static void parts_over_their_limit_are_refused(void **state)
{
	struct container *c = NULL;
	uint8_t *large = calloc(1, LIMIT_DOCUMENT + 1), digest[64];
	struct container_plan plan = SEALED.plan;
	char *reason;
	size_t len;

	(void)state;
	plan.receipt = span_of(large, LIMIT_RECEIPT + 1);
	assert_int_equal(container_prepare(&plan, &c, digest, &len, &reason), -E2BIG);
	plan = SEALED.plan;
	plan.document = span_of(large, LIMIT_DOCUMENT + 1);
	assert_int_equal(container_prepare(&plan, &c, digest, &len, &reason), -E2BIG);
	assert_null(c);
	free(large);
}

/* The time-stamp says when it was: what has expired since was good then. */
static void a_seal_outlives_its_certificates(void **state)
{
	struct house *h = &HOUSE_OF_TESTS;
	X509 *seal = house_certificate_for(NOW, 2, h->seal_key, "Seal", h->ca, h->ca_key,
		"critical,nonRepudiation", NULL);
	X509 *receipts = house_certificate_for(NOW, 2, h->receipt_key, "Receipts", h->ca,
		h->ca_key, "critical,digitalSignature", NULL);
	_cleanup_(freep) char *receipt = sealed_receipt(
		SEALED_DOCUMENT, "accepted", true, h->receipt_key, receipts);
	struct container_plan plan = SEALED.plan;
	_cleanup_answer_ struct answer a = { 0 }, late = { 0 };
	_cleanup_buf_ struct buf c, d;

	(void)state;
	plan.signer = seal;
	plan.receipt = span_str(receipt);
	make(&plan, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 30 * HOUSE_DAY);
	assert_int_equal(a.valid, 1);
	assert_string_equal(json_string_of(json_object_get(a.report, "evidence"),
				    "receipt_signature"),
		"PASSED");
	/* A time-stamp from after the end proves nothing. */
	sealed_make(h, &plan, h->seal_key, NOW + 3 * HOUSE_DAY, &d);
	late = verify(buf_span(&d), MATERIAL, NOW + 30 * HOUSE_DAY);
	assert_int_equal(late.valid, 0);
	X509_free(seal);
	X509_free(receipts);
}

static void a_role_may_hold_anything(void **state)
{
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };

	(void)state;
	plan.instance = "O'Neill & \"sons\" <\xc3\xa9>";
	make(&plan, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 1);
}

static void the_policy_text_is_the_one_that_is_named(void **state)
{
	_cleanup_(freep) uint8_t *text = NULL;
	uint8_t digest[SHA256_SIZE];
	size_t len;

	(void)state;
	assert_int_equal(file_read(SEAL_POLICY_FILE, 65536, &text, &len), 0);
	assert_int_equal(digest_sha256(span_of(text, len), digest), 0);
	assert_memory_equal(digest, seal_policy_current()->sha256, SHA256_SIZE);
	assert_non_null(strstr((const char *)text, seal_policy_current()->id));
	assert_non_null(strstr((const char *)text, SEAL_COMMITMENT));
	/* seals name those before it, too */
	assert_non_null(seal_policy_find("urn:sealgate:seal-policy:1"));
	assert_non_null(seal_policy_find("urn:sealgate:seal-policy:2"));
	assert_null(seal_policy_find("urn:sealgate:seal-policy:0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_container_convinces),
		cmocka_unit_test(the_document_is_untouched),
		cmocka_unit_test(without_anchors_nothing_is_proven),
		cmocka_unit_test(released_on_fresh_revocation_data_only),
		cmocka_unit_test(a_seal_is_of_one_document),
		cmocka_unit_test(parts_must_be_about_the_document),
		cmocka_unit_test(a_receipt_names_the_size),
		cmocka_unit_test(only_what_was_accepted_is_sealed),
		cmocka_unit_test(test_is_said_twice_or_never),
		cmocka_unit_test(one_key_for_both_is_refused),
		cmocka_unit_test(a_forged_receipt_is_refused),
		cmocka_unit_test(a_strangers_receipt_is_only_unproven),
		cmocka_unit_test(the_key_of_receipts_makes_no_seal),
		cmocka_unit_test(a_seal_needs_its_time_stamp),
		cmocka_unit_test(another_authority_is_not_proven),
		cmocka_unit_test(a_wrong_value_is_refused_at_once),
		cmocka_unit_test(parts_over_their_limit_are_refused),
		cmocka_unit_test(a_seal_outlives_its_certificates),
		cmocka_unit_test(a_role_may_hold_anything),
		cmocka_unit_test(the_policy_text_is_the_one_that_is_named),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
