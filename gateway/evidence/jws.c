/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/jws.h"

#include "common/digest.h"
#include "common/encode.h"
#include "common/limits.h"
#include "pki/certificate.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <string.h>

EVP_PKEY_CTX *jws_verifier(const X509 *signer)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *context = NULL;
	EVP_PKEY *key = X509_get0_pubkey(signer);
	struct pki_key_info info;

	if (!key)
		return NULL;
	pki_key_info(key, &info);
	if (strcmp(info.curve, "P-256") != 0)
		return NULL;
	context = EVP_PKEY_CTX_new(key, NULL);
	if (!context || EVP_PKEY_verify_init(context) != 1 ||
		EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1)
		return NULL;
	return TAKE(context);
}

/* r||s as the DER that OpenSSL verifies; the caller frees with OPENSSL_free. */
static int signature_der(const uint8_t raw[JWS_SIGNATURE_SIZE], unsigned char **ret_der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, JWS_SIGNATURE_SIZE / 2, NULL);
	BIGNUM *s = BN_bin2bn(raw + JWS_SIGNATURE_SIZE / 2, JWS_SIGNATURE_SIZE / 2, NULL);
	int len = -1;

	if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, ret_der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len;
}

int jws_check(EVP_PKEY_CTX *verifier, struct span input, const uint8_t *raw, size_t len)
{
	uint8_t digest[SHA256_SIZE];
	unsigned char *der = NULL;
	int der_len, r;

	if (!verifier || len != JWS_SIGNATURE_SIZE)
		return 0;
	der_len = signature_der(raw, &der);
	r = der_len > 0 ? digest_sha256(input, digest) : -ENOMEM;
	if (r == 0)
		r = EVP_PKEY_verify(
			    verifier, der, (size_t)der_len, digest, sizeof(digest)) == 1;
	ERR_clear_error();
	OPENSSL_free(der);
	return r;
}

json_t *jws_json(const char *text)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;

	if (base64url_decode(text, &data, &len) < 0)
		return NULL;
	return json_read(span_of(data, len), LIMIT_RECEIPT);
}
