/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/consent.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/durable.h"
#include "common/encode.h"
#include "ctl/partner/sign_key.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define SIGNATURE_MAX 65536u
#define SUFFIX ".p7s"

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(CMS_ContentInfo *, CMS_ContentInfo_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

static void complain(const char *where, const char *what)
{
	fprintf(stderr, "sealgate policy: %s: %s\n", where, what);
}

static int certificate_digest(const X509 *x, char ret[SHA256_TEXT_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	unsigned int len = 0;

	if (X509_digest(x, EVP_sha256(), digest, &len) != 1 || len != sizeof(digest))
		return -EIO;
	hex_encode(digest, sizeof(digest), ret);
	return 0;
}

static X509 *read_certificate(const char *path)
{
	_cleanup_(BIO_free_allp) BIO *file = BIO_new_file(path, "r");

	return file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
}

/* The signature in DER. Return: octets, or negative. */
static int make(struct span octets, EVP_PKEY *key, X509 *x, uint8_t **ret_der)
{
	_cleanup_(BIO_free_allp) BIO *data =
		BIO_new_mem_buf(octets.data, (int)octets.len);
	_cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms =
		data ? CMS_sign(x, key, NULL, data,
			       CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP)
		     : NULL;
	int len = cms ? i2d_CMS_ContentInfo(cms, ret_der) : -1;

	return len > 0 ? len : -EIO;
}

int consent_sign(
	const char *bundle, struct span octets, const char *key, const char *certificate)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *pkey = sign_key_read(key);
	_cleanup_(X509_freep) X509 *x = pkey ? read_certificate(certificate) : NULL;
	char digest[SHA256_TEXT_SIZE], path[PATH_MAX];
	uint8_t *der = NULL;
	int len, r;

	if (!pkey)
		return -EINVAL;
	if (!x || X509_check_private_key(x, pkey) != 1 ||
		certificate_digest(x, digest) < 0) {
		complain(certificate, "no certificate of this key");
		return -EINVAL;
	}
	len = make(octets, pkey, x, &der);
	if (len < 0) {
		complain(bundle, "cannot be signed with this key");
		return len;
	}
	r = snprintf(path, sizeof(path), "%s.%.16s" SUFFIX, bundle, digest) <
			    (int)sizeof(path)
		    ? durable_write(path, span_of(der, (size_t)len), 0644)
		    : -ENAMETOOLONG;
	OPENSSL_free(der);
	if (r < 0)
		complain(path, strerror(-r));
	else
		puts(path);
	return r;
}

/* The certificate of the one signer of these octets, or NULL. */
static X509 *signer_of(const char *path, struct span octets)
{
	_cleanup_(freep) uint8_t *der = NULL;
	_cleanup_(CMS_ContentInfo_freep) CMS_ContentInfo *cms = NULL;
	_cleanup_(BIO_free_allp) BIO *data =
		BIO_new_mem_buf(octets.data, (int)octets.len);
	STACK_OF(X509) *signers = NULL;
	const uint8_t *p;
	X509 *x = NULL;
	size_t len;

	if (!data || file_read(path, SIGNATURE_MAX, &der, &len) < 0)
		return NULL;
	p = der;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	/* Whose certificate it is decides the policy in force, not a path. */
	if (!cms || p != der + len ||
		CMS_verify(cms, NULL, NULL, data, NULL,
			CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1)
		return NULL;
	signers = CMS_get0_signers(cms);
	if (signers && sk_X509_num(signers) == 1) {
		x = sk_X509_value(signers, 0);
		X509_up_ref(x);
	}
	sk_X509_free(signers);
	return x;
}

static bool in_time(const X509 *x)
{
	time_t now = (time_t)clock_now();

	return X509_cmp_time(X509_get0_notBefore(x), &now) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(x), &now) > 0;
}

struct reading {
	struct span octets;
	const struct policy *policy;
	struct consent *consent;
	EVP_PKEY *keys[CONSENT_MAX]; /* of those that count */
};

/* Why a signature does not count, or NULL. */
static const char *count(struct reading *r, const char *path, const X509 *x)
{
	struct consent *c = r->consent;
	const struct operator_person *person;
	char digest[SHA256_TEXT_SIZE];

	if (!x || certificate_digest(x, digest) < 0)
		return "this is no signature of the bundle by one signer";
	person = policy_operator_by_certificate(r->policy, digest);
	if (!person || strcmp(person->role, "policy-officer") != 0)
		return "the signer is no policy officer of the policy in force";
	if (!in_time(x))
		return "the signer's certificate is not valid now";
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->people[i].name, person->name) == 0 ||
			EVP_PKEY_eq(r->keys[i], X509_get0_pubkey(x)) == 1)
			return "this person has signed already";
	if (c->count == CONSENT_MAX)
		return "there are too many signatures";
	(void)snprintf(
		c->people[c->count].name, sizeof(c->people[0].name), "%s", person->name);
	(void)snprintf(c->people[c->count].path, PATH_MAX, "%s", path);
	r->keys[c->count] = X509_get_pubkey((X509 *)(uintptr_t)x);
	c->count++;
	return NULL;
}

static int is_signature(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > strlen(SUFFIX) &&
	       strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static void read_one(struct reading *r, const char *path)
{
	_cleanup_(X509_freep) X509 *x = signer_of(path, r->octets);
	const char *why = count(r, path, x);

	if (why)
		complain(path, why);
}

int consent_read(const char *bundle, struct span octets, const struct policy *policy,
	struct consent *ret_consent)
{
	struct reading r = { .octets = octets, .policy = policy, .consent = ret_consent };
	const char *slash = strrchr(bundle, '/'), *base = slash ? slash + 1 : bundle;
	char folder[PATH_MAX] = ".", path[PATH_MAX];
	struct dirent **entries = NULL;
	int n;

	*ret_consent = (struct consent){ 0 };
	if (slash && snprintf(folder, sizeof(folder), "%.*s", (int)(slash - bundle) + 1,
			     bundle) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	n = scandir(folder, &entries, is_signature, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (strncmp(name, base, strlen(base)) == 0 && name[strlen(base)] == '.' &&
			snprintf(path, sizeof(path), "%s/%s", folder, name) <
				(int)sizeof(path))
			read_one(&r, path);
		free(entries[i]);
	}
	free(entries);
	for (size_t i = 0; i < ret_consent->count; i++)
		EVP_PKEY_free(r.keys[i]);
	return n < 0 ? -errno : 0;
}
