/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/quote.h"

#include "common/encode.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

void quote_number(size_t i, char ret[QUOTE_NUMBER_SIZE])
{
	(void)snprintf(ret, QUOTE_NUMBER_SIZE, "%u", ATTEST_PCR[i]);
}

static json_t *hex_of(const uint8_t *octets, size_t len)
{
	char text[2 * ATTEST_MAX + 1];

	hex_encode(octets, len, text);
	return json_string(text);
}

static json_t *key_pem(const struct attest_key *key)
{
	const uint8_t *p = key->der;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *k = d2i_PUBKEY(NULL, &p, sizeof(key->der));
	_cleanup_(BIO_free_allp) BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	if (!k || !out || PEM_write_bio_PUBKEY(out, k) != 1)
		return NULL;
	len = BIO_get_mem_data(out, &text);
	return len > 0 ? json_stringn(text, (size_t)len) : NULL;
}

static json_t *signature_of(const struct attest_quote *q)
{
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *both = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(q->r, sizeof(q->r), NULL);
	BIGNUM *s = BN_bin2bn(q->s, sizeof(q->s), NULL);
	uint8_t der[2 * ATTEST_NUMBER_SIZE + 16], *p = der;
	int len;

	if (!both || !r || !s || ECDSA_SIG_set0(both, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return NULL;
	}
	len = i2d_ECDSA_SIG(both, &p);
	return len > 0 ? json_base64(span_of(der, (size_t)len)) : NULL;
}

static json_t *pcrs_of(const struct attest_quote *q)
{
	json_t *all = json_object();
	char number[QUOTE_NUMBER_SIZE];

	for (size_t i = 0; i < ATTEST_PCRS; i++) {
		quote_number(i, number);
		json_object_set_new(all, number, hex_of(q->pcrs[i], SHA256_SIZE));
	}
	return all;
}

static json_t *describe(
	const struct attest_key *key, const struct attest_quote *q, struct span nonce)
{
	char fingerprint[SHA256_TEXT_SIZE];

	if (digest_sha256_text(span_of(key->der, sizeof(key->der)), fingerprint) < 0)
		return NULL;
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:s}", "format",
		"sealgate-quote 1", "nonce", hex_of(nonce.data, nonce.len), "bank",
		"sha256", "pcrs", pcrs_of(q), "attested",
		json_base64(span_of(q->attested, q->len)), "signature", signature_of(q),
		"key", key_pem(key), "key_sha256", fingerprint);
}

int quote_make(int fd, struct span nonce, json_t **ret_quote)
{
	struct attest_key key;
	struct attest_quote q;
	int r = attest_key_make(fd, &key);

	if (r < 0)
		return r;
	r = attest_quote(fd, &key, nonce, &q);
	attest_key_drop(fd, &key);
	if (r < 0)
		return r;
	*ret_quote = describe(&key, &q, nonce);
	return *ret_quote ? 0 : -ENOMEM;
}

int quote_key(int fd, char ret_sha256[SHA256_TEXT_SIZE])
{
	struct attest_key key;
	int r = attest_key_make(fd, &key);

	if (r < 0)
		return r;
	attest_key_drop(fd, &key);
	return digest_sha256_text(span_of(key.der, sizeof(key.der)), ret_sha256);
}
