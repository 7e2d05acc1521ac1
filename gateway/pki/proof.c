/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/proof.h"

#include "pki/crl.h"
#include "pki/errors.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

/* A direct-mapped table: a newer proof takes the place of an older one of the same slot.
 */
#define SLOTS 4096u

static struct {
	uint8_t key[SHA256_SIZE];
	bool used;
} table[SLOTS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pki_hits hits;

static size_t slot_of(const uint8_t key[SHA256_SIZE])
{
	return ((size_t)key[0] << 8 | key[1]) % SLOTS;
}

static bool known(const uint8_t key[SHA256_SIZE])
{
	size_t i = slot_of(key);
	bool yes;

	pthread_mutex_lock(&table_lock);
	yes = table[i].used && memcmp(table[i].key, key, SHA256_SIZE) == 0;
	hits.found += yes;
	hits.missed += !yes;
	pthread_mutex_unlock(&table_lock);
	return yes;
}

static void remember(const uint8_t key[SHA256_SIZE])
{
	size_t i = slot_of(key);

	pthread_mutex_lock(&table_lock);
	memcpy(table[i].key, key, SHA256_SIZE);
	table[i].used = true;
	pthread_mutex_unlock(&table_lock);
}

void pki_proof_forget(void)
{
	pthread_mutex_lock(&table_lock);
	memset(table, 0, sizeof(table));
	pthread_mutex_unlock(&table_lock);
}

struct pki_hits pki_proof_hits(void)
{
	struct pki_hits now;

	pthread_mutex_lock(&table_lock);
	now = hits;
	pthread_mutex_unlock(&table_lock);
	return now;
}

/* SHA-256 over kind, digest of the signed object with its signature, issuer's key. */
static int key_of(char kind, const uint8_t object[SHA256_SIZE], const X509 *issuer,
	uint8_t ret_key[SHA256_SIZE])
{
	unsigned char *spki = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &spki);
	EVP_MD_CTX *md = len > 0 ? EVP_MD_CTX_new() : NULL;
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
		  EVP_DigestUpdate(md, &kind, 1) &&
		  EVP_DigestUpdate(md, object, SHA256_SIZE) &&
		  EVP_DigestUpdate(md, spki, (size_t)len) &&
		  EVP_DigestFinal_ex(md, ret_key, NULL);

	EVP_MD_CTX_free(md);
	OPENSSL_free(spki);
	return ok ? 0 : -EIO;
}

static EVP_PKEY *key_for_verification(X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	pki_errors_clear();
	return key;
}

int pki_proof_certificate(X509 *certificate, X509 *issuer, bool keep)
{
	uint8_t object[SHA256_SIZE], key[SHA256_SIZE];
	EVP_PKEY *public = key_for_verification(issuer);
	int r;

	if (!public)
		return 0;
	if (keep) {
		if (!X509_digest(certificate, EVP_sha256(), object, NULL) ||
			key_of('c', object, issuer, key) < 0)
			return -EIO;
		if (known(key))
			return 1;
	}
	r = X509_verify(certificate, public);
	pki_errors_clear();
	if (r == 1 && keep)
		remember(key);
	return r == 1;
}

int pki_proof_crl(X509_CRL *crl, const uint8_t sha256[SHA256_SIZE], X509 *issuer)
{
	uint8_t key[SHA256_SIZE];
	EVP_PKEY *public = key_for_verification(issuer);
	int r;

	if (!public)
		return 0;
	if (key_of('r', sha256, issuer, key) < 0)
		return -EIO;
	if (known(key))
		return 1;
	r = !pki_crl_fault(crl) && X509_CRL_verify(crl, public) == 1;
	pki_errors_clear();
	if (r)
		remember(key);
	return r;
}
