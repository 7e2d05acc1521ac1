/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/digest.h"

#include "common/encode.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>

/* Fetched once: EVP_sha256() is looked up in the providers at each use. It stays until
 * the process ends. */
static EVP_MD *sha256;

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *fetched(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fetch);
	return sha256;
}

int digest_begin(EVP_MD_CTX *ctx)
{
	const EVP_MD *md = fetched();

	return md && EVP_DigestInit_ex2(ctx, md, NULL) == 1 ? 0 : -EIO;
}

int digest_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE])
{
	const EVP_MD *md = fetched();
	unsigned int len = 0;

	if (!md || EVP_Digest(data.data, data.len, ret_digest, &len, md, NULL) != 1 ||
		len != SHA256_SIZE)
		return -EIO;
	return 0;
}

int digest_sha256_text(struct span data, char ret_text[SHA256_TEXT_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	int r = digest_sha256(data, digest);

	if (r == 0)
		hex_encode(digest, sizeof(digest), ret_text);
	return r;
}
