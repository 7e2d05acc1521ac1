/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/digest.h"

#include "common/encode.h"

#include <errno.h>
#include <openssl/evp.h>

int digest_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE])
{
	unsigned int len = 0;

	if (EVP_Digest(data.data, data.len, ret_digest, &len, EVP_sha256(), NULL) != 1 ||
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
