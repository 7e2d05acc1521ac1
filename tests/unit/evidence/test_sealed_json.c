/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose certificates count for what the gate seals as JSON: receipts, and sealed heads.
 */
#include "evidence/sealed_json.h"

#include "queue/sealed_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "verified.h"

struct pretender {
	const char *name, *usage, *extended;
	bool counts;
};

static const struct pretender PRETENDERS[] = {
	{ "receipts", "critical,digitalSignature", NULL, true },
	{ "documents", "critical,digitalSignature", "1.3.6.1.5.5.7.3.36", true },
	{ "a TLS server", "critical,digitalSignature", "serverAuth", false },
	{ "a TLS client", "critical,digitalSignature", "clientAuth", false },
	{ "time-stamps", "critical,digitalSignature", "critical,timeStamping", false },
};

static char *head_by(EVP_PKEY *key, X509 *certificate)
{
	uint8_t chain[SHA256_SIZE] = { 7 }, digest[SHA256_SIZE], value[64];
	_cleanup_(freep) char *statement =
		sealed_head_statement(SEALED_ID, "unit", false, 42, chain, NOW);
	unsigned char *der = NULL;
	int len = i2d_X509(certificate, &der);
	char *text;

	assert_int_equal(digest_sha256(span_str(statement), digest), 0);
	house_sign(key, digest, sizeof(digest), value);
	text = sealed_head_assemble(statement, span_of(der, (size_t)len), value);
	OPENSSL_free(der);
	return text;
}

static void assert_receipt(const struct pretender *p, EVP_PKEY *key, X509 *certificate)
{
	_cleanup_(freep) char *receipt =
		sealed_receipt(SEALED_DOCUMENT, "accepted", false, key, certificate);
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_json_ json_t *report = NULL;
	const struct receipt_context context = { .material = MATERIAL, .at = NOW + 60 };

	assert_int_equal(
		sealed_json_verify(span_str(receipt), &context, &findings, &report),
		p->counts);
	if (!p->counts)
		assert_string_equal(json_string_of(report, "sub_indication"),
			"CHAIN_CONSTRAINTS_FAILURE");
}

static void assert_head(const struct pretender *p, EVP_PKEY *key, X509 *certificate)
{
	_cleanup_(freep) char *text = head_by(key, certificate), *reason = NULL;
	struct sealed_head head = { 0 };

	assert_int_equal(
		sealed_head_verify(span_str(text), MATERIAL, NOW + 60, &head, &reason),
		p->counts);
	assert_int_equal(head.proven, p->counts);
	if (!p->counts)
		assert_non_null(strstr(reason, "extended key usage"));
}

/* Whoever has a certificate of the authority for something else signs nothing of this. */
static void certificates_for_something_else_do_not_count(void **state)
{
	struct house *h = &HOUSE_OF_TESTS;

	(void)state;
	for (size_t i = 0; i < sizeof(PRETENDERS) / sizeof(PRETENDERS[0]); i++) {
		const struct pretender *p = &PRETENDERS[i];
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x = house_certificate(
			NOW, key, p->name, h->ca, h->ca_key, p->usage, p->extended);

		assert_receipt(p, key, x);
		assert_head(p, key, x);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_for_something_else_do_not_count),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
