/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"
#include "pki/public_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define NS_DSIG11 "http://www.w3.org/2009/xmldsig11#"
#define KEY_OCTETS_MAX 2048u

DEFINE_CLEANUP(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(BIGNUM *, BN_free)

/* Octets of an element of base64 text. Return: 1, 0 not base64, -ENOMEM. */
static int octets_of(const xmlNode *node, uint8_t **ret_data, size_t *ret_len)
{
	_cleanup_(freep) char *text = node ? xml_text(node) : NULL;
	int r;

	if (!text)
		return 0;
	r = base64_decode(span_str(text), ret_data, ret_len);
	return r == 0 ? 1 : r == -EINVAL ? 0 : r;
}

static int add_candidate(struct sig_context *c, struct sig *s, const xmlNode *node)
{
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	int r = octets_of(node, &der, &len);
	X509 *x = r == 1 ? pki_certificate_parse(span_of(der, len)) : NULL;

	if (r < 0)
		return r;
	if (!x) {
		sig_finding(c, SEVERITY_WARNING, "sig.key-info", node,
			"This is no certificate in base64 DER.");
		return 0;
	}
	s->candidates[s->candidate_count++] = x;
	return 0;
}

static BIGNUM *number_of(const xmlNode *node)
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len = 0;

	if (octets_of(node, &data, &len) != 1 || len == 0 || len > KEY_OCTETS_MAX)
		return NULL;
	return BN_bin2bn(data, (int)len, NULL);
}

static EVP_PKEY *rsa_key(const xmlNode *value)
{
	_cleanup_(BN_freep) BIGNUM *n = number_of(xml_child(value, NS_DS, "Modulus"));
	_cleanup_(BN_freep) BIGNUM *e = number_of(xml_child(value, NS_DS, "Exponent"));
	_cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

	if (!build || !n || !e ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return NULL;
	return pki_public_key("RSA", build);
}

static EVP_PKEY *dsa_key(const xmlNode *value)
{
	_cleanup_(BN_freep) BIGNUM *p = number_of(xml_child(value, NS_DS, "P"));
	_cleanup_(BN_freep) BIGNUM *q = number_of(xml_child(value, NS_DS, "Q"));
	_cleanup_(BN_freep) BIGNUM *g = number_of(xml_child(value, NS_DS, "G"));
	_cleanup_(BN_freep) BIGNUM *y = number_of(xml_child(value, NS_DS, "Y"));
	_cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();

	if (!build || !p || !q || !g || !y ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_P, p) != 1 ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_Q, q) != 1 ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_G, g) != 1 ||
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PUB_KEY, y) != 1)
		return NULL;
	return pki_public_key("DSA", build);
}

/* Named curves only: explicit parameters are refused. */
static EVP_PKEY *ec_key(const xmlNode *value)
{
	const xmlNode *curve = xml_child(value, NS_DSIG11, "NamedCurve");
	_cleanup_(freep) char *uri = xml_attribute(curve, "URI");
	_cleanup_(freep) uint8_t *point = NULL;
	_cleanup_(OSSL_PARAM_BLD_freep) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	const char *name;
	size_t len;

	if (!build || !uri || strncmp(uri, "urn:oid:", 8) != 0 ||
		octets_of(xml_child(value, NS_DSIG11, "PublicKey"), &point, &len) != 1)
		return NULL;
	name = OBJ_nid2sn(OBJ_txt2nid(uri + 8));
	if (!name ||
		OSSL_PARAM_BLD_push_utf8_string(
			build, OSSL_PKEY_PARAM_GROUP_NAME, name, 0) != 1 ||
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, point, len) != 1)
		return NULL;
	return pki_public_key("EC", build);
}

static EVP_PKEY *der_key(const xmlNode *node)
{
	_cleanup_(freep) uint8_t *der = NULL;
	const unsigned char *at;
	EVP_PKEY *key;
	size_t len;

	if (octets_of(node, &der, &len) != 1 || len > KEY_OCTETS_MAX)
		return NULL;
	at = der;
	key = d2i_PUBKEY(NULL, &at, (long)len);
	if (key && at == der + len)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* Another ds:KeyInfo of the document that stands for this one (XML Signature 1.1,
 * 4.5.10), one step and no further; else this one. */
static const xmlNode *referred(const struct sig_context *c, const xmlNode *key_info)
{
	const xmlNode *r = xml_child(key_info, NS_DSIG11, "KeyInfoReference");
	_cleanup_(freep) char *uri = xml_attribute(r, "URI");
	bool ambiguous = false;
	const xmlNode *e;

	if (!uri || uri[0] != '#')
		return key_info;
	e = sig_ids_find(&c->ids, uri + 1, &ambiguous);
	return !ambiguous && xml_is(e, NS_DS, "KeyInfo") ? e : key_info;
}

/* A bare key says who could have signed, never who did: for the core only. */
static void read_bare_key(struct sig *s, const xmlNode *key_info)
{
	const xmlNode *value = xml_child(key_info, NS_DS, "KeyValue");
	const xmlNode *inner = xml_child(value, NULL, NULL);

	if (xml_is(inner, NS_DS, "RSAKeyValue"))
		s->key = rsa_key(inner);
	else if (xml_is(inner, NS_DS, "DSAKeyValue"))
		s->key = dsa_key(inner);
	else if (xml_is(inner, NS_DSIG11, "ECKeyValue"))
		s->key = ec_key(inner);
	if (!s->key)
		s->key = der_key(xml_child(key_info, NS_DSIG11, "DEREncodedKeyValue"));
	ERR_clear_error();
}

static void add_with_ski(
	struct sig *s, const STACK_OF(X509) * list, const uint8_t *ski, size_t len)
{
	for (int i = 0; i < sk_X509_num(list); i++) {
		X509 *x = sk_X509_value(list, i);
		const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(x);

		if (!id || (size_t)ASN1_STRING_length(id) != len ||
			memcmp(ASN1_STRING_get0_data(id), ski, len) != 0 ||
			s->candidate_count == SIG_CANDIDATES_MAX)
			continue;
		X509_up_ref(x);
		s->candidates[s->candidate_count++] = x;
	}
}

/* A certificate that is only named, by its key identifier, among those that the caller
 * gave. */
static int add_named(const struct sig_context *c, struct sig *s)
{
	const xmlNode *d = xml_child(s->key_info, NS_DS, "X509Data");
	_cleanup_(freep) uint8_t *ski = NULL;
	size_t len = 0;
	int r = octets_of(xml_child(d, NS_DS, "X509SKI"), &ski, &len);

	if (r == 1 && len > 0) {
		add_with_ski(s, c->material->certificates, ski, len);
		add_with_ski(s, c->material->anchors, ski, len);
	}
	return r < 0 ? r : 0;
}

int sig_key_info(struct sig_context *c, struct sig *s)
{
	int named;

	for (const xmlNode *d = xml_child(s->key_info, NS_DS, "X509Data"); d;
		d = xml_next(d, NS_DS, "X509Data"))
		for (const xmlNode *x = xml_child(d, NS_DS, "X509Certificate"); x;
			x = xml_next(x, NS_DS, "X509Certificate")) {
			int r;

			if (s->candidate_count == SIG_CANDIDATES_MAX) {
				sig_malformed(
					c, s, d, "ds:KeyInfo has too many certificates.");
				return 0;
			}
			r = add_candidate(c, s, x);
			if (r < 0)
				return r;
		}
	if (s->candidate_count > 0 || c->options->profile != XADES_EIDAS)
		return 0;
	named = add_named(c, s);
	if (named == 0 && s->candidate_count == 0)
		read_bare_key(s, referred(c, s->key_info));
	return named;
}
