/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/bench.h"

#include "common/clock.h"
#include "common/durable.h"
#include "pki/path.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define PRIVATE_KEY "PRIVATE KEY-----" /* of every kind, encrypted or not */
#define RECEIPT "receipt"

struct bundle {
	X509 *list[CHAIN_MAX + 1];
	size_t count; /* list[0] is the role's own once sorted */
};

static void bundle_done(struct bundle *p)
{
	while (p->count)
		X509_free(p->list[--p->count]);
}

static void swap(struct bundle *p, size_t i, size_t j)
{
	X509 *c = p->list[i];

	p->list[i] = p->list[j];
	p->list[j] = c;
}

static int bundle_read(struct bench *b, struct span pem, struct bundle *ret)
{
	int n;

	if (memmem(pem.data, pem.len, PRIVATE_KEY, strlen(PRIVATE_KEY)))
		return bench_fail(b,
			"there is a private key among the certificates: it is nobody's "
			"business here; take it out, and hold it for lost if it is used");
	n = certificates_parse(pem, ret->list, CHAIN_MAX + 1);
	ret->count = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0
		     : bench_fail(b, "not a PEM file of one to %d certificates",
			       CHAIN_MAX + 1);
}

/* Names, key and signature. */
static bool issued(X509 *issuer, X509 *subject)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool yes = X509_check_issued(issuer, subject) == X509_V_OK && key &&
		   X509_verify(subject, key) == 1;

	ERR_clear_error();
	return yes;
}

/* Own certificate first, then each issuer. */
static int bundle_sort(
	struct bench *b, const struct role *role, struct bundle *p, EVP_PKEY *key)
{
	size_t i;

	for (i = 0; i < p->count; i++) {
		EVP_PKEY *of = X509_get0_pubkey(p->list[i]);

		if (of && EVP_PKEY_eq(of, key) == 1)
			break;
	}
	if (i == p->count)
		return bench_fail(b,
			"no certificate of the file is that of the role's key: ask for "
			"one (hsm csr %s)",
			role->name);
	swap(p, 0, i);
	for (size_t at = 1; at < p->count; at++) {
		for (i = at; i < p->count; i++)
			if (issued(p->list[i], p->list[at - 1]))
				break;
		if (i == p->count)
			return bench_fail(b,
				"%zu certificates of the file do not belong to the chain",
				p->count - at);
		swap(p, at, i);
	}
	return 0;
}

/* What may be wished otherwise: who verifies a seal by a certificate of usual usage, and
 * does not have the receipts' authority, cannot tell that it is none for receipts. */
static void warn_own(struct bench *b, const struct role *role, X509 *own)
{
	uint32_t usage = X509_get_key_usage(own);

	if (strcmp(role->name, RECEIPT) == 0 && usage & KU_NON_REPUDIATION)
		bench_say(b,
			"%s: warning: its certificate has nonRepudiation, so that who "
			"verifies may take it for one of seals; have the next one "
			"issued with digitalSignature alone",
			role->name);
}

/* NULL when it is valid now, which a certificate that takes another's place has to be. */
static const char *out_of_date(const X509 *c)
{
	int64_t not_before = 0, not_after = 0, now = clock_now();

	if (asn1_seconds(X509_get0_notBefore(c), &not_before) < 0 ||
		asn1_seconds(X509_get0_notAfter(c), &not_after) < 0)
		return "has no validity";
	if (not_before > now)
		return "is not valid yet: import it when it is";
	return not_after <= now ? "has expired" : NULL;
}

static int check_own(
	struct bench *b, X509 *own, const struct role *role, const EVP_PKEY *key)
{
	uint32_t usage = X509_get_key_usage(own);
	const char *why = out_of_date(own);

	if (!mechanism_fits(role->mechanism, key))
		return bench_fail(b, "the key does not fit %s", role->mechanism->name);
	if (!key_kind_is(role->key, key))
		return bench_fail(b,
			"the key is not of the role's kind, %s: make it anew",
			role->key->name);
	if (X509_check_ca(own) == 1)
		return bench_fail(b, "the certificate is that of an authority");
	if (usage == UINT32_MAX || !(usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return bench_fail(b,
			"the certificate's key usage does not allow signatures: have it "
			"issued with digitalSignature or nonRepudiation");
	if (!pki_for_documents(own))
		return bench_fail(b,
			"the certificate's extended key usage is for something else than "
			"documents: have it issued without one, or with documentSigning");
	return why ? bench_fail(b, "the certificate %s", why) : 0;
}

static int check_chain(struct bench *b, const struct bundle *p)
{
	for (size_t i = 1; i < p->count; i++) {
		const char *why = X509_check_ca(p->list[i]) == 1 ? out_of_date(p->list[i])
								 : "is no authority's";

		if (why)
			return bench_fail(b, "certificate %zu of the chain %s", i, why);
	}
	return 0;
}

static int write_chain(struct bench *b, const struct role *role, const struct bundle *p)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char name[64], path[PATH_MAX], *text;
	long len;
	int r;

	snprintf(name, sizeof(name), CHAIN_FILE, role->name);
	r = bio ? instance_path(b->instance, name, path) : -ENOMEM;
	for (size_t i = 1; r == 0 && i < p->count; i++)
		if (PEM_write_bio_X509(bio, p->list[i]) != 1)
			r = -ENOMEM;
	if (r == 0) {
		len = BIO_get_mem_data(bio, &text);
		r = durable_write(path, span_of(text, (size_t)len), 0644);
	}
	BIO_free(bio);
	return r < 0 ? bench_fail(b, "%s: %s", name, strerror(-r)) : 0;
}

/* The key's CKA_ID, which its certificate shares. */
static CK_RV key_id(struct bench *b, const struct role *role, uint8_t *ret_id,
	size_t size, size_t *ret_len)
{
	CK_FUNCTION_LIST *f = b->place.module->f;
	CK_OBJECT_HANDLE key;
	size_t count;
	CK_RV rv = object_find(f, b->place.session,
		&(struct object_query){ CKO_PRIVATE_KEY, role->label, NULL, 0 }, &key, 1,
		&count);

	if (rv != CKR_OK || count != 1)
		return rv != CKR_OK ? rv : CKR_KEY_HANDLE_INVALID;
	return object_octets(f, b->place.session, key, CKA_ID, ret_id, size, ret_len);
}

static size_t octets_of(int len)
{
	return len > 0 ? (size_t)len : 0;
}

static CK_RV create_certificate(
	struct bench *b, const struct role *role, X509 *own, CK_OBJECT_HANDLE *ret_object)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	uint8_t id[64], *der = NULL, *subject = NULL, *issuer = NULL, *serial = NULL;
	size_t id_len;
	CK_RV rv = key_id(b, role, id, sizeof(id), &id_len);

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
		rv = b->place.module->f->C_CreateObject(
			b->place.session, a, sizeof(a) / sizeof(a[0]), ret_object);
	}
	OPENSSL_free(der);
	OPENSSL_free(subject);
	OPENSSL_free(issuer);
	OPENSSL_free(serial);
	return rv;
}

/* Put the new one in, then take the others of the label out. */
static CK_RV replace_certificate(struct bench *b, const struct role *role, X509 *own)
{
	CK_OBJECT_HANDLE made, old[16];
	size_t count = 0;
	CK_RV rv = object_find(b->place.module->f, b->place.session,
		&(struct object_query){ CKO_CERTIFICATE, role->label, NULL, 0 }, old, 16,
		&count);

	if (rv == CKR_OK)
		rv = create_certificate(b, role, own, &made);
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = b->place.module->f->C_DestroyObject(b->place.session, old[i]);
	return rv;
}

int bench_import(struct bench *b, const struct role *role, struct span pem)
{
	_cleanup_(bundle_done) struct bundle p = { 0 };
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = bench_public_key(b, role, NULL);
	CK_RV rv;
	int r = key ? bundle_read(b, pem, &p) : -ENOENT;

	if (r == 0)
		r = bundle_sort(b, role, &p, key);
	if (r == 0)
		r = check_own(b, p.list[0], role, key);
	if (r == 0)
		r = check_chain(b, &p);
	if (r < 0)
		return r;
	rv = replace_certificate(b, role, p.list[0]);
	if (rv != CKR_OK)
		return bench_fail_rv(b, "storing the certificate", rv);
	/* Last: a running signer looks at the token again when this file is new. */
	r = write_chain(b, role, &p);
	if (r < 0)
		return r;
	bench_say(b, "%s: its certificate and %zu above it are stored", role->name,
		p.count - 1);
	warn_own(b, role, p.list[0]);
	return 0;
}
