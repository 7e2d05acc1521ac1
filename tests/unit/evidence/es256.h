/* SPDX-License-Identifier: EUPL-1.2 */
/* Signatures of receipts and call-backs as the signer makes them. */
#ifndef SEALGATE_TESTS_EVIDENCE_ES256_H
#define SEALGATE_TESTS_EVIDENCE_ES256_H

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <string.h>

/* As the signer would: SHA-256 of the input, signature r||s. */
static void sign(EVP_PKEY *with, const char *input, uint8_t ret_raw[64])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char text[256];
	const unsigned char *at = text;
	size_t len = sizeof(text);
	ECDSA_SIG *sig;

	assert_int_equal(EVP_DigestSignInit(c, NULL, EVP_sha256(), NULL, with), 1);
	assert_int_equal(
		EVP_DigestSign(c, text, &len, (const uint8_t *)input, strlen(input)), 1);
	EVP_MD_CTX_free(c);
	sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_raw, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_raw + 32, 32);
	ECDSA_SIG_free(sig);
}

#endif
