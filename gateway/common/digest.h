/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SHA-256 as sealgate names things by it; never chooses an algorithm for a signature.
 */
#ifndef SEALGATE_COMMON_DIGEST_H
#define SEALGATE_COMMON_DIGEST_H

#include "common/span.h"

#include <openssl/evp.h>

#define SHA256_SIZE 32
#define SHA256_TEXT_SIZE 65 /* lower-case hex and a NUL */

/* Digest data. Return: 0 or -EIO when the library fails. */
int digest_sha256(struct span data, uint8_t ret_digest[SHA256_SIZE]);

/* Begin a digest of what comes piece by piece: EVP_DigestUpdate and EVP_DigestFinal_ex.
 * Return: as above. */
int digest_begin(EVP_MD_CTX *ctx);

/* digest_sha256 as lower-case hex. */
int digest_sha256_text(struct span data, char ret_text[SHA256_TEXT_SIZE]);

#endif
