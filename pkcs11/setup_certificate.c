/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/setup.h"

#include "common/clock.h"
#include "common/durable.h"
#include "pkcs11/count_log.h"
#include "pkcs11/mechanism.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(X509_NAME *, X509_NAME_free)
DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)

#define SUBJECT_MAX 512

/* Request ---------------------------------------------------------------------------- */

/* "C=EU,O=Gate,CN=Seal 1" or "/C=EU/O=Gate/CN=Seal 1". */
static X509_NAME *parse_subject(const char *text)
{
	_cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
	char copy[SUBJECT_MAX], *rest = copy, *part;
	const char *separator = text[0] == '/' ? "/" : ",";

	if (!name || snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
		return NULL;
	while ((part = strsep(&rest, separator))) {
		char *value;

		part += strspn(part, " ");
		if (!part[0])
			continue;
		value = strchr(part, '=');
		if (!value)
			return NULL;
		*value++ = '\0';
		if (X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
			    (const unsigned char *)value, -1, -1, 0) != 1)
			return NULL;
	}
	return X509_NAME_entry_count(name) ? TAKE(name) : NULL;
}

/* A request is signed by PKCS#1 v1.5 where the role uses PSS: authorities expect it. */
static const struct mechanism *request_mechanism(const struct role *role)
{
	char name[24];

	if (role->mechanism->scheme != SCHEME_RSA_PSS)
		return role->mechanism;
	snprintf(
		name, sizeof(name), "rsa-%s", role->mechanism->name + strlen("rsa-pss-"));
	return mechanism_find(name);
}

static X509_REQ *unsigned_request(
	const struct mechanism *m, EVP_PKEY *key, const char *subject)
{
	_cleanup_(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
	_cleanup_(X509_NAME_freep) X509_NAME *name = parse_subject(subject);
	_cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	int nid, key_type = m->scheme == SCHEME_ECDSA ? EVP_PKEY_EC : EVP_PKEY_RSA;

	if (!name) {
		setup_fail("the subject %s is not one (C=EU,O=...,CN=...)", subject);
		return NULL;
	}
	if (!req || !algorithm ||
		OBJ_find_sigid_by_algs(&nid, OBJ_sn2nid(m->digest), key_type) != 1)
		return NULL;
	if (X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid),
		    key_type == EVP_PKEY_RSA ? V_ASN1_NULL : V_ASN1_UNDEF, NULL) != 1 ||
		X509_REQ_set_version(req, 0) != 1 ||
		X509_REQ_set_subject_name(req, name) != 1 ||
		X509_REQ_set_pubkey(req, key) != 1 ||
		X509_REQ_set1_signature_algo(req, algorithm) != 1)
		return NULL;
	return TAKE(req);
}

static int set_signature(X509_REQ *req, const uint8_t *der, int len)
{
	ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

	if (!bits ||
		ASN1_BIT_STRING_set(bits, (unsigned char *)(uintptr_t)der, len) != 1) {
		ASN1_BIT_STRING_free(bits);
		return -ENOMEM;
	}
	/* No octet of a signature has unused bits, whatever its last one is. */
	bits->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
	bits->flags |= ASN1_STRING_FLAG_BITS_LEFT;
	X509_REQ_set0_signature(req, bits);
	return 0;
}

int setup_count(const struct setup *s, const struct role *role, struct span digest)
{
	_cleanup_(count_log_closep) struct count_log *log = NULL;
	_cleanup_(freep) char *error = NULL;
	struct count_entry entry = { .role = role->name,
		.digest = digest.data,
		.digest_len = digest.len,
		.document = "csr" };
	char path[PATH_MAX];
	uint64_t count;
	size_t cut;
	int r = instance_path(s->instance, COUNT_LOG_FILE, path);

	if (r == 0)
		r = count_log_open(path, &log, &cut, &error);
	if (r < 0)
		return setup_fail("%s%s", error ? error : strerror(-r),
			r == -EBUSY ? "; stop the signer while the request is made" : "");
	r = count_log_append(log, &entry, &count);
	return r < 0 ? setup_fail("the signature cannot be counted: %s", strerror(-r))
		     : 0;
}

static int digest_request(X509_REQ *req, const struct mechanism *m, uint8_t *ret_digest)
{
	uint8_t *tbs = NULL;
	unsigned int digest_len = 0;
	int len = i2d_re_X509_REQ_tbs(req, &tbs), ok;

	ok = len > 0 &&
	     EVP_Digest(tbs, (size_t)len, ret_digest, &digest_len,
		     EVP_get_digestbyname(m->digest), NULL) == 1 &&
	     digest_len == m->digest_len;
	OPENSSL_free(tbs);
	return ok ? 0 : -EIO;
}

static int sign_request(struct setup *s, const struct role *role,
	const struct mechanism *m, X509_REQ *req)
{
	struct key_place place = { &s->module, s->slot, s->session };
	uint8_t digest[SIGNER_DIGEST_MAX], value[SIGNER_VALUE_MAX],
		der[SIGNER_VALUE_MAX + 16];
	char why[KEY_TEXT_SIZE];
	CK_OBJECT_HANDLE key;
	size_t len;
	CK_RV rv;
	int r;

	if (key_find(&place, role, &key, why) < 0)
		return setup_fail("role %s: %s", role->name, why);
	if (digest_request(req, m, digest) < 0)
		return setup_fail("the request cannot be encoded");
	rv = mechanism_sign(s->module.f, s->session, key, m,
		span_of(digest, m->digest_len), value, &len);
	if (rv != CKR_OK)
		return setup_fail_rv("C_Sign", rv);
	r = mechanism_der(m, span_of(value, len), der, sizeof(der));
	if (r < 0 || set_signature(req, der, r) < 0)
		return setup_fail("the token made a signature that is none");
	return setup_count(s, role, span_of(digest, m->digest_len));
}

static char *pem_of(X509_REQ *req)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long len;

	if (bio && PEM_write_bio_X509_REQ(bio, req) == 1) {
		len = BIO_get_mem_data(bio, &data);
		text = strndup(data, (size_t)len);
	}
	BIO_free(bio);
	return text;
}

char *setup_request(struct setup *s, const struct role *role, const char *subject)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = setup_public_key(s, role);
	_cleanup_(X509_REQ_freep) X509_REQ *req = NULL;
	const struct mechanism *m = request_mechanism(role);
	char standard[SUBJECT_MAX];

	if (!key || !m)
		return NULL;
	snprintf(standard, sizeof(standard), "CN=%s %s",
		config_string(s->instance->config, "instance.name"), role->name);
	req = unsigned_request(m, key, subject ? subject : standard);
	if (!req || sign_request(s, role, m, req) < 0)
		return NULL;
	if (X509_REQ_verify(req, key) != 1) {
		ERR_clear_error();
		setup_fail("the request does not verify");
		return NULL;
	}
	return pem_of(req);
}

int setup_csr(struct setup *s, const struct role *role, const char *subject)
{
	_cleanup_(freep) char *pem = setup_request(s, role, subject);

	if (!pem)
		return 1;
	return fputs(pem, stdout) >= 0 && fflush(stdout) == 0 ? 0 : 3;
}

/* Certificate ------------------------------------------------------------------------ */

struct bundle {
	X509 *list[CHAIN_MAX + 1];
	size_t count; /* list[0] is the role's own once sorted */
};

static void bundle_done(struct bundle *b)
{
	while (b->count)
		X509_free(b->list[--b->count]);
}

static void swap(struct bundle *b, size_t i, size_t j)
{
	X509 *c = b->list[i];

	b->list[i] = b->list[j];
	b->list[j] = c;
}

/* Own certificate first, then each issuer. */
static int bundle_sort(struct bundle *b, EVP_PKEY *key)
{
	size_t i;

	for (i = 0; i < b->count; i++) {
		EVP_PKEY *of = X509_get0_pubkey(b->list[i]);

		if (of && EVP_PKEY_eq(of, key) == 1)
			break;
	}
	if (i == b->count)
		return setup_fail("no certificate of the file is that of the role's key");
	swap(b, 0, i);
	for (size_t at = 1; at < b->count; at++) {
		for (i = at; i < b->count; i++)
			if (X509_check_issued(b->list[i], b->list[at - 1]) == X509_V_OK)
				break;
		if (i == b->count)
			return setup_fail(
				"%zu certificates of the file do not belong to the chain",
				b->count - at);
		swap(b, at, i);
	}
	return 0;
}

static int check_own(X509 *own, const struct role *role, EVP_PKEY *key)
{
	uint32_t usage = X509_get_key_usage(own);
	int64_t now = clock_now(), not_after = 0;

	if (!mechanism_fits(role->mechanism, key))
		return setup_fail("the key does not fit %s", role->mechanism->name);
	if (X509_check_ca(own) == 1)
		return setup_fail("the certificate is that of an authority");
	if (!(usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return setup_fail(
			"the certificate's key usage does not allow signatures");
	if (asn1_seconds(X509_get0_notAfter(own), &not_after) < 0 || not_after <= now)
		return setup_fail("the certificate has expired");
	return 0;
}

static int write_chain(
	const struct setup *s, const struct role *role, const struct bundle *b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char name[64], path[PATH_MAX], *text;
	long len;
	int r;

	snprintf(name, sizeof(name), CHAIN_FILE, role->name);
	r = bio ? instance_path(s->instance, name, path) : -ENOMEM;
	for (size_t i = 1; r == 0 && i < b->count; i++)
		if (PEM_write_bio_X509(bio, b->list[i]) != 1)
			r = -ENOMEM;
	if (r == 0) {
		len = BIO_get_mem_data(bio, &text);
		r = durable_write(path, span_of(text, (size_t)len), 0644);
	}
	BIO_free(bio);
	return r < 0 ? setup_fail("%s: %s", name, strerror(-r)) : 0;
}

/* The key's CKA_ID, which its certificate shares. */
static CK_RV key_id(struct setup *s, const struct role *role, uint8_t *ret_id,
	size_t size, size_t *ret_len)
{
	CK_OBJECT_HANDLE key;
	size_t count;
	CK_RV rv = object_find(s->module.f, s->session,
		&(struct object_query){ CKO_PRIVATE_KEY, role->label, NULL, 0 }, &key, 1,
		&count);

	if (rv != CKR_OK || count != 1)
		return rv != CKR_OK ? rv : CKR_KEY_HANDLE_INVALID;
	return object_octets(s->module.f, s->session, key, CKA_ID, ret_id, size, ret_len);
}

static size_t octets_of(int len)
{
	return len > 0 ? (size_t)len : 0;
}

static CK_RV create_certificate(
	struct setup *s, const struct role *role, X509 *own, CK_OBJECT_HANDLE *ret_object)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	uint8_t id[64], *der = NULL, *subject = NULL, *issuer = NULL, *serial = NULL;
	size_t id_len;
	CK_RV rv = key_id(s, role, id, sizeof(id), &id_len);

	if (rv == CKR_OK) {
		CK_ATTRIBUTE a[] = { { CKA_CLASS, &class, sizeof(class) },
			{ CKA_CERTIFICATE_TYPE, &type, sizeof(type) },
			{ CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &no, 1 },
			{ CKA_LABEL, (char *)(uintptr_t)role->label,
				strlen(role->label) },
			{ CKA_ID, id, id_len },
			{ CKA_VALUE, NULL, octets_of(i2d_X509(own, &der)) },
			{ CKA_SUBJECT, NULL,
				octets_of(i2d_X509_NAME(
					X509_get_subject_name(own), &subject)) },
			{ CKA_ISSUER, NULL,
				octets_of(i2d_X509_NAME(
					X509_get_issuer_name(own), &issuer)) },
			{ CKA_SERIAL_NUMBER, NULL,
				octets_of(i2d_ASN1_INTEGER(
					X509_get_serialNumber(own), &serial)) } };

		a[6].pValue = der;
		a[7].pValue = subject;
		a[8].pValue = issuer;
		a[9].pValue = serial;
		rv = s->module.f->C_CreateObject(
			s->session, a, sizeof(a) / sizeof(a[0]), ret_object);
	}
	OPENSSL_free(der);
	OPENSSL_free(subject);
	OPENSSL_free(issuer);
	OPENSSL_free(serial);
	return rv;
}

/* Put the new one in, then take the others of the label out. */
static CK_RV replace_certificate(struct setup *s, const struct role *role, X509 *own)
{
	CK_OBJECT_HANDLE made, old[16];
	size_t count = 0;
	CK_RV rv = object_find(s->module.f, s->session,
		&(struct object_query){ CKO_CERTIFICATE, role->label, NULL, 0 }, old, 16,
		&count);

	if (rv == CKR_OK)
		rv = create_certificate(s, role, own, &made);
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = s->module.f->C_DestroyObject(s->session, old[i]);
	return rv;
}

int setup_import(struct setup *s, const struct role *role, struct span pem)
{
	_cleanup_(bundle_done) struct bundle b = { 0 };
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = setup_public_key(s, role);
	CK_RV rv;
	int n;

	if (!key)
		return 1;
	n = certificates_parse(pem, b.list, CHAIN_MAX + 1);
	if (n <= 0) {
		setup_fail("not a PEM file of one to %d certificates", CHAIN_MAX + 1);
		return 1;
	}
	b.count = (size_t)n;
	if (bundle_sort(&b, key) < 0 || check_own(b.list[0], role, key) < 0)
		return 1;
	rv = replace_certificate(s, role, b.list[0]);
	if (rv != CKR_OK) {
		setup_fail_rv("storing the certificate", rv);
		return 1;
	}
	/* Last: a running signer looks at the token again when this file is new. */
	return write_chain(s, role, &b) < 0 ? 1 : 0;
}
