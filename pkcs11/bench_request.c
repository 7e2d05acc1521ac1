/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/bench.h"

#include "pkcs11/mechanism.h"
#include "pkcs11/subject.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(X509_ALGOR *, X509_ALGOR_free)

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
	struct bench *b, const struct mechanism *m, EVP_PKEY *key, const char *subject)
{
	char why[SUBJECT_WHY_SIZE];
	_cleanup_(X509_REQ_freep) X509_REQ *req = X509_REQ_new();
	_cleanup_(X509_NAME_freep) X509_NAME *name = subject_parse(subject, why);
	_cleanup_(X509_ALGOR_freep) X509_ALGOR *algorithm = X509_ALGOR_new();
	int nid, key_type = m->scheme == SCHEME_ECDSA ? EVP_PKEY_EC : EVP_PKEY_RSA;

	if (!name) {
		bench_fail(b, "the subject %s is not one (C=EU,O=...,CN=...): %s",
			subject, why);
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

/* The count is the running signer's, whose log is at hand. */
static int append(struct bench *b, struct count_log *log, const struct count_entry *entry)
{
	uint64_t count;
	int r = count_log_append(log, entry, &count);

	return r < 0 ? bench_fail(b, "the signature cannot be counted: %s", strerror(-r))
		     : 0;
}

int bench_count(struct bench *b, const struct role *role, struct span digest)
{
	_cleanup_(count_log_closep) struct count_log *log = NULL;
	_cleanup_(freep) char *error = NULL;
	struct count_entry entry = { .role = role->name,
		.digest = digest.data,
		.digest_len = digest.len,
		.document = "csr" };
	char path[PATH_MAX];
	size_t cut;
	int r = instance_path(b->instance, COUNT_LOG_FILE, path);

	if (b->log)
		return append(b, b->log, &entry);
	if (r == 0)
		r = count_log_open(path, &log, &cut, &error);
	if (r < 0)
		return bench_fail(b, "%s%s", error ? error : strerror(-r),
			r == -EBUSY ? "; stop the signer while the request is made, or "
				      "activate it: it then makes the request itself"
				    : "");
	return append(b, log, &entry);
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

static int sign_request(struct bench *b, const struct role *role,
	const struct mechanism *m, X509_REQ *req)
{
	uint8_t digest[SIGNER_DIGEST_MAX], value[SIGNER_VALUE_MAX],
		der[SIGNER_VALUE_MAX + 16];
	char why[KEY_TEXT_SIZE];
	CK_OBJECT_HANDLE key;
	size_t len;
	CK_RV rv;
	int r;

	if (key_find(&b->place, role, &key, why) < 0)
		return bench_fail(b, "role %s: %s", role->name, why);
	if (digest_request(req, m, digest) < 0)
		return bench_fail(b, "the request cannot be encoded");
	rv = mechanism_sign(b->place.module->f, b->place.session, key, m,
		span_of(digest, m->digest_len), value, &len);
	if (rv != CKR_OK)
		return bench_fail_rv(b, "C_Sign", rv);
	r = mechanism_der(m, span_of(value, len), der, sizeof(der));
	if (r < 0 || set_signature(req, der, r) < 0)
		return bench_fail(b, "the token made a signature that is none");
	return bench_count(b, role, span_of(digest, m->digest_len));
}

static int say_pem(struct bench *b, X509_REQ *req)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int r = bio && PEM_write_bio_X509_REQ(bio, req) == 1 ? 0 : -ENOMEM;
	char *data;
	long len;

	if (r == 0) {
		len = BIO_get_mem_data(bio, &data);
		r = buf_add(&b->said, data, (size_t)len);
	}
	BIO_free(bio);
	return r < 0 ? bench_fail(b, "no memory for the request") : 0;
}

/* The instance's name and the role's; what separates in a subject does not in a name. */
static void standard_subject(
	const struct bench *b, const struct role *role, char ret[SUBJECT_MAX])
{
	const char *name = config_string(b->instance->config, "instance.name");
	size_t n = (size_t)snprintf(ret, SUBJECT_MAX, "CN=");

	for (; *name && n < SUBJECT_MAX - SIGNER_ROLE_SIZE - 3; name++) {
		if (*name == ',' || *name == '\\')
			ret[n++] = '\\';
		ret[n++] = *name;
	}
	(void)snprintf(ret + n, SUBJECT_MAX - n, " %s", role->name);
}

int bench_request(struct bench *b, const struct role *role, const char *subject)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = bench_public_key(b, role, NULL);
	_cleanup_(X509_REQ_freep) X509_REQ *req = NULL;
	const struct mechanism *m = request_mechanism(role);
	char standard[SUBJECT_MAX];

	if (!key || !m)
		return -ENOENT;
	standard_subject(b, role, standard);
	req = unsigned_request(b, m, key, subject ? subject : standard);
	if (!req || sign_request(b, role, m, req) < 0)
		return -EIO;
	if (X509_REQ_verify(req, key) != 1) {
		ERR_clear_error();
		return bench_fail(b, "the request does not verify");
	}
	return say_pem(b, req);
}
