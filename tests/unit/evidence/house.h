/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys, certificates and an RFC 3161 authority in memory for tests; never on disk.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_HOUSE_H
#define SEALGATE_TESTS_EVIDENCE_HOUSE_H

#include "common/span.h"
#include "pki/material.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#define HOUSE_DAY 86400
#define HOUSE_POLICY "2.999.3161.1"

/* static inline: a test that does not use one is not warned about it. */
#define HOUSE static inline __attribute__((unused))

struct house {
	int64_t now; /* everything is valid from a day before to ten years after */
	EVP_PKEY *ca_key, *seal_key, *receipt_key, *tsa_key;
	X509 *ca, *seal, *receipt, *tsa;
	X509_CRL *crl;
};

HOUSE void house_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

HOUSE void house_name(X509_NAME *name, const char *common_name)
{
	X509_NAME_add_entry_by_txt(
		name, "C", MBSTRING_ASC, (const unsigned char *)"BE", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "O", MBSTRING_ASC, (const unsigned char *)"Test house", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
}

/* usage: keyUsage; extended: extendedKeyUsage or NULL. issuer NULL: signs itself as a CA.
 */
HOUSE X509 *house_certificate_for(int64_t now, int days, EVP_PKEY *key, const char *name,
	X509 *issuer, EVP_PKEY *issuer_key, const char *usage, const char *extended)
{
	static long serial = 4711;
	X509 *x = X509_new();

	assert_non_null(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &(time_t){ now });
	X509_time_adj_ex(X509_getm_notAfter(x), days, 0, &(time_t){ now });
	house_name(X509_get_subject_name(x), name);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	X509_set_pubkey(x, key);
	house_extension(x, issuer ? issuer : x, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	house_extension(x, issuer ? issuer : x, NID_subject_key_identifier, "hash");
	house_extension(x, issuer ? issuer : x, NID_authority_key_identifier, "keyid");
	house_extension(x, issuer ? issuer : x, NID_key_usage, usage);
	if (extended)
		house_extension(x, issuer, NID_ext_key_usage, extended);
	assert_true(X509_sign(x, issuer_key, EVP_sha256()) > 0);
	return x;
}

HOUSE X509 *house_certificate(int64_t now, EVP_PKEY *key, const char *name, X509 *issuer,
	EVP_PKEY *issuer_key, const char *usage, const char *extended)
{
	return house_certificate_for(
		now, 3650, key, name, issuer, issuer_key, usage, extended);
}

HOUSE X509_CRL *house_crl(const struct house *h, int days)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_adj(NULL, (time_t)h->now, -1, 0);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(h->ca));
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_adj(t, (time_t)h->now, days, 0);
	X509_CRL_set1_nextUpdate(crl, t);
	ASN1_INTEGER_set(number, 1);
	X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0);
	X509V3_set_ctx(&context, h->ca, NULL, NULL, crl, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
	X509_CRL_add_ext(crl, e, -1);
	X509_EXTENSION_free(e);
	assert_true(X509_CRL_sign(crl, h->ca_key, EVP_sha256()) > 0);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(t);
	return crl;
}

/* Who says what when: a CRL with at most one certificate in it, revoked at a time. */
struct house_list {
	X509 *issuer;
	EVP_PKEY *key;
	int64_t issued;
	int days;
	const X509 *revoked; /* NULL: none */
	int64_t revoked_at;
};

HOUSE X509_CRL *house_list(const struct house_list *l)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = ASN1_TIME_adj(NULL, (time_t)l->issued, 0, 0);
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(l->issuer));
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_adj(t, (time_t)l->issued, l->days, 0);
	X509_CRL_set1_nextUpdate(crl, t);
	X509V3_set_ctx(&context, l->issuer, NULL, NULL, crl, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid");
	X509_CRL_add_ext(crl, e, -1);
	X509_EXTENSION_free(e);
	e = X509V3_EXT_conf_nid(NULL, &context, NID_crl_number, "2");
	X509_CRL_add_ext(crl, e, -1);
	X509_EXTENSION_free(e);
	if (l->revoked) {
		X509_REVOKED *r = X509_REVOKED_new();

		ASN1_TIME_adj(t, (time_t)l->revoked_at, 0, 0);
		X509_REVOKED_set_serialNumber(
			r, (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(l->revoked));
		X509_REVOKED_set_revocationDate(r, t);
		X509_CRL_add0_revoked(crl, r);
	}
	X509_CRL_sort(crl);
	assert_true(X509_CRL_sign(crl, l->key, EVP_sha256()) > 0);
	ASN1_TIME_free(t);
	return crl;
}

HOUSE void house_add_list(struct pki_material *m, const struct house_list *l)
{
	X509_CRL *crl = house_list(l);
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);

	assert_int_equal(pki_material_add_crl(m, span_of(der, (size_t)len)), 0);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

HOUSE void house_add_anchor(struct pki_material *m, X509 *x)
{
	unsigned char *der = NULL;
	int len = i2d_X509(x, &der);

	assert_int_equal(pki_material_add_anchor(m, span_of(der, (size_t)len)), 0);
	OPENSSL_free(der);
}

HOUSE void house_open(struct house *h, int64_t now)
{
	h->now = now;
	h->ca_key = EVP_EC_gen("P-256");
	h->seal_key = EVP_EC_gen("P-256");
	h->receipt_key = EVP_EC_gen("P-256");
	h->tsa_key = EVP_EC_gen("P-256");
	h->ca = house_certificate(now, h->ca_key, "Authority", NULL, h->ca_key,
		"critical,keyCertSign,cRLSign", NULL);
	h->seal = house_certificate(now, h->seal_key, "Seal", h->ca, h->ca_key,
		"critical,nonRepudiation", NULL);
	h->receipt = house_certificate(now, h->receipt_key, "Receipts", h->ca, h->ca_key,
		"critical,digitalSignature", NULL);
	h->tsa = house_certificate(now, h->tsa_key, "Time", h->ca, h->ca_key,
		"critical,digitalSignature", "critical,timeStamping");
	h->crl = house_crl(h, 3650);
}

HOUSE void house_done(struct house *h)
{
	EVP_PKEY_free(h->ca_key);
	EVP_PKEY_free(h->seal_key);
	EVP_PKEY_free(h->receipt_key);
	EVP_PKEY_free(h->tsa_key);
	X509_free(h->ca);
	X509_free(h->seal);
	X509_free(h->receipt);
	X509_free(h->tsa);
	X509_CRL_free(h->crl);
}

/* The authority as anchor and its CRL. The caller frees. */
HOUSE struct pki_material *house_material_with(const struct house *h, X509_CRL *crl)
{
	struct pki_material *m = pki_material_new();
	unsigned char *der = NULL;
	int len = i2d_X509(h->ca, &der);

	assert_int_equal(pki_material_add_anchor(m, span_of(der, (size_t)len)), 0);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509_CRL(crl, &der);
	assert_int_equal(pki_material_add_crl(m, span_of(der, (size_t)len)), 0);
	OPENSSL_free(der);
	return m;
}

HOUSE struct pki_material *house_material(const struct house *h)
{
	return house_material_with(h, h->crl);
}

/* r||s over a digest by a P-256 key, as a token gives it. */
HOUSE void house_sign(EVP_PKEY *key, const uint8_t *digest, size_t len, uint8_t ret[64])
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	uint8_t der[128];
	const unsigned char *p = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_PKEY_sign_init(context), 1);
	assert_int_equal(EVP_PKEY_sign(context, der, &der_len, digest, len), 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(context);
}

HOUSE int house_gen_time(TS_RESP_CTX *context, void *data, long *sec, long *usec)
{
	const int64_t *at = data;

	(void)context;
	*sec = (long)*at;
	*usec = 0;
	return 1;
}

/* A serial number a token; the default of the library wants a file. */
HOUSE ASN1_INTEGER *house_serial(TS_RESP_CTX *context, void *data)
{
	static long next = 1;
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	(void)context, (void)data;
	ASN1_INTEGER_set(serial, next++);
	return serial;
}

/* TimeStampResp to a query. The caller frees with OPENSSL_free. */
HOUSE size_t house_answer(
	const struct house *h, struct span query, int64_t gen_time, unsigned char **ret)
{
	TS_RESP_CTX *context = TS_RESP_CTX_new();
	ASN1_OBJECT *policy = OBJ_txt2obj(HOUSE_POLICY, 1);
	BIO *bio = BIO_new_mem_buf(query.data, (int)query.len);
	TS_RESP *response;
	int len;

	TS_RESP_CTX_set_signer_cert(context, h->tsa);
	TS_RESP_CTX_set_signer_key(context, h->tsa_key);
	TS_RESP_CTX_set_signer_digest(context, EVP_sha256());
	TS_RESP_CTX_set_ess_cert_id_digest(context, EVP_sha256());
	TS_RESP_CTX_set_def_policy(context, policy);
	TS_RESP_CTX_add_md(context, EVP_sha256());
	TS_RESP_CTX_set_time_cb(context, house_gen_time, &gen_time);
	TS_RESP_CTX_set_serial_cb(context, house_serial, NULL);
	response = TS_RESP_create_response(context, bio);
	assert_non_null(response);
	*ret = NULL;
	len = i2d_TS_RESP(response, ret);
	assert_true(len > 0);
	TS_RESP_free(response);
	BIO_free(bio);
	ASN1_OBJECT_free(policy);
	TS_RESP_CTX_free(context);
	return (size_t)len;
}

#endif
