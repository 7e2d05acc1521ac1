/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "evidence/receipt.h"
#include "tests/unit/evidence/es256.h"

#include "common/encode.h"
#include "common/limits.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static EVP_PKEY *key, *other_key;
static X509 *signer;
static unsigned char *der;
static size_t der_len;

static const struct receipt_claims CLAIMS = { .instance = "unit",
	.test = true,
	.id = "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	.partner = "ke-kephis",
	.sha256 = HEX64,
	.size = 5,
	.received = 1780000000,
	.state = "accepted",
	.hold_reason = "",
	.type = "PHYTO",
	.number = "KE/1\xC3\xA9",
	.status = "70",
	.country = "KE",
	.import_country = "NL",
	.policy_digest = HEX64,
	.store_version = HEX64,
	.audit_record_sha256 = HEX64,
	.warnings = 2 };

static void add_extension(int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, signer, signer, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_true(e && X509_add_ext(signer, e, -1));
	X509_EXTENSION_free(e);
}

static int set_up(void **state)
{
	int len;

	(void)state;
	key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	signer = X509_new();
	X509_set_version(signer, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(signer), 77);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(signer), "CN", MBSTRING_ASC,
		(const unsigned char *)"Receipts", -1, -1, 0);
	X509_set_issuer_name(signer, X509_get_subject_name(signer));
	ASN1_TIME_set(X509_getm_notBefore(signer), 1770000000);
	ASN1_TIME_set(X509_getm_notAfter(signer), 1790000000);
	X509_set_pubkey(signer, key);
	add_extension(NID_key_usage, "critical,digitalSignature");
	assert_true(X509_sign(signer, key, EVP_sha256()));
	der = NULL;
	len = i2d_X509(signer, &der);
	assert_true(len > 0);
	der_len = (size_t)len;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	X509_free(signer);
	OPENSSL_free(der);
	return 0;
}

static void assert_canonical(struct span text)
{
	_cleanup_json_ json_t *tree = json_read(text, LIMIT_RECEIPT);
	_cleanup_(freep) char *canonical = tree ? json_canonical(tree) : NULL;

	assert_non_null(canonical);
	assert_true(span_equal(text, span_str(canonical)));
}

/* The text and the claims in it are in the one form, though no library writes them. */
static void assert_one_form(const char *text, const char *input)
{
	_cleanup_(freep) uint8_t *claims = NULL;
	size_t len;

	assert_int_equal(base64url_decode(strchr(input, '.') + 1, &claims, &len), 0);
	assert_canonical(span_of(claims, len));
	assert_canonical(span_str(text));
}

static char *make_with(const struct receipt_claims *claims, EVP_PKEY *with)
{
	struct receipt_signer *made;
	char *input, *text;
	uint8_t raw[64];

	assert_int_equal(receipt_signer_new(span_of(der, der_len), &made), 0);
	assert_int_equal(receipt_signing_input(claims, made, &input), 0);
	sign(with, input, raw);
	assert_int_equal(receipt_signature_check(input, made, raw, 64), with == key);
	assert_int_equal(receipt_signature_check(input, made, raw, 63), 0);
	assert_int_equal(receipt_assemble(input, raw, &text), 0);
	assert_one_form(text, input);
	receipt_signer_free(made);
	free(input);
	return text;
}

static void verify_at(
	const char *text, bool anchored, int64_t at, struct receipt_result *ret)
{
	struct pki_material *m = pki_material_new();

	if (anchored) {
		X509_up_ref(signer);
		sk_X509_push(m->anchors, signer);
	}
	assert_int_equal(receipt_verify(span_str(text), m, at, ret), 0);
	pki_material_free(m);
}

static void expect(const char *text, enum receipt_outcome outcome)
{
	struct receipt_result r;

	verify_at(text, true, 1780000000, &r);
	assert_int_equal(r.outcome, outcome);
	assert_non_null(r.reason);
	receipt_result_done(&r);
}

static void test_round(void **state)
{
	char *text = make_with(&CLAIMS, key), *compact;
	struct receipt_result r;
	json_t *claims = receipt_claims_read(span_str(text));

	(void)state;
	verify_at(text, true, 1780000000, &r);
	assert_int_equal(r.outcome, RECEIPT_PASSED);
	assert_true(json_equal(r.claims, claims));
	assert_string_equal(json_string_of(claims, "number"), CLAIMS.number);
	assert_string_equal(json_string_of(claims, "received"), "2026-05-28T20:26:40Z");
	assert_string_equal(json_string_of(claims, "audit_record_sha256"), HEX64);
	assert_int_equal(json_integer_value(json_object_get(claims, "receipt")), 1);
	assert_non_null(strstr(json_string_of(claims, "notice"), "TEST"));
	assert_null(json_object_get(claims, "hold_reason"));
	assert_int_equal(receipt_compact(span_str(text), &compact), 0);
	assert_int_equal(
		strspn(compact, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789-_."),
		strlen(compact));
	receipt_result_done(&r);
	json_decref(claims);
	free(compact);
	free(text);
}

static void test_production_says_nothing_of_tests(void **state)
{
	struct receipt_claims c = CLAIMS;
	char *text;
	json_t *claims;

	(void)state;
	c.test = false;
	c.hold_reason = "pki.stale";
	c.held_until = 0;
	text = make_with(&c, key);
	claims = receipt_claims_read(span_str(text));
	assert_true(json_is_false(json_object_get(claims, "test")));
	assert_null(json_object_get(claims, "notice"));
	assert_string_equal(json_string_of(claims, "hold_reason"), "pki.stale");
	assert_string_equal(json_string_of(claims, "held_until"), "1970-01-01T00:00:00Z");
	json_decref(claims);
	free(text);
}

static void test_wrong_signature(void **state)
{
	char *text = make_with(&CLAIMS, other_key);

	(void)state;
	expect(text, RECEIPT_SIGNATURE_WRONG);
	free(text);
}

static void test_path(void **state)
{
	char *text = make_with(&CLAIMS, key);
	struct receipt_result r;

	(void)state;
	verify_at(text, false, 1780000000, &r);
	assert_int_equal(r.outcome, RECEIPT_PATH);
	assert_int_equal(r.path.outcome, PKI_NO_PATH);
	assert_non_null(r.claims);
	receipt_result_done(&r);
	verify_at(text, true, 1795000000, &r);
	assert_int_equal(r.outcome, RECEIPT_PATH);
	assert_int_equal(r.path.outcome, PKI_EXPIRED);
	receipt_result_done(&r);
	free(text);
}

/* Not one octet of a receipt can change without the receipt being refused. */
static void test_every_octet_counts(void **state)
{
	char *text = make_with(&CLAIMS, key);
	size_t len = strlen(text);
	struct pki_material *m = pki_material_new();

	(void)state;
	X509_up_ref(signer);
	sk_X509_push(m->anchors, signer);
	for (size_t i = 0; i < len; i++) {
		struct receipt_result r;

		text[i] ^= 1;
		assert_int_equal(
			receipt_verify(span_of(text, len), m, 1780000000, &r), 0);
		if (r.outcome == RECEIPT_PASSED)
			fail_msg("octet %zu", i);
		receipt_result_done(&r);
		text[i] ^= 1;
	}
	pki_material_free(m);
	free(text);
}

/* Sign claims under a header of the attacker's choice. */
static void expect_header(const char *header, enum receipt_outcome outcome)
{
	char *text, *input, *good = make_with(&CLAIMS, key);
	json_t *json = json_loads(good, 0, NULL);
	uint8_t raw[64];

	assert_true(
		asprintf(&input, "%s.%s", header, json_string_of(json, "payload")) > 0);
	sign(key, input, raw);
	assert_int_equal(receipt_assemble(input, raw, &text), 0);
	expect(text, outcome);
	json_decref(json);
	free(input);
	free(text);
	free(good);
}

static void test_other_headers(void **state)
{
	(void)state;
	expect_header("e30", RECEIPT_MALFORMED);		 /* {} */
	expect_header("eyJhbGciOiJub25lIn0", RECEIPT_MALFORMED); /* alg none */
	expect_header("bm90IGpzb24", RECEIPT_MALFORMED);
	expect_header("", RECEIPT_MALFORMED);
	expect_header("e30=", RECEIPT_MALFORMED);
	expect_header("e 30", RECEIPT_MALFORMED);
	/* {"alg":"ES256","typ":"sealgate-receipt+jws","x5c":[]}, then x5c ["AA=="] */
	expect_header(
		"eyJhbGciOiJFUzI1NiIsInR5cCI6InNlYWxnYXRlLXJlY2VpcHQrandzIiwieDVjIjpbXX0",
		RECEIPT_MALFORMED);
	expect_header("eyJhbGciOiJFUzI1NiIsInR5cCI6InNlYWxnYXRlLXJlY2VpcHQrandzIiwieDVjIj"
		      "pbIkFBPT0"
		      "iXX0",
		RECEIPT_MALFORMED);
}

static void test_not_a_receipt(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "null", "{\"payload\":1}",
		"{\"payload\":\"\",\"protected\":\"\",\"signature\":\"\",\"header\":{}}",
		"{\"payload\":\"\",\"protected\":\"\",\"signature\":\"\"}" };
	char *compact;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect(texts[i], RECEIPT_MALFORMED);
	assert_int_equal(receipt_compact(span_str("{}"), &compact), -EINVAL);
	assert_null(receipt_claims_read(span_str("{}")));
}

static void test_certificates_must_be_some(void **state)
{
	struct receipt_signer *made = NULL;

	(void)state;
	assert_int_equal(receipt_signer_new(span_str(""), &made), -EINVAL);
	assert_int_equal(receipt_signer_new(span_str("nonsense"), &made), -EINVAL);
	assert_int_equal(receipt_signer_new(span_of(der, der_len - 1), &made), -EINVAL);
	assert_null(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_production_says_nothing_of_tests),
		cmocka_unit_test(test_wrong_signature),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_every_octet_counts),
		cmocka_unit_test(test_other_headers),
		cmocka_unit_test(test_not_a_receipt),
		cmocka_unit_test(test_certificates_must_be_some),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
