/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Folders with a signed manifest for tests, and who signs them; never a key on disk.
 */
#ifndef SEALGATE_TESTS_CTL_SIGNED_FOLDER_H
#define SEALGATE_TESTS_CTL_SIGNED_FOLDER_H

#include "common/durable.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

struct signer {
	EVP_PKEY *key;
	X509 *certificate;
};

struct place {
	char dir[64];
	char anchor[96];
	char target[96];
	struct signer ours, foreign;
};

/* Valid in a past that is over: the age of a signature plays no part. */
static inline struct signer make_signer(const char *name)
{
	struct signer s = { EVP_EC_gen("P-256"), X509_new() };
	X509_NAME *subject = X509_get_subject_name(s.certificate);

	ASN1_INTEGER_set(X509_get_serialNumber(s.certificate), 7);
	ASN1_TIME_set_string(X509_getm_notBefore(s.certificate), "20200101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(s.certificate), "20200201000000Z");
	X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(s.certificate, subject);
	X509_set_pubkey(s.certificate, s.key);
	assert_true(X509_sign(s.certificate, s.key, EVP_sha256()) > 0);
	return s;
}

static inline void write_file(
	const struct place *p, const char *name, const void *data, size_t len)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	assert_int_equal(durable_write(path, span_of(data, len), 0644), 0);
}

static inline void sign(const struct place *p, const struct signer *s, const char *text)
{
	BIO *data = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms = CMS_sign(s->certificate, s->key, NULL, data,
		CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP);
	uint8_t *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);

	assert_true(len > 0);
	write_file(p, "manifest", text, strlen(text));
	write_file(p, "manifest.p7s", der, (size_t)len);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(data);
}

#endif
