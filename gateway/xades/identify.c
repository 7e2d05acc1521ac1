/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)

struct cert_ref {
	const struct digest_method *digest;
	uint8_t *value;
	size_t len;
};

/* xades:Cert/CertDigest; the oldest XAdES has its own DigestMethod and DigestValue. */
static int read_ref(const xmlNode *cert, struct cert_ref *ret_ref)
{
	const xmlNode *d = sig_xades_child(cert, "CertDigest");
	const xmlNode *method = xml_child(d, NS_DS, "DigestMethod");
	const xmlNode *value = xml_child(d, NS_DS, "DigestValue");
	_cleanup_(freep) char *uri = NULL, *text = NULL;
	int r;

	if (!method)
		method = sig_xades_child(d, "DigestMethod");
	if (!value)
		value = sig_xades_child(d, "DigestValue");
	*ret_ref = (struct cert_ref){ 0 };
	uri = xml_attribute(method, "Algorithm");
	text = value ? xml_text(value) : NULL;
	ret_ref->digest = digest_method_find(uri);
	if (!text || !ret_ref->digest)
		return 0;
	r = base64_decode(span_str(text), &ret_ref->value, &ret_ref->len);
	return r == -ENOMEM ? r : 0;
}

static bool ref_matches(const struct cert_ref *ref, const X509 *x)
{
	const EVP_MD *md = ref->digest ? EVP_get_digestbyname(ref->digest->name) : NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	return md && ref->value && X509_digest(x, md, digest, &len) == 1 &&
	       len == ref->len && memcmp(digest, ref->value, len) == 0;
}

static X509 *find_in_stack(const struct cert_ref *ref, STACK_OF(X509) * stack)
{
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (ref_matches(ref, sk_X509_value(stack, i)))
			return sk_X509_value(stack, i);
	return NULL;
}

/* What the signature gives as its key first, then what it carries and the caller gave. */
static X509 *find_certificate(
	const struct sig_context *c, const struct sig *s, const struct cert_ref *ref)
{
	const struct pki_material *m = c->material;
	X509 *x;

	for (size_t i = 0; i < s->candidate_count; i++)
		if (ref_matches(ref, s->candidates[i]))
			return s->candidates[i];
	x = find_in_stack(ref, m->certificates);
	return x ? x : find_in_stack(ref, m->anchors);
}

/* DER of ESS IssuerSerial: SEQUENCE { GeneralNames, INTEGER }. NULL when it is not one.
 */
static ASN1_INTEGER *serial_of_v2(const xmlNode *node)
{
	_cleanup_(freep) char *text = xml_text(node);
	_cleanup_(freep) uint8_t *der = NULL;
	const unsigned char *at, *end;
	long len;
	int tag, class;
	size_t size;

	if (!text || base64_decode(span_str(text), &der, &size) < 0)
		return NULL;
	at = der;
	end = der + size;
	if ((ASN1_get_object(&at, &len, &tag, &class, (long)size) & 0x80) ||
		tag != V_ASN1_SEQUENCE || at + len != end)
		return NULL;
	/* The names are passed over: serial and digest say which certificate it is. */
	if ((ASN1_get_object(&at, &len, &tag, &class, end - at) & 0x80) ||
		tag != V_ASN1_SEQUENCE || len > end - at)
		return NULL;
	at += len;
	return d2i_ASN1_INTEGER(NULL, &at, end - at);
}

static ASN1_INTEGER *serial_of_v1(const xmlNode *node)
{
	const xmlNode *number = xml_child(node, NS_DS, "X509SerialNumber");
	_cleanup_(freep) char *text = number ? xml_text(number) : NULL;
	BIGNUM *parsed = NULL;
	_cleanup_(BN_freep) BIGNUM *bn = NULL;
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > 100 || BN_dec2bn(&parsed, text) != (int)len) {
		BN_free(parsed);
		return NULL;
	}
	bn = parsed;
	return BN_to_ASN1_INTEGER(bn, NULL);
}

/* Issuer and serial number, when given, must be those of the certificate. */
static void check_issuer_serial(
	struct sig_context *c, const struct sig *s, const xmlNode *cert)
{
	const xmlNode *v1 = sig_xades_child(cert, "IssuerSerial");
	const xmlNode *v2 = sig_xades_child(cert, "IssuerSerialV2");
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *serial = NULL;

	if (!v1 && !v2)
		return;
	serial = v2 ? serial_of_v2(v2) : serial_of_v1(v1);
	ERR_clear_error();
	if (serial && ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(s->signer)) == 0)
		return;
	sig_finding(c,
		c->options->profile == XADES_GATE ? SEVERITY_ERROR : SEVERITY_WARNING,
		"sig.signing-certificate", cert,
		"Issuer and serial number are not those of the signer's certificate.");
}

/* A digest for which somebody may find a second certificate binds nothing. */
static void check_digest(
	struct sig_context *c, const struct cert_ref *ref, const xmlNode *cert)
{
	if (c->options->profile == XADES_GATE &&
		!catalogue_digest(XADES_GATE, ref->digest->name, c->options->at))
		sig_finding(c, SEVERITY_ERROR, "sig.weak", cert,
			"%s is too weak to name the signer's certificate.",
			ref->digest->name);
}

static bool serial_in_key_info(const struct sig *s, const xmlNode *cert)
{
	const xmlNode *v1 = sig_xades_child(cert, "IssuerSerial");
	const xmlNode *v2 = sig_xades_child(cert, "IssuerSerialV2");
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *serial = NULL;

	if (v1 || v2)
		serial = v2 ? serial_of_v2(v2) : serial_of_v1(v1);
	ERR_clear_error();
	for (size_t i = 0; serial && i < s->candidate_count; i++)
		if (ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(s->candidates[i])) ==
				0 &&
			pki_modulus_is_minimal(s->candidates[i]))
			return true;
	return false;
}

/* All certificates are digested for one reference that none has. */
static int spend_search(struct sig_context *c, const struct sig *s)
{
	const struct pki_material *m = c->material;
	size_t n = s->candidate_count + (size_t)sk_X509_num(m->certificates) +
		   (size_t)sk_X509_num(m->anchors);

	return sig_spend(c, n * SIG_WORK_CERTIFICATE);
}

static int match_refs(struct sig_context *c, struct sig *s, const xmlNode *property)
{
	size_t count = 0;

	for (const xmlNode *n = xml_child(property, NULL, NULL); n;
		n = xml_next(n, NULL, NULL)) {
		struct cert_ref ref;
		X509 *x;
		int r;

		if (!sig_is_xades(n, "Cert"))
			continue;
		if (spend_search(c, s) < 0)
			return -EDQUOT;
		r = read_ref(n, &ref);
		if (r < 0)
			return r;
		if (++count > SIG_CERTIFICATE_REFS_MAX) {
			free(ref.value);
			sig_malformed(
				c, s, n, "The signing certificate is one of too many.");
			return 0;
		}
		x = find_certificate(c, s, &ref);
		free(ref.value);
		if (x)
			check_digest(c, &ref, n);
		s->named_in_key_info |= serial_in_key_info(s, n);
		if (!x || !pki_modulus_is_minimal(x))
			continue;
		X509_up_ref(x);
		s->signer = x;
		s->bound = true;
		for (size_t i = 0; i < s->candidate_count; i++)
			s->named_in_key_info |= s->candidates[i] == x;
		check_issuer_serial(c, s, n);
		return 0;
	}
	return 0;
}

int sig_identify(struct sig_context *c, struct sig *s)
{
	const xmlNode *property = sig_property(s, "SigningCertificateV2");
	int r;

	if (!property)
		property = sig_property(s, "SigningCertificate");
	/* A property that nobody signed binds nothing. */
	if (!s->properties_signed)
		property = NULL;
	if (property) {
		r = match_refs(c, s, property);
		if (r < 0)
			return r;
	} else if (s->candidate_count > 0) {
		X509_up_ref(s->candidates[0]);
		s->signer = s->candidates[0];
	}
	s->identified = s->signer != NULL;
	if (!s->identified)
		sig_finding(c, SEVERITY_ERROR, "sig.signer",
			property ? property : s->node,
			property ? "No certificate that was given has the digest of the "
				   "signing certificate."
				 : "The signature names no certificate of its signer.");
	return 0;
}
