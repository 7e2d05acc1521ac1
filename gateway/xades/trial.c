/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/trial.h"

#include "pki/certificate.h"
#include "xades/create.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <time.h>

#define DAY 86400

static X509 *certificate_of(EVP_PKEY *key, int64_t now)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (x && X509_set_version(x, 2) &&
		ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
		ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now - DAY)) &&
		ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(now + DAY)) &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)"trial", -1, -1, 0) &&
		X509_set_issuer_name(x, name) && X509_set_pubkey(x, key) &&
		X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

int trial_signer_make(enum trial_key kind, int64_t now, struct trial_signer *ret)
{
	*ret = (struct trial_signer){ 0 };
	ret->key = kind == TRIAL_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(TRIAL_RSA_BITS);
	ret->method = kind == TRIAL_P256 ? "ecdsa-sha256" : "rsa-sha256";
	ret->certificate = ret->key ? certificate_of(ret->key, now) : NULL;
	return ret->certificate ? 0 : -EIO;
}

void trial_signer_done(struct trial_signer *t)
{
	EVP_PKEY_free(t->key);
	X509_free(t->certificate);
	*t = (struct trial_signer){ 0 };
}

/* The DER of an ECDSA signature as r||s in place. Return: octets, 0 when it is none. */
static size_t raw_ecdsa(uint8_t *value, size_t len)
{
	const uint8_t *p = value;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), value, 32) == 32 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), value + 32, 32) == 32;

	ECDSA_SIG_free(sig);
	return ok ? 64 : 0;
}

size_t trial_value(
	const struct trial_signer *t, struct span digest, uint8_t value[TRIAL_VALUE_MAX])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(t->key, NULL);
	size_t len = TRIAL_VALUE_MAX;
	bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		  EVP_PKEY_sign(ctx, value, &len, digest.data, digest.len) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return 0;
	return EVP_PKEY_is_a(t->key, "EC") ? raw_ecdsa(value, len) : len;
}

int trial_sign(
	const struct trial_signer *t, struct span xml, int64_t now, struct buf *ret)
{
	const struct xades_plan plan = { .place = XADES_ENVELOPED,
		.document = xml,
		.signer = t->certificate,
		.signature_method = t->method,
		.signing_time = now,
		.id = "trial" };
	_cleanup_(freep) char *reason = NULL;
	struct xades_draft *draft = NULL;
	uint8_t digest[64], value[TRIAL_VALUE_MAX];
	size_t len = 0;
	int r = xades_prepare(&plan, &draft, digest, &len, &reason);

	if (r < 0)
		return r;
	len = trial_value(t, span_of(digest, len), value);
	r = len ? xades_set_value(draft, span_of(value, len)) : -EIO;
	if (r == 0)
		r = xades_write(draft, ret);
	xades_draft_free(draft);
	return r;
}
