/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/sign_key.h"

#include "common/durable.h"
#include "pkcs11/partner_key.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KEY_FILE_MAX 65536u
#define VALUE_MAX 2048u /* octets of a signature: RSA of 16384 bits */

DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

static EVP_PKEY *key_of_token(const char *uri)
{
	char text[PARTNER_KEY_TEXT_SIZE];
	EVP_PKEY *key = NULL;

	if (partner_key_open(uri, &key, text) < 0)
		fprintf(stderr, "sealgate sign: %s\n", text);
	return key;
}

/* Called for an encrypted key: there is no passphrase, and none is asked for at a
 * terminal, where a script would wait for ever. */
static int no_passphrase(char *buf, int size, int writing, void *encrypted)
{
	(void)buf;
	(void)size;
	(void)writing;
	*(bool *)encrypted = true;
	return -1;
}

EVP_PKEY *sign_key_read(const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	bool encrypted = false;
	EVP_PKEY *key = NULL;
	BIO *bio = NULL;
	size_t len = 0;
	int r;

	if (partner_key_is_uri(path))
		return key_of_token(path);
	r = file_read(path, KEY_FILE_MAX, &text, &len);
	if (r == 0)
		bio = BIO_new_mem_buf(text, (int)len);
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted);
	BIO_free(bio);
	if (text)
		OPENSSL_cleanse(text, len);
	if (!key)
		fprintf(stderr, "sealgate sign: %s: %s\n", path,
			r < 0	    ? strerror(-r)
			: encrypted ? "the private key is encrypted; decrypt it, or use "
				      "a token"
				    : "no private key in PEM");
	return key;
}

const char *sign_key_method(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return "rsa-sha256";
	case EVP_PKEY_RSA_PSS:
		return "rsa-pss-sha256";
	case EVP_PKEY_EC:
		return bits > 384   ? "ecdsa-sha512"
		       : bits > 256 ? "ecdsa-sha384"
				    : "ecdsa-sha256";
	default:
		return NULL;
	}
}

static const char *digest_of(const char *method)
{
	static const struct {
		const char *ending, *name;
	} DIGESTS[] = { { "sha3-256", "SHA3-256" }, { "sha3-384", "SHA3-384" },
		{ "sha3-512", "SHA3-512" }, { "sha256", "SHA256" },
		{ "sha384", "SHA384" }, { "sha512", "SHA512" } };
	size_t len = strlen(method);

	for (size_t i = 0; i < sizeof(DIGESTS) / sizeof(DIGESTS[0]); i++) {
		size_t n = strlen(DIGESTS[i].ending);

		if (len > n && strcmp(method + len - n, DIGESTS[i].ending) == 0)
			return DIGESTS[i].name;
	}
	return NULL;
}

/* DER of ECDSA as the r || s of XML Signature, each as wide as the order of the curve. */
static int raw_from_der(const EVP_PKEY *key, const uint8_t *der, size_t der_len,
	uint8_t **ret_value, size_t *ret_len)
{
	const unsigned char *at = der;
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig =
		d2i_ECDSA_SIG(NULL, &at, (long)der_len);
	int half = (EVP_PKEY_get_bits(key) + 7) / 8;
	uint8_t *raw = malloc((size_t)half * 2);

	if (!sig || !raw || BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, half) != half ||
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, half) != half) {
		free(raw);
		return -EIO;
	}
	*ret_value = raw;
	*ret_len = (size_t)half * 2;
	return 0;
}

static bool set_up(EVP_PKEY_CTX *ctx, const char *method)
{
	bool pss = strncmp(method, "rsa-pss", 7) == 0;
	const char *name = digest_of(method);
	const EVP_MD *md = name ? EVP_get_digestbyname(name) : NULL;

	if (!md || EVP_PKEY_sign_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return false;
	if (strncmp(method, "rsa-", 4) != 0)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(
		       ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1 &&
	       (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
				1);
}

static int copy_value(
	const uint8_t *value, size_t len, uint8_t **ret_value, size_t *ret_len)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, value, len);
	*ret_value = copy;
	*ret_len = len;
	return 0;
}

int sign_with_pkey(void *key, const char *method, struct span digest, uint8_t **ret_value,
	size_t *ret_len)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t value[VALUE_MAX];
	size_t len = sizeof(value);

	if (!ctx || !set_up(ctx, method) || EVP_PKEY_get_size(key) > (int)sizeof(value))
		return -EINVAL;
	if (EVP_PKEY_sign(ctx, value, &len, digest.data, digest.len) != 1)
		return -EIO;
	if (strncmp(method, "ecdsa-", 6) == 0)
		return raw_from_der(key, value, len, ret_value, ret_len);
	return copy_value(value, len, ret_value, ret_len);
}
