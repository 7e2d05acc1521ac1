/* SPDX-License-Identifier: EUPL-1.2 */
/* Call-backs that are genuine, and whatever is not: altered, another's, again, no
 * call-back at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/callback_claims.h"
#include "common/encode.h"
#include "evidence/callback_check.h"
#include "evidence/published.h"
#include "evidence/receipt.h"
#include "evidence/sealed_json.h"
#include "tests/unit/evidence/es256.h"
#include "xades/validate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT INT64_C(1780000000)
#define BODY "{\"outcomes\":[],\"next\":\"7\"}"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static EVP_PKEY *key, *other_key;
static X509 *signer;
static unsigned char *der;
static size_t der_len;
static struct pki_material *trusted;
static char kid[SHA256_TEXT_SIZE], body_sha256[SHA256_TEXT_SIZE];

static const struct receipt_context *as_ever(void)
{
	static struct receipt_context context = { .at = AT };

	context.material = trusted;
	return &context;
}

static int set_up(void **state)
{
	X509V3_CTX context;
	X509_EXTENSION *e;
	int len;

	(void)state;
	if (xades_setup() < 0)
		return -1;
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
	X509V3_set_ctx(&context, signer, signer, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(
		NULL, &context, NID_key_usage, "critical,digitalSignature");
	X509_add_ext(signer, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(signer, key, EVP_sha256());
	der = NULL;
	len = i2d_X509(signer, &der);
	der_len = (size_t)len;
	trusted = pki_material_new();
	if (digest_sha256_text(span_of(der, der_len), kid) < 0 ||
		digest_sha256_text(span_str(BODY), body_sha256) < 0 ||
		pki_material_add_anchor(trusted, span_of(der, der_len)) < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pki_material_free(trusted);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other_key);
	X509_free(signer);
	OPENSSL_free(der);
	return 0;
}

static char *signed_by(EVP_PKEY *with, const char *input)
{
	uint8_t raw[64];
	char *jws;

	sign(with, input, raw);
	assert_int_equal(callback_assemble(input, raw, &jws), 0);
	return jws;
}

static bool test_instance; /* who makes it */

static char *make(EVP_PKEY *with)
{
	struct callback_claims c = { .instance = "unit",
		.test = test_instance,
		.partner = "nz-mpi",
		.cursor = 7,
		.sha256 = body_sha256,
		.size = strlen(BODY),
		.time = AT,
		.certificate_sha256 = kid };
	_cleanup_(freep) char *input = NULL;

	assert_int_equal(callback_signing_input(&c, &input), 0);
	return signed_by(with, input);
}

/* header and claims as somebody else would write them, signed by the right key. */
static char *make_of(const char *header, const char *claims)
{
	_cleanup_(freep) char *h = base64url_encode(span_str(header));
	_cleanup_(freep) char *c = base64url_encode(span_str(claims));
	_cleanup_(freep) char *input = NULL;

	assert_true(asprintf(&input, "%s.%s", h, c) > 0);
	return signed_by(key, input);
}

/* Verify. sub: of the indication, "" for TOTAL-PASSED; code: a finding, or NULL. */
static void expect(struct span text, const struct callback_expected *e,
	const struct pki_material *m, const char *sub, const char *code)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_json_ json_t *report = NULL;
	int r = callback_verify(text, e,
		&(struct receipt_context){ .material = m, .at = AT }, &f, &report);

	assert_int_equal(r, *sub == '\0');
	assert_string_equal(json_string_of(report, "sub_indication"), sub);
	assert_int_equal(
		strcmp(json_string_of(report, "indication"), "TOTAL-PASSED") == 0, r);
	assert_string_equal(
		json_string_of(json_object_get(report, "evidence"), "kind"), "callback");
	if (code)
		assert_true(findings_have(&f, code));
	else
		assert_int_equal(f.count, 0);
}

static const struct span THE_BODY = { (const uint8_t *)BODY, sizeof(BODY) - 1 };
static const struct callback_expected USUAL = {
	.body = &THE_BODY, .partner = "nz-mpi", .after = 6
};

static void genuine(void **state)
{
	_cleanup_(freep) char *jws = make(key), *line = NULL;
	struct callback_expected e = USUAL;

	(void)state;
	assert_true(callback_is(span_str(jws)));
	expect(span_str(jws), &USUAL, trusted, "", NULL);
	e.partner = NULL;
	e.after = -1;
	expect(span_str(jws), &e, trusted, "", NULL);
	/* a line of a file */
	assert_true(asprintf(&line, "%s\r\n", jws) > 0);
	expect(span_str(line), &USUAL, trusted, "", NULL);
}

static void another_body_partner_or_time(void **state)
{
	static const struct span OTHER = { (const uint8_t *)"{}", 2 };
	char altered[] = BODY; /* of the same size */
	struct span same_size = { (const uint8_t *)altered, strlen(altered) };
	_cleanup_(freep) char *jws = make(key);
	struct callback_expected e = USUAL;

	(void)state;
	e.body = &OTHER;
	expect(span_str(jws), &e, trusted, "HASH_FAILURE", "evidence.callback-body");
	altered[2] = 'O';
	e.body = &same_size;
	expect(span_str(jws), &e, trusted, "HASH_FAILURE", "evidence.callback-body");
	e.body = NULL;
	expect(span_str(jws), &e, trusted, "SIGNED_DATA_NOT_FOUND",
		"evidence.callback-body");
	e = USUAL;
	e.partner = "br-mapa";
	expect(span_str(jws), &e, trusted, "SIG_CONSTRAINTS_FAILURE",
		"evidence.callback-partner");
	e = USUAL;
	e.after = 7; /* it was there before */
	expect(span_str(jws), &e, trusted, "SIG_CONSTRAINTS_FAILURE",
		"evidence.callback-replayed");
}

static void another_key(void **state)
{
	_cleanup_(freep) char *jws = make(other_key), *good = make(key);
	struct pki_material *m = pki_material_new();

	(void)state;
	expect(span_str(jws), &USUAL, trusted, "SIG_CRYPTO_FAILURE",
		"evidence.callback-signature");
	expect(span_str(good), &USUAL, m, "NO_SIGNING_CERTIFICATE_FOUND",
		"evidence.callback-signature");
	assert_int_equal(pki_material_add_certificate(m, span_of(der, der_len)), 0);
	expect(span_str(good), &USUAL, m, "NO_CERTIFICATE_CHAIN_FOUND",
		"evidence.callback-signature");
	pki_material_free(m);
}

/* Not one octet can change. */
static void every_octet_counts(void **state)
{
	_cleanup_(freep) char *jws = make(key);
	size_t len = strlen(jws);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		_cleanup_findings_ struct findings f = { 0 };
		_cleanup_json_ json_t *report = NULL;

		jws[i] ^= 1;
		if (callback_verify(span_of(jws, len), &USUAL, as_ever(), &f, &report) !=
			0)
			fail_msg("octet %zu", i);
		jws[i] ^= 1;
	}
	for (size_t n = 0; n < len; n++) {
		_cleanup_findings_ struct findings f = { 0 };
		_cleanup_json_ json_t *report = NULL;

		assert_int_equal(
			callback_verify(span_of(jws, n), &USUAL, as_ever(), &f, &report),
			0);
	}
}

static void other_forms(void **state)
{
	static const char *const CLAIMS[] = { "{}", "[]", "{\"callback\":1}",
		"{\"aud\":\"nz-mpi\",\"callback\":2,\"cursor\":\"7\",\"iat\":1,\"iss\":"
		"\"u\",\"jti\":\"nz-mpi-7\",\"sha256\":\"\",\"size\":1}",
		"{\"aud\":\"nz-mpi\",\"callback\":1,\"cursor\":\"7\",\"iat\":1,\"iss\":"
		"\"u\",\"jti\":\"nz-mpi-8\",\"sha256\":\"\",\"size\":1}",
		"{\"aud\":\"nz-mpi\",\"callback\":1,\"cursor\":\"-7\",\"iat\":1,\"iss\":"
		"\"u\",\"jti\":\"nz-mpi--7\",\"sha256\":\"\",\"size\":1}" };
	_cleanup_(freep) char *good = make(key), *header = NULL;
	static const char *const TEXTS[] = { "eyJ", "eyJ.", "eyJ..", "eyJ...", "", "..",
		"{}" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		expect(span_str(TEXTS[i]), &USUAL, trusted, "FORMAT_FAILURE",
			"evidence.callback-signature");
	assert_true(asprintf(&header,
			    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"" CALLBACK_TYPE
			    "\"}",
			    kid) > 0);
	for (size_t i = 0; i < sizeof(CLAIMS) / sizeof(CLAIMS[0]); i++) {
		_cleanup_(freep) char *jws = make_of(header, CLAIMS[i]);

		expect(span_str(jws), &USUAL, trusted, "FORMAT_FAILURE",
			"evidence.callback-signature");
	}
}

/* What the same key signs otherwise is no call-back, also if it said all that one says.
 */
static void a_receipt_is_no_callback(void **state)
{
	static const char *const TYPES[] = { RECEIPT_TYPE, STATEMENT_TYPE, "JWT" };
	_cleanup_(freep) char *good = make(key);
	_cleanup_(freep) uint8_t *claims = NULL;
	size_t len;

	(void)state;
	*strrchr(good, '.') = '\0';
	assert_int_equal(base64url_decode(strchr(good, '.') + 1, &claims, &len), 0);
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		_cleanup_(freep) char *header = NULL, *jws = NULL;

		assert_true(asprintf(&header,
				    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
				    kid, TYPES[i]) > 0);
		jws = make_of(header, (const char *)claims);
		expect(span_str(jws), &USUAL, trusted, "FORMAT_FAILURE",
			"evidence.callback-signature");
	}
}

static void assert_no_receipt(const char *text)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_json_ json_t *report = NULL;

	assert_int_equal(sealed_json_verify(span_str(text), as_ever(), &f, &report), 0);
	assert_string_equal(json_string_of(report, "sub_indication"), "FORMAT_FAILURE");
}

/* Nor the other way round: also with the header that would name the certificate. */
static void a_callback_is_no_receipt(void **state)
{
	_cleanup_(freep) char *jws = make(key), *flat = NULL, *x5c = NULL, *header = NULL;
	_cleanup_(freep) char *dressed = NULL, *dressed_flat = NULL;
	char *input, *signature;

	(void)state;
	signature = strrchr(jws, '.');
	*signature++ = '\0';
	input = strchr(jws, '.');
	assert_true(asprintf(&flat,
			    "{\"payload\":\"%s\",\"protected\":\"%.*s\",\"signature\":"
			    "\"%s\"}",
			    input + 1, (int)(input - jws), jws, signature) > 0);
	assert_no_receipt(flat);
	x5c = base64_encode(span_of(der, der_len));
	assert_true(asprintf(&header,
			    "{\"alg\":\"ES256\",\"typ\":\"" CALLBACK_TYPE
			    "\",\"x5c\":[\"%s\"]}",
			    x5c) > 0);
	dressed = make_of(header, "{\"receipt\":1}");
	signature = strrchr(dressed, '.');
	*signature++ = '\0';
	input = strchr(dressed, '.');
	assert_true(asprintf(&dressed_flat,
			    "{\"payload\":\"%s\",\"protected\":\"%.*s\",\"signature\":"
			    "\"%s\"}",
			    input + 1, (int)(input - dressed), dressed, signature) > 0);
	assert_no_receipt(dressed_flat);
}

/* Return: as published_load; *ret_receipts: how many may sign call-backs. */
static int load_text(const char *text, int *ret_receipts, bool *ret_answered)
{
	char path[] = "/tmp/test_callback_XXXXXX";
	_cleanup_(freep) char *error = NULL;
	_cleanup_(pki_material_freep) struct pki_material *all = pki_material_new();
	_cleanup_(pki_material_freep) struct pki_material *receipt = pki_material_new();
	struct published p = { .all = all, .receipt = receipt };
	int fd = mkstemp(path), r;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = published_load(&p, path, &error);
	if (r > 0)
		assert_int_equal(sk_X509_num(all->certificates), r);
	assert_int_equal(sk_X509_num(all->anchors), 0);
	*ret_receipts = sk_X509_num(receipt->certificates);
	*ret_answered = p.answered;
	unlink(path);
	return r;
}

/* Are the octets of the certificate, as they stand in text, those of receipts? */
static void expect_published(const char *format, bool receipts)
{
	_cleanup_(freep) char *certificate = base64_encode(span_of(der, der_len));
	_cleanup_(freep) char *text = NULL;
	const char *at = strchr(format, '@');
	bool answered;
	int n;

	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - format), format, certificate,
			    at + 1) > 0);
	assert_true(load_text(text, &n, &answered) > 0);
	assert_true(answered);
	assert_int_equal(n, receipts);
}

/* As GET /v1/certificates answers; what is published is no anchor. */
static void published(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	_cleanup_(freep) char *pem = NULL;
	bool answered;
	char *data;
	long len;
	int n;

	(void)state;
	expect_published("{\"certificates\":[{\"role\":\"receipt\",\"chain\":[\"@\"]}]"
			 ",\"notices\":[]}",
		true);
	expect_published(
		"{\"notices\":[{\"role\":\"receipt\",\"certificate\":\"@\"}]}", true);
	assert_int_equal(PEM_write_bio_X509(bio, signer), 1);
	len = BIO_get_mem_data(bio, &data);
	pem = strndup(data, (size_t)len);
	BIO_free(bio);
	assert_int_equal(load_text(pem, &n, &answered), 1);
	assert_false(answered); /* a file of certificates knows of no roles */
	assert_int_equal(n, 0);
	assert_true(load_text("{}", &n, &answered) < 0);
	assert_true(load_text("{\"certificates\":[{\"chain\":[\"AAAA\"]}]}", &n,
			    &answered) < 0);
	assert_true(load_text("{\"certificates\":[{\"chain\":[7]}]}", &n, &answered) < 0);
	assert_true(load_text("", &n, &answered) < 0);
	assert_false(answered);
}

/* What else the gate publishes, by the same authority, signs no call-backs. */
static void of_no_other_role(void **state)
{
	_cleanup_(pki_material_freep) struct pki_material *none = pki_material_new(),
							  *receipt = pki_material_new();
	_cleanup_(freep) char *jws = make(key);
	struct callback_expected e = USUAL;

	(void)state;
	expect_published(
		"{\"certificates\":[{\"role\":\"audit-head\",\"chain\":[\"@\"]}]}",
		false);
	expect_published(
		"{\"certificates\":[{\"role\":\"seal\",\"chain\":[\"@\"]}]}", false);
	expect_published(
		"{\"notices\":[{\"role\":\"seal\",\"certificate\":\"@\"}]}", false);
	e.signers = none;
	expect(span_str(jws), &e, trusted, "NO_SIGNING_CERTIFICATE_FOUND",
		"evidence.callback-signature");
	assert_int_equal(pki_material_add_certificate(receipt, span_of(der, der_len)), 0);
	e.signers = receipt;
	expect(span_str(jws), &e, trusted, "", NULL);
}

/* What a chain has behind the role's own certificate is there for paths. */
static void of_no_certificate_of_the_chain(void **state)
{
	_cleanup_(freep) char *first = NULL, *second = NULL, *text = NULL;
	X509 *other = X509_dup(signer);
	unsigned char *octets = NULL;
	bool answered;
	int len, n;

	(void)state;
	ASN1_INTEGER_set(X509_get_serialNumber(other), 78);
	X509_set_pubkey(other, other_key);
	assert_true(X509_sign(other, other_key, EVP_sha256()) > 0);
	len = i2d_X509(other, &octets);
	assert_true(len > 0);
	first = base64_encode(span_of(octets, (size_t)len));
	second = base64_encode(span_of(der, der_len));
	assert_true(asprintf(&text,
			    "{\"certificates\":[{\"role\":\"receipt\",\"chain\":[\"%s\","
			    "\"%s\"]}]}",
			    first, second) > 0);
	assert_int_equal(load_text(text, &n, &answered), 2);
	assert_int_equal(n, 1);
	OPENSSL_free(octets);
	X509_free(other);
}

/* Whatever of it is valid. */
static void what_means_nothing_says_so(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_json_ json_t *report = NULL;
	_cleanup_(freep) char *jws = (test_instance = true, make(key));

	(void)state;
	test_instance = false;
	assert_int_equal(
		callback_verify(span_str(jws), &USUAL, as_ever(), &f, &report), 1);
	assert_true(findings_have(&f, "evidence.callback-test"));
	assert_int_equal(f.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(genuine),
		cmocka_unit_test(another_body_partner_or_time),
		cmocka_unit_test(another_key),
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(other_forms),
		cmocka_unit_test(a_receipt_is_no_callback),
		cmocka_unit_test(a_callback_is_no_receipt),
		cmocka_unit_test(published),
		cmocka_unit_test(of_no_other_role),
		cmocka_unit_test(of_no_certificate_of_the_chain),
		cmocka_unit_test(what_means_nothing_says_so),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
