/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An authority in memory that issues, revokes and signs for the tests of admission.
 */
#ifndef SEALGATE_TESTS_POLICY_SIGNING_H
#define SEALGATE_TESTS_POLICY_SIGNING_H

#include "common/buf.h"
#include "common/encode.h"
#include "pki/certificate.h"
#include "pki/material.h"
#include "xades/create.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define DAY 86400
#define NOW ((int64_t)1780660800) /* 2026-06-05T12:00:00Z */
#define SIGNING static inline __attribute__((unused))

struct holder {
	EVP_PKEY *key;
	X509 *certificate;
	char sha256[SHA256_TEXT_SIZE];
};

SIGNING void add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* "CN", or "CN/O=ORGANISATION" with as many organisations as are wanted. */
SIGNING void name_of(X509_NAME *name, const char *text)
{
	const char *o = strstr(text, "/O=");
	const int n = o ? (int)(o - text) : -1;

	X509_NAME_add_entry_by_txt(
		name, "C", MBSTRING_ASC, (const unsigned char *)"NZ", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)text, n, -1, 0);
	for (const char *next; o; o = next) {
		next = strstr(o + 3, "/O=");
		X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
			(const unsigned char *)o + 3, next ? (int)(next - o - 3) : -1, -1,
			0);
	}
}

/* issuer NULL: an authority that issues itself. */
SIGNING struct holder holder_new(const char *name, const struct holder *issuer)
{
	static long serial = 1000;
	struct holder h = { .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
	X509 *x = h.certificate;
	X509 *by = issuer ? issuer->certificate : x;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(NOW - 100 * DAY));
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(NOW + 100 * DAY));
	name_of(X509_get_subject_name(x), name);
	X509_set_issuer_name(x, X509_get_subject_name(by));
	X509_set_pubkey(x, h.key);
	add_extension(x, by, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	add_extension(x, by, NID_key_usage,
		issuer ? "critical,digitalSignature,nonRepudiation"
		       : "critical,keyCertSign,cRLSign");
	add_extension(x, by, NID_subject_key_identifier, "hash");
	add_extension(x, by, NID_authority_key_identifier, "keyid");
	assert_true(X509_sign(x, issuer ? issuer->key : h.key, EVP_sha256()) > 0);
	assert_int_equal(pki_certificate_sha256(x, h.sha256), 0);
	return h;
}

SIGNING void holder_free(struct holder *h)
{
	EVP_PKEY_free(h->key);
	X509_free(h->certificate);
}

SIGNING void add_der(struct pki_material *m,
	int (*add)(struct pki_material *, struct span), uint8_t *der, int len)
{
	assert_true(len > 0);
	assert_int_equal(add(m, span_of(der, (size_t)len)), 0);
	OPENSSL_free(der);
}

/* An anchor, and its list of revocation issued at `at` for ten days; revoked may be NULL;
 * at 0: no list. */
SIGNING struct pki_material *material_of(
	const struct holder *ca, int64_t at, const struct holder *revoked)
{
	struct pki_material *m = pki_material_new();
	ASN1_TIME *this = ASN1_TIME_set(NULL, (time_t)at);
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(at + 10 * DAY));
	X509_CRL *crl = X509_CRL_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	uint8_t *der = NULL;

	add_der(m, pki_material_add_anchor, der, i2d_X509(ca->certificate, &der));
	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate));
	X509_CRL_set1_lastUpdate(crl, this);
	X509_CRL_set1_nextUpdate(crl, next);
	ASN1_INTEGER_set(number, 7);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	if (revoked) {
		X509_REVOKED *r = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(
			r, X509_get_serialNumber(revoked->certificate));
		X509_REVOKED_set_revocationDate(r, this);
		X509_CRL_add0_revoked(crl, r);
	}
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	der = NULL;
	if (at)
		add_der(m, pki_material_add_crl, der, i2d_X509_CRL(crl, &der));
	X509_CRL_free(crl);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(this);
	ASN1_TIME_free(next);
	return m;
}

/* ECDSA over a digest as r||s. */
SIGNING void sign_digest(
	EVP_PKEY *key, const uint8_t *digest, size_t len, uint8_t ret[64])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t der[128];
	const uint8_t *p = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, der, &der_len, digest, len), 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	assert_non_null(sig);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32), 32);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
}

/* A signature of the document that is not written yet. */
SIGNING struct xades_draft *signed_draft(const struct buf *document,
	const struct holder *who, enum xades_place place, const char *id)
{
	struct xades_plan plan = { .place = place,
		.document = buf_span(document),
		.signer = who->certificate,
		.signature_method = "ecdsa-sha256",
		.signing_time = NOW - 3600,
		.id = id };
	_cleanup_(freep) char *reason = NULL;
	struct xades_draft *draft = NULL;
	uint8_t digest[64], value[64];
	size_t len;

	if (xades_prepare(&plan, &draft, digest, &len, &reason) < 0)
		fail_msg("xades_prepare: %s", reason ? reason : "");
	sign_digest(who->key, digest, len, value);
	assert_int_equal(xades_set_value(draft, span_of(value, sizeof(value))), 0);
	return draft;
}

/* Write the draft, which is released, in place of the document. */
SIGNING void write_draft(struct xades_draft *draft, struct buf *document)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(xades_write(draft, &out), 0);
	xades_draft_free(draft);
	buf_done(document);
	*document = out;
}

/* Sign the document in place. */
SIGNING void sign(struct buf *document, const struct holder *who, enum xades_place place,
	const char *id)
{
	write_draft(signed_draft(document, who, place, id), document);
}

#endif
