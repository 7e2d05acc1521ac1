/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A throw-away PKI for tests: certificates, CRLs, OCSP responses and time-stamp tokens
 * made at fixed times; never used outside tests.
 */
#ifndef SEALGATE_TESTS_PKI_FIXTURE_H
#define SEALGATE_TESTS_PKI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "pki/certificate.h"
#include "pki/material.h"

#include <openssl/conf.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <openssl/x509v3.h>

#define UNUSED __attribute__((unused))

struct party {
	X509 *cert;
	EVP_PKEY *key;
};

struct extension {
	int nid;
	const char *value; /* as in a configuration file of OpenSSL */
};

struct octets {
	unsigned char *data;
	int len;
};

static UNUSED int64_t when(const char *text)
{
	int64_t t;

	assert_int_equal(clock_parse(text, &t), 0);
	return t;
}

static UNUSED struct span span_of_octets(const struct octets *o)
{
	return span_of(o->data, (size_t)o->len);
}

static UNUSED void octets_done(struct octets *o)
{
	OPENSSL_free(o->data);
	o->data = NULL;
}

static UNUSED void party_done(struct party *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	p->cert = NULL;
	p->key = NULL;
}

/* What a certificate is made of; issuer NULL: self-signed. */
struct order {
	const char *name;
	const struct party *issuer;
	EVP_PKEY *key; /* NULL: a new P-256 key */
	long serial;
	const char *from, *to; /* NULL: 2025-01-01 to 2028-01-01 */
	struct extension extensions[8];
	const EVP_MD *md; /* NULL: SHA-256 */
	int rsa_bits;
};

static UNUSED void set_name(X509_NAME *name, const char *cn)
{
	const unsigned char *text = (const unsigned char *)cn;

	assert_true(
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0));
}

static UNUSED void add_extensions(X509 *x, X509 *issuer, const struct extension *list)
{
	CONF *none =
		NCONF_new(NULL); /* some extensions want to be able to look values up */
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, none);
	for (; list->value; list++) {
		X509_EXTENSION *e =
			X509V3_EXT_nconf_nid(NULL, &ctx, list->nid, list->value);

		assert_non_null(e);
		assert_true(X509_add_ext(x, e, -1));
		X509_EXTENSION_free(e);
	}
	NCONF_free(none);
}

static UNUSED EVP_PKEY *new_key(const struct order *o)
{
	if (o->key) {
		EVP_PKEY_up_ref(o->key);
		return o->key;
	}
	return o->rsa_bits ? EVP_RSA_gen((unsigned int)o->rsa_bits) : EVP_EC_gen("P-256");
}

static UNUSED struct party party_make(struct order o)
{
	struct party p = { .cert = X509_new(), .key = new_key(&o) };
	const struct party *issuer = o.issuer ? o.issuer : &p;

	assert_non_null(p.key);
	X509_set_version(p.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), o.serial ? o.serial : 1);
	set_name(X509_get_subject_name(p.cert), o.name);
	X509_set_issuer_name(p.cert, X509_get_subject_name(issuer->cert));
	ASN1_TIME_set(X509_getm_notBefore(p.cert),
		(time_t)when(o.from ? o.from : "2025-01-01T00:00:00Z"));
	ASN1_TIME_set(X509_getm_notAfter(p.cert),
		(time_t)when(o.to ? o.to : "2028-01-01T00:00:00Z"));
	X509_set_pubkey(p.cert, p.key);
	add_extensions(p.cert, issuer->cert, o.extensions);
	assert_true(X509_sign(p.cert, issuer->key, o.md ? o.md : EVP_sha256()));
	return p;
}

#define CA_EXTENSIONS                                                                    \
	{                                                                                \
		{ NID_basic_constraints, "critical,CA:TRUE" },                           \
			{ NID_key_usage, "critical,keyCertSign,cRLSign" },               \
			{ NID_subject_key_identifier, "hash" },                          \
			{ NID_authority_key_identifier, "keyid" },                       \
	}
#define ROOT_EXTENSIONS                                                                  \
	{                                                                                \
		{ NID_basic_constraints, "critical,CA:TRUE" },                           \
			{ NID_key_usage, "critical,keyCertSign,cRLSign" },               \
			{ NID_subject_key_identifier, "hash" },                          \
	}
#define SIGNER_EXTENSIONS                                                                \
	{                                                                                \
		{ NID_key_usage, "critical,nonRepudiation" },                            \
			{ NID_subject_key_identifier, "hash" },                          \
			{ NID_authority_key_identifier, "keyid" },                       \
	}

static UNUSED struct octets der_of(X509 *x)
{
	struct octets o = { 0 };

	o.len = i2d_X509(x, &o.data);
	assert_true(o.len > 0);
	return o;
}

/* A copy by way of its encoding: nothing that was set while it was made is left behind.
 */
static UNUSED X509 *read_again(X509 *x)
{
	struct octets o = der_of(x);
	X509 *copy = pki_certificate_parse(span_of_octets(&o));

	assert_non_null(copy);
	octets_done(&o);
	return copy;
}

static UNUSED void trust_in(struct pki_material *m, X509 *x)
{
	struct octets o = der_of(x);

	assert_int_equal(pki_material_add_anchor(m, span_of_octets(&o)), 0);
	octets_done(&o);
}

static UNUSED void know(struct pki_material *m, X509 *x)
{
	struct octets o = der_of(x);

	assert_int_equal(pki_material_add_certificate(m, span_of_octets(&o)), 0);
	octets_done(&o);
}

/* An entry of a CRL; reason -1: none. */
struct entry {
	long serial;
	const char *at;
	int reason;
};

struct crl_order {
	const struct party *issuer;
	const char *from, *to; /* to NULL: no nextUpdate */
	struct entry entries[4];
	struct extension extensions[4];
	const EVP_MD *md;
};

static UNUSED void add_entry(X509_CRL *crl, const struct entry *e)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)when(e->at));

	ASN1_INTEGER_set(serial, e->serial);
	X509_REVOKED_set_serialNumber(r, serial);
	X509_REVOKED_set_revocationDate(r, t);
	if (e->reason >= 0) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

		ASN1_ENUMERATED_set(reason, e->reason);
		X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0);
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_add0_revoked(crl, r);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(t);
}

static UNUSED void add_crl_extensions(X509_CRL *crl, const struct extension *list)
{
	for (; list->value; list++) {
		X509_EXTENSION *e = NULL;

		if (list->nid == NID_crl_number || list->nid == NID_delta_crl) {
			ASN1_INTEGER *n = s2i_ASN1_INTEGER(NULL, list->value);

			X509_CRL_add1_ext_i2d(
				crl, list->nid, n, list->nid == NID_delta_crl, 0);
			ASN1_INTEGER_free(n);
			continue;
		}
		e = X509V3_EXT_nconf_nid(NULL, NULL, list->nid, list->value);
		assert_non_null(e);
		X509_CRL_add_ext(crl, e, -1);
		X509_EXTENSION_free(e);
	}
}

static UNUSED struct octets crl_make(struct crl_order o)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)when(o.from));
	ASN1_TIME *to = o.to ? ASN1_TIME_set(NULL, (time_t)when(o.to)) : NULL;
	struct octets out = { 0 };

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(o.issuer->cert));
	X509_CRL_set1_lastUpdate(crl, from);
	if (to)
		X509_CRL_set1_nextUpdate(crl, to);
	for (size_t i = 0; i < 4 && o.entries[i].at; i++)
		add_entry(crl, &o.entries[i]);
	add_crl_extensions(crl, o.extensions);
	assert_true(X509_CRL_sign(crl, o.issuer->key, o.md ? o.md : EVP_sha256()));
	out.len = i2d_X509_CRL(crl, &out.data);
	X509_CRL_free(crl);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return out;
}

static UNUSED void revoke_by(struct pki_material *m, struct crl_order order)
{
	struct octets o = crl_make(order);

	assert_int_equal(pki_material_add_crl(m, span_of_octets(&o)), 0);
	octets_done(&o);
}

struct ocsp_order {
	const struct party *responder;
	X509 *about, *issuer;
	int status, reason;
	const char *revoked_at;
	const char *from, *to, *produced;
	bool without_certificate;
	const EVP_MD *id_md; /* of the CertID; NULL: SHA-1, as most responders do */
};

static UNUSED void set_produced(OCSP_BASICRESP *basic, const char *text)
{
	const ASN1_GENERALIZEDTIME *t = OCSP_resp_get0_produced_at(basic);

	ASN1_GENERALIZEDTIME_set(
		(ASN1_GENERALIZEDTIME *)(uintptr_t)t, (time_t)when(text));
}

static UNUSED struct octets ocsp_make(struct ocsp_order o)
{
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_RESPONSE *response;
	OCSP_CERTID *id =
		OCSP_cert_to_id(o.id_md ? o.id_md : EVP_sha1(), o.about, o.issuer);
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)when(o.from));
	ASN1_TIME *to = o.to ? ASN1_TIME_set(NULL, (time_t)when(o.to)) : NULL;
	ASN1_TIME *revoked =
		o.revoked_at ? ASN1_TIME_set(NULL, (time_t)when(o.revoked_at)) : NULL;
	struct octets out = { 0 };

	assert_non_null(
		OCSP_basic_add1_status(basic, id, o.status, o.reason, revoked, from, to));
	set_produced(basic, o.produced ? o.produced : o.from);
	assert_true(OCSP_basic_sign(basic, o.responder->cert, o.responder->key,
		EVP_sha256(), NULL,
		OCSP_NOTIME | (o.without_certificate ? (unsigned long)OCSP_NOCERTS : 0)));
	response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	out.len = i2d_OCSP_RESPONSE(response, &out.data);
	OCSP_RESPONSE_free(response);
	OCSP_BASICRESP_free(basic);
	OCSP_CERTID_free(id);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	ASN1_TIME_free(revoked);
	return out;
}

static UNUSED void answer_by(struct pki_material *m, struct ocsp_order order)
{
	struct octets o = ocsp_make(order);

	assert_int_equal(pki_material_add_ocsp(m, span_of_octets(&o)), 0);
	octets_done(&o);
}

#endif
