/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/parsed.h"

#include "pki/errors.h"

#include "common/digest.h"

#include <pthread.h>

/* Decoding a public key costs OpenSSL 3 more than verifying a signature with it. */
#define SLOTS 256u
#define KEPT_MAX 8192u /* octets of a certificate that is worth keeping */

static struct {
	uint8_t sha256[SHA256_SIZE];
	X509 *certificate;
} slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pki_hits hits;

static X509 *decode(struct span der)
{
	const unsigned char *p = der.data;
	X509 *x = d2i_X509(NULL, &p, (long)der.len);

	if (x && p != der.data + der.len) {
		X509_free(x);
		x = NULL;
	}
	pki_errors_clear();
	return x;
}

static X509 *look_up(const uint8_t sha256[SHA256_SIZE])
{
	X509 *found = NULL;

	pthread_mutex_lock(&lock);
	if (slots[sha256[0] % SLOTS].certificate &&
		memcmp(slots[sha256[0] % SLOTS].sha256, sha256, SHA256_SIZE) == 0) {
		found = slots[sha256[0] % SLOTS].certificate;
		X509_up_ref(found);
	}
	hits.found += found != NULL;
	hits.missed += found == NULL;
	pthread_mutex_unlock(&lock);
	return found;
}

static void keep(const uint8_t sha256[SHA256_SIZE], X509 *certificate)
{
	X509 *old;

	X509_up_ref(certificate);
	pthread_mutex_lock(&lock);
	old = slots[sha256[0] % SLOTS].certificate;
	slots[sha256[0] % SLOTS].certificate = certificate;
	memcpy(slots[sha256[0] % SLOTS].sha256, sha256, SHA256_SIZE);
	pthread_mutex_unlock(&lock);
	X509_free(old);
}

X509 *pki_parsed_certificate(struct span der)
{
	uint8_t sha256[SHA256_SIZE];
	X509 *x;

	if (der.len > KEPT_MAX || digest_sha256(der, sha256) < 0)
		return decode(der);
	x = look_up(sha256);
	if (x)
		return x;
	x = decode(der);
	if (x)
		keep(sha256, x);
	return x;
}

struct pki_hits pki_parsed_hits(void)
{
	struct pki_hits now;

	pthread_mutex_lock(&lock);
	now = hits;
	pthread_mutex_unlock(&lock);
	return now;
}
