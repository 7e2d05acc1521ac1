/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys of every kind with certificates of the house, and signatures by them over digests,
 * as the signer makes them; never on disk.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_LEVELS_H
#define SEALGATE_TESTS_EVIDENCE_LEVELS_H

#include "sealed.h"

#include <openssl/rsa.h>
#include <string.h>

struct level_key {
	const char *name, *mechanism, *digest;
	int bits;	   /* RSA */
	const char *curve; /* or this */
	EVP_PKEY *key;
	X509 *certificate;
};

static struct level_key LEVEL_KEYS[] = {
	{ .name = "rsa3072",
		.mechanism = "rsa-sha256",
		.digest = "SHA256",
		.bits = 3072 },
	{ .name = "rsa4096",
		.mechanism = "rsa-sha512",
		.digest = "SHA512",
		.bits = 4096 },
	{ .name = "pss3072",
		.mechanism = "rsa-pss-sha256",
		.digest = "SHA256",
		.bits = 3072 },
	{ .name = "pss4096",
		.mechanism = "rsa-pss-sha512",
		.digest = "SHA512",
		.bits = 4096 },
	{ .name = "p256",
		.mechanism = "ecdsa-sha256",
		.digest = "SHA256",
		.curve = "P-256" },
	{ .name = "p384",
		.mechanism = "ecdsa-sha384",
		.digest = "SHA384",
		.curve = "P-384" },
	{ .name = "p521",
		.mechanism = "ecdsa-sha512",
		.digest = "SHA512",
		.curve = "P-521" },
};
#define LEVEL_KEY_COUNT (sizeof(LEVEL_KEYS) / sizeof(LEVEL_KEYS[0]))

HOUSE void level_keys_open(const struct house *h)
{
	for (size_t i = 0; i < LEVEL_KEY_COUNT; i++) {
		struct level_key *k = &LEVEL_KEYS[i];

		k->key = k->curve ? EVP_EC_gen(k->curve)
				  : EVP_RSA_gen((unsigned int)k->bits);
		assert_non_null(k->key);
		k->certificate = house_certificate(h->now, k->key, k->name, h->ca,
			h->ca_key, "critical,nonRepudiation", NULL);
	}
}

HOUSE void level_keys_done(void)
{
	for (size_t i = 0; i < LEVEL_KEY_COUNT; i++) {
		EVP_PKEY_free(LEVEL_KEYS[i].key);
		X509_free(LEVEL_KEYS[i].certificate);
	}
}

/* r||s of a DER value. */
HOUSE size_t level_raw(
	const struct level_key *k, const uint8_t *der, size_t len, uint8_t *ret)
{
	int half = (EVP_PKEY_get_bits(k->key) + 7) / 8;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, half);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + half, half);
	ECDSA_SIG_free(sig);
	return 2 * (size_t)half;
}

/* Return: octets of the value. */
HOUSE size_t level_sign(
	const struct level_key *k, const uint8_t *digest, size_t len, uint8_t ret[1024])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->key, NULL);
	uint8_t value[1024];
	size_t value_len = sizeof(value);

	assert_int_equal(EVP_PKEY_sign_init(c), 1);
	if (k->bits) {
		bool pss = strstr(k->mechanism, "pss") != NULL;

		EVP_PKEY_CTX_set_rsa_padding(
			c, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING);
		EVP_PKEY_CTX_set_signature_md(c, EVP_get_digestbyname(k->digest));
		if (pss)
			EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST);
	}
	assert_int_equal(EVP_PKEY_sign(c, value, &value_len, digest, len), 1);
	EVP_PKEY_CTX_free(c);
	if (k->curve)
		return level_raw(k, value, value_len, ret);
	memcpy(ret, value, value_len);
	return value_len;
}

#endif
