/* SPDX-License-Identifier: EUPL-1.2 */
/* Signatures by the seal's own key that are valid, and yet no seal of the gate. */
#include "evidence/asic.h"
#include "evidence/seal_policy.h"
#include "xades/create.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "verified.h"

static struct xades_object OBJECTS[4];

/* What the gate signs. */
static struct xades_plan usual_plan(void)
{
	const struct seal_policy *policy = seal_policy_current();

	for (int i = 0; i < ASIC_RECORD; i++)
		OBJECTS[i] = (struct xades_object){ .name = asic_name((enum asic_part)i),
			.mime_type = asic_media_type((enum asic_part)i) };
	OBJECTS[ASIC_DOCUMENT].data = SEALED.plan.document;
	OBJECTS[ASIC_REPORT].data = SEALED.plan.report;
	OBJECTS[ASIC_RECEIPT].data = SEALED.plan.receipt;
	return (struct xades_plan){ .place = XADES_DETACHED,
		.objects = OBJECTS,
		.object_count = ASIC_RECORD,
		.signer = HOUSE_OF_TESTS.seal,
		.signature_method = "ecdsa-sha256",
		.signing_time = NOW,
		.id = SEAL_ID_PREFIX SEALED_ID,
		.commitment = SEAL_COMMITMENT,
		.policy_id = policy->id,
		.policy_sha256 = policy->sha256,
		.claimed_role = "TEST seal of the gate unit" };
}

static void stamp(struct xades_draft *d)
{
	_cleanup_(freep) uint8_t *query = NULL, *token = NULL;
	_cleanup_(freep) char *reason = NULL;
	uint8_t digest[SHA256_SIZE];
	unsigned char *answer;
	struct buf octets;
	size_t len;

	buf_init(&octets, 65536);
	assert_int_equal(xades_timestamp_octets(d, &octets), 0);
	assert_int_equal(digest_sha256(buf_span(&octets), digest), 0);
	assert_int_equal(token_request(digest, 7, &query, &len), 0);
	len = house_answer(&HOUSE_OF_TESTS, span_of(query, len), NOW + 1, &answer);
	assert_int_equal(
		token_response(span_of(answer, len), digest, 7, &token, &len, &reason),
		1);
	assert_int_equal(xades_add_timestamp(d, span_of(token, len)), 0);
	OPENSSL_free(answer);
	buf_done(&octets);
}

static void make_of(const struct xades_plan *plan, struct buf *ret)
{
	struct asic a = { { SEALED.plan.document, SEALED.plan.report,
		SEALED.plan.receipt } };
	_cleanup_(freep) char *reason = NULL;
	struct xades_draft *d;
	uint8_t digest[64], value[64];
	struct buf file;
	size_t len;

	assert_int_equal(xades_prepare(plan, &d, digest, &len, &reason), 0);
	house_sign(HOUSE_OF_TESTS.seal_key, digest, len, value);
	assert_int_equal(xades_set_value(d, span_of(value, sizeof(value))), 0);
	stamp(d);
	buf_init(&file, LIMIT_CONTAINER);
	assert_int_equal(xades_write(d, &file), 0);
	a.parts[ASIC_SIGNATURES] = buf_span(&file);
	buf_init(ret, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&a, ret), 0);
	buf_done(&file);
	xades_draft_free(d);
}

/* The signature is valid; only what it is about or says is not a seal's. */
static void assert_no_seal(const struct xades_plan *plan, const char *code)
{
	_cleanup_answer_ struct answer a = { 0 };
	_cleanup_buf_ struct buf c;
	const json_t *signature;

	make_of(plan, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 0);
	assert_true(findings_have(&a.findings, code));
	signature = json_array_get(json_object_get(a.report, "signatures"), 0);
	assert_string_equal(json_string_of(signature, "indication"), "TOTAL-PASSED");
	assert_string_equal(json_string_of(a.report, "indication"), "TOTAL-FAILED");
}

static void the_usual_is_a_seal(void **state)
{
	struct xades_plan plan = usual_plan();
	_cleanup_answer_ struct answer a = { 0 };
	_cleanup_buf_ struct buf c;

	(void)state;
	make_of(&plan, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 1);
}

static void every_part_must_be_covered(void **state)
{
	struct xades_plan plan = usual_plan();

	(void)state;
	plan.object_count = 2;
	assert_no_seal(&plan, "evidence.coverage");
	plan.object_count = 1;
	assert_no_seal(&plan, "evidence.coverage");
}

static void each_part_is_covered_once(void **state)
{
	struct xades_plan plan = usual_plan();

	(void)state;
	OBJECTS[3] = OBJECTS[0];
	plan.object_count = 4;
	assert_no_seal(&plan, "evidence.coverage");
}

static void the_commitment_must_be_the_gates(void **state)
{
	struct xades_plan plan = usual_plan();

	(void)state;
	plan.commitment = NULL;
	assert_no_seal(&plan, "evidence.commitment");
	plan.commitment = "http://uri.etsi.org/01903/v1.2.2#ProofOfApproval";
	assert_no_seal(&plan, "evidence.commitment");
}

static void the_policy_must_be_known(void **state)
{
	struct xades_plan plan = usual_plan();
	uint8_t other[SHA256_SIZE] = { 0 };

	(void)state;
	plan.policy_sha256 = other;
	assert_no_seal(&plan, "evidence.policy");
	plan = usual_plan();
	plan.policy_id = "urn:sealgate:seal-policy:0";
	assert_no_seal(&plan, "evidence.policy");
	plan.policy_id = NULL;
	assert_no_seal(&plan, "evidence.policy");
}

static void the_role_must_be_said(void **state)
{
	struct xades_plan plan = usual_plan();

	(void)state;
	plan.claimed_role = NULL;
	assert_no_seal(&plan, "evidence.commitment");
	plan.claimed_role = "seal of the gate unit"; /* the receipt says TEST */
	assert_no_seal(&plan, "evidence.receipt");
}

static void the_identifier_must_be_the_documents(void **state)
{
	struct xades_plan plan = usual_plan();

	(void)state;
	plan.id = "other-" SEALED_ID;
	assert_no_seal(&plan, "evidence.signature-file");
	plan.id = SEAL_ID_PREFIX "01J00000000000000000000001";
	assert_no_seal(&plan, "evidence.signature-file");
}

static void no_other_certificate_comes_along(void **state)
{
	const X509 *chain[] = { HOUSE_OF_TESTS.tsa };
	struct xades_plan plan = usual_plan();

	(void)state;
	plan.chain = chain;
	plan.chain_count = 1;
	assert_no_seal(&plan, "evidence.signature-file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_is_a_seal),
		cmocka_unit_test(every_part_must_be_covered),
		cmocka_unit_test(each_part_is_covered_once),
		cmocka_unit_test(the_commitment_must_be_the_gates),
		cmocka_unit_test(the_policy_must_be_known),
		cmocka_unit_test(the_role_must_be_said),
		cmocka_unit_test(the_identifier_must_be_the_documents),
		cmocka_unit_test(no_other_certificate_comes_along),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
