/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A throw-away PKI with signers and a time-stamping authority, and signatures made with
 * it; never used outside tests.
 */
#ifndef SEALGATE_TESTS_XADES_FIXTURE_H
#define SEALGATE_TESTS_XADES_FIXTURE_H

#include "tests/unit/pki/stamp.h"

#include "xades/create.h"
#include "xades/validate.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

#define SIGNED_AT "2026-06-01T10:00:00Z"
#define STAMPED_AT "2026-06-01T10:05:00Z"
#define NOW "2026-06-05T12:00:00Z"

#define DOCUMENT                                                                         \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- before --><a:doc "             \
	"xmlns:a=\"urn:a\" at=\"x>y\"><a:v>1</a:v><!-- </a:doc> --><a:w><![CDATA[</a:w>" \
	"]]></a:w></a:doc>\n<!-- after </a:doc> -->\n"

struct house {
	struct party root, ca, rsa, ec, p384, tsa;
	struct pki_material *m;
};

static UNUSED struct party signer_of(const struct party *ca, const char *name,
	long serial, EVP_PKEY *key, int rsa_bits)
{
	struct party p = party_make((struct order){ .name = name,
		.issuer = ca,
		.serial = serial,
		.key = key,
		.rsa_bits = rsa_bits,
		.extensions = SIGNER_EXTENSIONS });

	EVP_PKEY_free(key);
	return p;
}

static UNUSED void house_open(struct house *h)
{
	assert_int_equal(xades_setup(), 0);
	*h = (struct house){ .m = pki_material_new() };
	h->root = party_make(
		(struct order){ .name = "Root", .extensions = ROOT_EXTENSIONS });
	h->ca = party_make((struct order){ .name = "CA",
		.issuer = &h->root,
		.serial = 2,
		.extensions = CA_EXTENSIONS });
	h->rsa = signer_of(&h->ca, "Officer, with a comma", 300, NULL, 2048);
	h->ec = signer_of(&h->ca, "Officer EC", 301, NULL, 0);
	h->p384 = signer_of(&h->ca, "Officer P-384", 302, EVP_EC_gen("P-384"), 0);
	h->tsa = party_make((struct order){ .name = "TSA",
		.issuer = &h->root,
		.serial = 7,
		.extensions = { { NID_key_usage, "critical,digitalSignature" },
			{ NID_ext_key_usage, "critical,timeStamping" },
			{ NID_authority_key_identifier, "keyid" } } });
	trust_in(h->m, h->root.cert);
	know(h->m, h->ca.cert);
	revoke_by(h->m, (struct crl_order){ .issuer = &h->root,
				.from = "2026-06-04T00:00:00Z",
				.to = "2026-07-01T00:00:00Z" });
	revoke_by(h->m, (struct crl_order){ .issuer = &h->ca,
				.from = "2026-06-04T00:00:00Z",
				.to = "2026-07-01T00:00:00Z" });
}

static UNUSED void house_close(struct house *h)
{
	party_done(&h->root);
	party_done(&h->ca);
	party_done(&h->rsa);
	party_done(&h->ec);
	party_done(&h->p384);
	party_done(&h->tsa);
	pki_material_free(h->m);
}

/* Raw r || s. */
static UNUSED size_t to_raw(EVP_PKEY *key, uint8_t *value, size_t len)
{
	const unsigned char *at = value;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	int half = (EVP_PKEY_get_bits(key) + 7) / 8;

	assert_non_null(sig);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), value, half), half);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), value + half, half), half);
	ECDSA_SIG_free(sig);
	return (size_t)half * 2;
}

static UNUSED size_t sign_digest(EVP_PKEY *key, const char *method, const uint8_t *digest,
	size_t digest_len, uint8_t value[1024])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *md = digest_len == 32   ? EVP_sha256()
			   : digest_len == 48 ? EVP_sha384()
					      : EVP_sha512();
	size_t len = 1024;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
	if (strncmp(method, "rsa-pss", 7) == 0) {
		assert_int_equal(
			EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(
			EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	assert_int_equal(EVP_PKEY_sign(ctx, value, &len, digest, digest_len), 1);
	EVP_PKEY_CTX_free(ctx);
	return strncmp(method, "ecdsa", 5) == 0 ? to_raw(key, value, len) : len;
}

/* What to sign and how; fields that are NULL have a default. */
struct wish {
	const struct party *signer;
	const char *method;
	struct span document;
	enum xades_place place;
	const char *id;
	const char *stamped_at; /* NULL: no time-stamp */
	const char *signed_at;
	struct xades_plan more; /* what else the plan has */
};

static UNUSED void add_stamp(const struct house *h, struct xades_draft *d, const char *at)
{
	struct octets token;
	struct buf octets;

	buf_init(&octets, 1u << 20);
	assert_int_equal(xades_timestamp_octets(d, &octets), 0);
	token = stamp(&h->tsa, buf_span(&octets), when(at));
	assert_int_equal(xades_add_timestamp(d, span_of_octets(&token)), 0);
	octets_done(&token);
	buf_done(&octets);
}

/* Sign; the caller releases the text with free(). */
static UNUSED char *make(const struct house *h, struct wish w)
{
	const struct party *signer = w.signer ? w.signer : &h->ec;
	struct xades_plan plan = w.more;
	struct xades_draft *d = NULL;
	uint8_t digest[64], value[1024];
	size_t digest_len, len;
	char *reason = NULL, *text;
	struct buf out;

	plan.place = w.place;
	plan.document = w.document.data ? w.document : span_str(DOCUMENT);
	plan.signer = signer->cert;
	plan.signature_method = w.method ? w.method : "ecdsa-sha256";
	plan.signing_time = when(w.signed_at ? w.signed_at : SIGNED_AT);
	plan.id = w.id ? w.id : "s1";
	if (xades_prepare(&plan, &d, digest, &digest_len, &reason) < 0)
		fail_msg("xades_prepare: %s", reason);
	len = sign_digest(signer->key, plan.signature_method, digest, digest_len, value);
	assert_int_equal(xades_set_value(d, span_of(value, len)), 0);
	if (w.stamped_at)
		add_stamp(h, d, w.stamped_at);
	buf_init(&out, 1u << 22);
	assert_int_equal(xades_write(d, &out), 0);
	xades_draft_free(d);
	text = buf_take(&out, NULL);
	assert_non_null(text);
	return text;
}

static UNUSED struct xades_report *validate(
	const struct house *h, const char *text, enum xades_profile profile)
{
	struct xades_options options = {
		.profile = profile, .at = when(NOW), .material = h->m
	};
	struct xades_report *report = NULL;

	assert_int_equal(xades_validate(span_str(text), &options, &report), 0);
	return report;
}

/* Validate and compare the word, "" for passed; the text is released. */
static UNUSED void expect(const struct house *h, char *text, enum xades_profile profile,
	enum xades_indication indication, const char *sub)
{
	struct xades_report *r = validate(h, text, profile);

	if (r->indication != indication || strcmp(r->sub_indication, sub) != 0)
		fail_msg("%s %s instead of %s %s: %s",
			xades_indication_text(r->indication), r->sub_indication,
			xades_indication_text(indication), sub,
			r->findings.count ? r->findings.list[0].message : "");
	xades_report_free(r);
	free(text);
}

/* Replace the n-th occurrence (from 0) of old; the text is released. */
static UNUSED char *swap_nth(char *text, const char *old, const char *new, size_t n)
{
	char *at = strstr(text, old), *out;
	size_t head;

	for (; at && n > 0; n--)
		at = strstr(at + 1, old);
	if (!at)
		fail_msg("not there: %s", old);
	head = (size_t)(at - text);
	out = malloc(strlen(text) + strlen(new) + 1);
	memcpy(out, text, head);
	memcpy(out + head, new, strlen(new));
	memcpy(out + head + strlen(new), at + strlen(old), strlen(at + strlen(old)) + 1);
	free(text);
	return out;
}

static UNUSED char *swap(char *text, const char *old, const char *new)
{
	return swap_nth(text, old, new, 0);
}

#endif
