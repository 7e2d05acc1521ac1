/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/warm.h"

#include "common/clock.h"
#include "common/json.h"
#include "pki/certificate.h"
#include "xades/create.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <time.h>

#define DAY 86400
#define DOCUMENT_MAX 65536
#define RSA_BITS 2048

/* A document of a type that most policies know, so that schema and rules run, too. */
static const char DOCUMENT[] =
	"<a:SPSCertificate "
	"xmlns:a='urn:un:unece:uncefact:data:standard:SPSCertificate:17' "
	"xmlns:r='urn:un:unece:uncefact:data:standard:"
	"ReusableAggregateBusinessInformationEntity:21'>"
	"<a:SPSExchangedDocument><r:TypeCode>851</r:TypeCode></a:SPSExchangedDocument>"
	"</a:SPSCertificate>";

static X509 *certificate_of(EVP_PKEY *key, int64_t now)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (x && X509_set_version(x, 2) &&
		ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
		ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(now - DAY)) &&
		ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(now + DAY)) &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			(const unsigned char *)"warm", -1, -1, 0) &&
		X509_set_issuer_name(x, name) && X509_set_pubkey(x, key) &&
		X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
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

/* Return: octets of the signature value, 0 when signing failed. */
static size_t sign_digest(EVP_PKEY *key, const uint8_t *digest, size_t digest_len,
	uint8_t *value, size_t size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = size;
	bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
		  EVP_PKEY_sign(ctx, value, &len, digest, digest_len) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return 0;
	return EVP_PKEY_is_a(key, "EC") ? raw_ecdsa(value, len) : len;
}

static int sign_document(EVP_PKEY *key, const X509 *signer, const char *method,
	int64_t now, struct buf *ret)
{
	const struct xades_plan plan = { .place = XADES_ENVELOPED,
		.document = span_str(DOCUMENT),
		.signer = signer,
		.signature_method = method,
		.signing_time = now,
		.id = "warm" };
	_cleanup_(freep) char *reason = NULL;
	struct xades_draft *draft = NULL;
	uint8_t digest[64], value[RSA_BITS / 8];
	size_t len = 0;
	int r = xades_prepare(&plan, &draft, digest, &len, &reason);

	if (r < 0)
		return r;
	len = sign_digest(key, digest, len, value, sizeof(value));
	r = len ? xades_set_value(draft, span_of(value, len)) : -EIO;
	if (r == 0)
		r = xades_write(draft, ret);
	xades_draft_free(draft);
	return r;
}

/* Nobody is enrolled with the partner of no name: whatever the rest says, it is refused.
 */
static int judge(const struct admit_context *context, struct span document, int64_t now)
{
	_cleanup_json_ json_t *report = NULL;
	struct verdict verdict = { 0 };
	int r = admit(context, document, "", now, &verdict, &report);

	if (r < 0)
		return r;
	return verdict.decision == DECISION_REFUSED ? 0 : -EPROTO;
}

/* Takes the key. */
static int judge_signed_with(const struct admit_context *context, EVP_PKEY *key,
	const char *method, int64_t now)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *owned = key;
	_cleanup_(X509_freep) X509 *signer = key ? certificate_of(key, now) : NULL;
	_cleanup_buf_ struct buf document;
	int r;

	buf_init(&document, DOCUMENT_MAX);
	if (!signer)
		return -EIO;
	r = sign_document(owned, signer, method, now, &document);
	return r < 0 ? r : judge(context, buf_span(&document), now);
}

int warm(const struct admit_context *context)
{
	int64_t now = clock_now();
	unsigned char octet;
	int r;

	tzset();
	if (!OPENSSL_init_crypto(
		    OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) ||
		RAND_bytes(&octet, 1) != 1)
		return -EIO;
	r = judge(context, span_str(DOCUMENT), now);
	if (r == 0)
		r = judge_signed_with(context, EVP_EC_gen("P-256"), "ecdsa-sha256", now);
	if (r == 0)
		r = judge_signed_with(context, EVP_RSA_gen(RSA_BITS), "rsa-sha256", now);
	return r;
}
