/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/mechanism.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

#define DIGEST_INFO_PREFIX 19

/* What differs between the three digests (RFC 8017, 9.2 note 1 and A.2.3). */
static const struct hash {
	size_t len;
	CK_MECHANISM_TYPE hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
	uint8_t prefix[DIGEST_INFO_PREFIX];
} HASHES[] = {
	{ 32, CKM_SHA256, CKG_MGF1_SHA256,
		{ 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
			0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 } },
	{ 48, CKM_SHA384, CKG_MGF1_SHA384,
		{ 0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
			0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30 } },
	{ 64, CKM_SHA512, CKG_MGF1_SHA512,
		{ 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
			0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40 } },
};

static const struct hash *hash_of(const struct mechanism *m)
{
	for (size_t i = 0; i < sizeof(HASHES) / sizeof(HASHES[0]); i++)
		if (HASHES[i].len == m->digest_len)
			return &HASHES[i];
	return NULL;
}

CK_RV mechanism_sign(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
	const struct mechanism *m, struct span digest, uint8_t *ret_value,
	size_t *ret_len)
{
	const struct hash *h = hash_of(m);
	CK_RSA_PKCS_PSS_PARAMS pss;
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	uint8_t data[DIGEST_INFO_PREFIX + SIGNER_DIGEST_MAX];
	CK_ULONG data_len = 0, len = SIGNER_VALUE_MAX;
	CK_RV rv;

	if (!h || digest.len != h->len)
		return CKR_DATA_LEN_RANGE;
	if (m->scheme == SCHEME_RSA_PKCS1) {
		mechanism.mechanism = CKM_RSA_PKCS;
		memcpy(data, h->prefix, sizeof(h->prefix));
		data_len = sizeof(h->prefix);
	} else if (m->scheme == SCHEME_RSA_PSS) {
		pss = (CK_RSA_PKCS_PSS_PARAMS){ h->hash, h->mgf, h->len };
		mechanism = (CK_MECHANISM){ CKM_RSA_PKCS_PSS, &pss, sizeof(pss) };
	}
	memcpy(data + data_len, digest.data, digest.len);
	data_len += digest.len;
	rv = f->C_SignInit(session, &mechanism, key);
	if (rv == CKR_OK)
		rv = f->C_Sign(session, data, data_len, ret_value, &len);
	if (rv == CKR_OK && len > SIGNER_VALUE_MAX)
		rv = CKR_BUFFER_TOO_SMALL;
	*ret_len = rv == CKR_OK ? len : 0;
	return rv;
}

static int ecdsa_der(struct span value, uint8_t *ret_der, size_t size)
{
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	int half = (int)(value.len / 2), len;
	BIGNUM *r, *s;

	if (!sig || value.len % 2 || value.len == 0 || value.len > SIGNER_VALUE_MAX)
		return -EINVAL;
	r = BN_bin2bn(value.data, half, NULL);
	s = BN_bin2bn(value.data + half, half, NULL);
	if (!r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -EINVAL;
	}
	len = i2d_ECDSA_SIG(sig, NULL);
	if (len <= 0 || (size_t)len > size)
		return -EINVAL;
	return i2d_ECDSA_SIG(sig, &ret_der);
}

int mechanism_der(
	const struct mechanism *m, struct span value, uint8_t *ret_der, size_t size)
{
	if (m->scheme == SCHEME_ECDSA)
		return ecdsa_der(value, ret_der, size);
	if (value.len > size)
		return -EINVAL;
	memcpy(ret_der, value.data, value.len);
	return (int)value.len;
}

/* Octets that a value must have: r||s and modulus are of fixed length. */
static size_t value_len(const struct mechanism *m, const EVP_PKEY *key)
{
	size_t octets = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;

	return m->scheme == SCHEME_ECDSA ? 2 * octets : octets;
}

static bool set_padding(const struct mechanism *m, EVP_PKEY_CTX *ctx)
{
	if (m->scheme == SCHEME_ECDSA)
		return true;
	if (m->scheme == SCHEME_RSA_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool mechanism_verify(
	const struct mechanism *m, EVP_PKEY *key, struct span digest, struct span value)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = NULL;
	uint8_t der[SIGNER_VALUE_MAX + 16];
	int len;
	bool good;

	if (!mechanism_fits(m, key) || digest.len != m->digest_len ||
		value.len != value_len(m, key))
		return false;
	len = mechanism_der(m, value, der, sizeof(der));
	ctx = EVP_PKEY_CTX_new(key, NULL);
	good = len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1 && set_padding(m, ctx) &&
	       EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(m->digest)) == 1 &&
	       EVP_PKEY_verify(ctx, der, (size_t)len, digest.data, digest.len) == 1;
	ERR_clear_error();
	return good;
}

int trial_digest(const struct mechanism *m, uint8_t ret_digest[SIGNER_DIGEST_MAX])
{
	static const char SENTENCE[] =
		"sealgate: a trial signature, it stands for nothing";
	unsigned int len = 0;

	if (EVP_Digest(SENTENCE, sizeof(SENTENCE) - 1, ret_digest, &len,
		    EVP_get_digestbyname(m->digest), NULL) != 1 ||
		len != m->digest_len)
		return -EIO;
	return 0;
}
