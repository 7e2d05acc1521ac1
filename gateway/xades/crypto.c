/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <errno.h>
#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

/* Raw r || s of XML Signature as the DER that OpenSSL takes. The caller frees *ret_der.
 */
static int der_from_raw(struct span raw, uint8_t **ret_der)
{
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r, *s;
	int half = (int)(raw.len / 2);

	if (!sig || raw.len == 0 || raw.len % 2 != 0 || raw.len > 1024)
		return -1;
	r = BN_bin2bn(raw.data, half, NULL);
	s = BN_bin2bn(raw.data + half, half, NULL);
	if (!r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -1;
	}
	*ret_der = NULL;
	return i2d_ECDSA_SIG(sig, ret_der);
}

static int verify_der(
	EVP_PKEY *key, const char *digest, struct span octets, struct span raw)
{
	uint8_t md[EVP_MAX_MD_SIZE], *der = NULL;
	size_t md_len = 0;
	int len, r = 0;
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	if (!ctx || EVP_Q_digest(NULL, digest, NULL, octets.data, octets.len, md,
			    &md_len) != 1)
		return -EIO;
	len = der_from_raw(raw, &der);
	if (len > 0 && EVP_PKEY_verify_init(ctx) == 1)
		r = EVP_PKEY_verify(ctx, der, (size_t)len, md, md_len) == 1;
	OPENSSL_free(der);
	return r;
}

/* PKCS#1 with a DigestInfo that lacks the NULL: SEQUENCE { SEQUENCE { OID }, OCTETS },
 * compared with exactly that one encoding. */
static int verify_without_null(EVP_PKEY *key, const EVP_MD *type, const uint8_t *md,
	size_t md_len, struct span value)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const ASN1_OBJECT *oid = OBJ_nid2obj(EVP_MD_get_type(type));
	size_t oid_len = OBJ_length(oid), n = 0, len;
	uint8_t want[256], got[2048];

	if (!ctx || oid_len == 0 || oid_len > 32 || md_len > 64 ||
		value.len > sizeof(got))
		return 0;
	want[n++] = 0x30;
	want[n++] = (uint8_t)(oid_len + md_len + 6);
	want[n++] = 0x30;
	want[n++] = (uint8_t)(oid_len + 2);
	want[n++] = 0x06;
	want[n++] = (uint8_t)oid_len;
	memcpy(want + n, OBJ_get0_data(oid), oid_len);
	n += oid_len;
	want[n++] = 0x04;
	want[n++] = (uint8_t)md_len;
	memcpy(want + n, md, md_len);
	n += md_len;
	len = sizeof(got);
	if (EVP_PKEY_verify_recover_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
		EVP_PKEY_verify_recover(ctx, got, &len, value.data, value.len) != 1)
		return 0;
	return len == n && memcmp(got, want, n) == 0;
}

static int set_rsa(EVP_PKEY_CTX *ctx, const EVP_MD *md, bool pss, int salt)
{
	if (EVP_PKEY_verify_init(ctx) != 1 ||
		EVP_PKEY_CTX_set_rsa_padding(
			ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1 ||
		EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
		return 0;
	if (!pss)
		return 1;
	return EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1;
}

static int verify_rsa(EVP_PKEY *key, bool pss, const char *digest, int salt,
	struct span octets, struct span value, bool without_null)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	const EVP_MD *type = EVP_get_digestbyname(digest);
	uint8_t md[EVP_MAX_MD_SIZE];
	size_t md_len = 0;

	if (!type)
		return 0;
	if (!ctx || EVP_Q_digest(NULL, digest, NULL, octets.data, octets.len, md,
			    &md_len) != 1)
		return -EIO;
	if (!set_rsa(ctx, type, pss, salt))
		return 0;
	if (EVP_PKEY_verify(ctx, value.data, value.len, md, md_len) == 1)
		return 1;
	return !pss && without_null && verify_without_null(key, type, md, md_len, value);
}

static int verify_eddsa(EVP_PKEY *key, struct span octets, struct span value)
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx)
		return -ENOMEM;
	return EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, value.data, value.len, octets.data, octets.len) == 1;
}

static bool key_fits(const EVP_PKEY *key, enum method_key kind)
{
	int id = EVP_PKEY_get_base_id(key);

	switch (kind) {
	case METHOD_RSA:
		return id == EVP_PKEY_RSA;
	case METHOD_RSA_PSS:
		return id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS;
	case METHOD_EC:
		return id == EVP_PKEY_EC;
	case METHOD_EDDSA:
		return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448;
	case METHOD_DSA:
		return id == EVP_PKEY_DSA;
	default:
		return false;
	}
}

int sig_verify_raw(EVP_PKEY *key, const struct signature_method *method,
	const char *digest, int salt, struct span octets, struct span value,
	bool without_null)
{
	int r = 0;

	if (!key_fits(key, method->key) || value.len == 0)
		return 0;
	switch (method->key) {
	case METHOD_RSA:
		r = verify_rsa(key, false, digest, 0, octets, value, without_null);
		break;
	case METHOD_RSA_PSS:
		r = verify_rsa(key, true, digest, salt, octets, value, false);
		break;
	case METHOD_EC:
	case METHOD_DSA:
		r = verify_der(key, digest, octets, value);
		break;
	case METHOD_EDDSA:
		r = verify_eddsa(key, octets, value);
		break;
	default:
		break;
	}
	ERR_clear_error();
	return r;
}

/* RSAPSSParams of RFC 9231 2.3.9: digest and salt length; other mask functions than MGF1
 * with the same digest are not allowed. */
static bool read_pss(const struct sig *s, const char **ret_digest, int *ret_salt)
{
	const xmlNode *params = xml_child(s->method_node, NULL, NULL);
	const xmlNode *method, *salt, *trailer;
	_cleanup_(freep) char *uri = NULL, *text = NULL, *last = NULL;
	const struct digest_method *d = digest_method_named("SHA256");

	method = xml_child(params, NS_DS, "DigestMethod");
	if (method) {
		uri = xml_attribute(method, "Algorithm");
		d = digest_method_find(uri);
	}
	if (!d)
		return false;
	for (salt = xml_child(params, NULL, NULL); salt;
		salt = xml_next(salt, NULL, NULL))
		if (strcmp((const char *)salt->name, "SaltLength") == 0)
			break;
	for (trailer = xml_child(params, NULL, NULL); trailer;
		trailer = xml_next(trailer, NULL, NULL))
		if (strcmp((const char *)trailer->name, "TrailerField") == 0)
			break;
	last = xml_text(trailer);
	if (last && strcmp(last, "1") != 0)
		return false;
	*ret_digest = d->name;
	*ret_salt = RSA_PSS_SALTLEN_DIGEST;
	text = xml_text(salt);
	if (text) {
		char *end;
		long n = strtol(text, &end, 10);

		if (*end || n < 0 || n > 512)
			return false;
		*ret_salt = (int)n;
	}
	return true;
}

static int verify_with(
	struct sig_context *c, const struct sig *s, EVP_PKEY *key, struct span octets)
{
	bool without_null = catalogue_digestinfo_without_null(c->options->profile);
	const char *digest = s->method->digest;
	int salt = RSA_PSS_SALTLEN_DIGEST;

	if (s->method->key == METHOD_RSA_PSS && !digest && !read_pss(s, &digest, &salt))
		return 0;
	return sig_verify_raw(key, s->method, digest, salt, octets,
		span_of(s->value_octets, s->value_len), without_null);
}

/* With no binding to one certificate the first candidate whose key fits is the signer. */
static int try_candidates(struct sig_context *c, struct sig *s, struct span octets)
{
	for (size_t i = 0; i < s->candidate_count; i++) {
		EVP_PKEY *key = X509_get0_pubkey(s->candidates[i]);
		int r = key ? verify_with(c, s, key, octets) : 0;

		if (r < 0)
			return r;
		if (r == 0)
			continue;
		X509_free(s->signer);
		X509_up_ref(s->candidates[i]);
		s->signer = s->candidates[i];
		return 1;
	}
	return 0;
}

static EVP_PKEY *key_to_use(const struct sig_context *c, const struct sig *s)
{
	if (s->signer)
		return X509_get0_pubkey(s->signer);
	if (c->options->key)
		return c->options->key;
	if (s->candidate_count > 0)
		return X509_get0_pubkey(s->candidates[0]);
	return s->key;
}

static int verify_value(struct sig_context *c, struct sig *s, struct span octets)
{
	EVP_PKEY *key = key_to_use(c, s);
	int r = key ? verify_with(c, s, key, octets) : 0;

	if (r == 0 && s->signer && !s->bound)
		r = try_candidates(c, s, octets);
	if (r < 0)
		return r;
	s->value_ok = r == 1;
	key = key_to_use(c, s);
	if (key && !s->key && EVP_PKEY_up_ref(key) == 1)
		s->key = key;
	return 0;
}

/* The digest of parameterised PSS is the document's choice: the catalogue must see it. */
static void name_digest(struct sig *s)
{
	int salt;

	s->digest_name = s->method->digest;
	s->pss = s->method->key == METHOD_RSA_PSS;
	if (s->pss && !s->digest_name && !read_pss(s, &s->digest_name, &salt))
		s->digest_name = "unknown";
}

int sig_verify_value(struct sig_context *c, struct sig *s)
{
	_cleanup_buf_ struct buf octets = { 0 };
	int r;

	if (!s->method || s->c14n == XML_C14N_NONE)
		return 0;
	name_digest(s);
	buf_init(&octets, SIG_CANONICAL_MAX);
	r = sig_canonicalize(
		c->report->doc, s->signed_info, s->c14n, s->c14n_node, c->work, &octets);
	if (r == 0)
		r = verify_value(c, s, buf_span(&octets));
	if (r < 0 && r != -EBADMSG)
		return r;
	if (!s->value_ok)
		sig_finding(c, SEVERITY_ERROR, "sig.value", s->value,
			"The signature value does not verify.");
	return 0;
}
