/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/receipt_seal.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/encode.h"
#include "pki/certificate.h"
#include "pki/errors.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <stdio.h>

#define SEAL_MAX (1024u * 1024)
#define CERTIFICATES 8
#define HALF 32 /* of a value by a P-256 key */
#define DS "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""
#define XADES "xmlns:xades=\"http://uri.etsi.org/01903/v1.3.2#\""
#define C14N "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define ENVELOPED "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
#define SHA256 "http://www.w3.org/2001/04/xmlenc#sha256"
#define ECDSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
#define PROPERTIES_TYPE "http://uri.etsi.org/01903#SignedProperties"
#define PROOF_OF_RECEIPT "http://uri.etsi.org/01903/v1.2.2#ProofOfReceipt"

DEFINE_CLEANUP(ECDSA_SIG *, ECDSA_SIG_free)

static int add_escaped(struct buf *b, const char *text, bool value)
{
	for (; *text; text++) {
		const char *as = NULL;

		if (*text == '&')
			as = "&amp;";
		else if (*text == '<')
			as = "&lt;";
		else if (*text == '\r')
			as = "&#xD;";
		else if (*text == '>' && !value)
			as = "&gt;";
		else if (*text == '"' && value)
			as = "&quot;";
		else if (*text == '\t' && value)
			as = "&#x9;";
		else if (*text == '\n' && value)
			as = "&#xA;";
		if (as)
			buf_add_str(b, as);
		else
			buf_add(b, text, 1);
	}
	return b->error;
}

int canonical_text(struct buf *b, const char *text)
{
	return add_escaped(b, text, false);
}

int canonical_value(struct buf *b, const char *text)
{
	return add_escaped(b, text, true);
}

static int add_base64(struct buf *b, struct span octets)
{
	_cleanup_(freep) char *text = base64_encode(octets);

	return text ? buf_add_str(b, text) : -ENOMEM;
}

static int add_digest(struct buf *b, struct span octets)
{
	uint8_t digest[SHA256_SIZE];
	int r = digest_sha256(octets, digest);

	return r < 0 ? r : add_base64(b, span_of(digest, sizeof(digest)));
}

/* Each certificate of the concatenation. Return: 0 with the signer's, -EINVAL. */
static int write_key_info(
	const struct receipt_seal_plan *plan, struct buf *ret, struct span *ret_signer)
{
	const uint8_t *p = plan->certificates.data, *end = p + plan->certificates.len;

	*ret_signer = span_of(NULL, 0);
	buf_add_str(ret, "<ds:KeyInfo><ds:X509Data>");
	for (int i = 0; p && p < end && i < CERTIFICATES; i++) {
		const uint8_t *start = p;
		X509 *x = d2i_X509(NULL, &p, end - p);

		X509_free(x);
		pki_errors_clear();
		if (!x)
			return -EINVAL;
		if (i == 0)
			*ret_signer = span_of(start, (size_t)(p - start));
		buf_add_str(ret, "<ds:X509Certificate>");
		add_base64(ret, span_of(start, (size_t)(p - start)));
		buf_add_str(ret, "</ds:X509Certificate>");
	}
	buf_add_str(ret, "</ds:X509Data></ds:KeyInfo>");
	return ret_signer->len ? ret->error : -EINVAL;
}

/* As exclusive canonicalisation writes the element alone: "ds" is declared where it is
 * first used, and "xades" at the top. */
static int write_properties(
	const struct receipt_seal_plan *plan, struct span signer, struct buf *ret)
{
	char time[CLOCK_TEXT_SIZE];

	clock_format(plan->signing_time, time);
	buf_addf(ret,
		"<xades:SignedProperties " XADES " Id=\"xades-%s\">"
		"<xades:SignedSignatureProperties><xades:SigningTime>%s"
		"</xades:SigningTime><xades:SigningCertificateV2><xades:Cert>"
		"<xades:CertDigest><ds:DigestMethod " DS " Algorithm=\"" SHA256
		"\"></ds:DigestMethod><ds:DigestValue " DS ">",
		plan->id, time);
	add_digest(ret, signer);
	buf_add_str(ret, "</ds:DigestValue></xades:CertDigest></xades:Cert>"
			 "</xades:SigningCertificateV2><xades:SignerRoleV2>"
			 "<xades:ClaimedRoles><xades:ClaimedRole>");
	canonical_text(ret, plan->role);
	return buf_addf(ret,
		"</xades:ClaimedRole></xades:ClaimedRoles></xades:SignerRoleV2>"
		"</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>"
		"<xades:DataObjectFormat ObjectReference=\"#r-%s\"><xades:MimeType>"
		"text/xml</xades:MimeType></xades:DataObjectFormat>"
		"<xades:CommitmentTypeIndication><xades:CommitmentTypeId>"
		"<xades:Identifier>" PROOF_OF_RECEIPT "</xades:Identifier>"
		"</xades:CommitmentTypeId><xades:AllSignedDataObjects>"
		"</xades:AllSignedDataObjects></xades:CommitmentTypeIndication>"
		"</xades:SignedDataObjectProperties></xades:SignedProperties>",
		plan->id);
}

static int write_signed_info(
	const struct receipt_seal_plan *plan, struct span properties, struct buf *ret)
{
	buf_addf(ret,
		"<ds:SignedInfo " DS "><ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE
		"\"></ds:CanonicalizationMethod><ds:SignatureMethod "
		"Algorithm=\"" ECDSA_SHA256 "\"></ds:SignatureMethod>"
		"<ds:Reference Id=\"r-%s\" URI=\"\"><ds:Transforms>"
		"<ds:Transform Algorithm=\"" ENVELOPED "\"></ds:Transform>"
		"<ds:Transform Algorithm=\"" C14N "\"></ds:Transform></ds:Transforms>"
		"<ds:DigestMethod Algorithm=\"" SHA256 "\"></ds:DigestMethod>"
		"<ds:DigestValue>",
		plan->id);
	add_digest(ret, plan->root);
	buf_addf(ret,
		"</ds:DigestValue></ds:Reference><ds:Reference Type=\"" PROPERTIES_TYPE
		"\" URI=\"#xades-%s\"><ds:Transforms><ds:Transform Algorithm=\"" EXCLUSIVE
		"\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"" SHA256
		"\"></ds:DigestMethod><ds:DigestValue>",
		plan->id);
	add_digest(ret, properties);
	return buf_add_str(ret, "</ds:DigestValue></ds:Reference></ds:SignedInfo>");
}

static int build(struct receipt_seal *s)
{
	_cleanup_buf_ struct buf key_info, properties, signed_info;
	struct span signer;
	int r;

	buf_init(&key_info, SEAL_MAX);
	buf_init(&properties, SEAL_MAX);
	buf_init(&signed_info, SEAL_MAX);
	r = write_key_info(s->plan, &key_info, &signer);
	if (r == 0)
		r = write_properties(s->plan, signer, &properties);
	if (r == 0)
		r = write_signed_info(s->plan, buf_span(&properties), &signed_info);
	if (r < 0)
		return r;
	s->key_info = buf_take(&key_info, NULL);
	s->properties = buf_take(&properties, NULL);
	s->signed_info = buf_take(&signed_info, NULL);
	return s->key_info && s->properties && s->signed_info ? 0 : -ENOMEM;
}

int receipt_seal_prepare(const struct receipt_seal_plan *plan, struct receipt_seal *ret,
	uint8_t ret_digest[SHA256_SIZE])
{
	int r;

	*ret = (struct receipt_seal){ .plan = plan };
	r = build(ret);
	if (r == 0)
		r = digest_sha256(span_str(ret->signed_info), ret_digest);
	if (r < 0)
		receipt_seal_done(ret);
	return r;
}

void receipt_seal_done(struct receipt_seal *s)
{
	free(s->signed_info);
	free(s->properties);
	free(s->key_info);
	*s = (struct receipt_seal){ 0 };
}

/* Where the root's end tag starts: the last one of the text. */
static size_t end_tag(struct span root)
{
	size_t at = root.len;

	while (at > 1 && !(root.data[at - 2] == '<' && root.data[at - 1] == '/'))
		at--;
	return at > 1 ? at - 2 : 0;
}

static int check_value(const struct receipt_seal *s, struct span value)
{
	_cleanup_(ECDSA_SIG_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	const uint8_t *p = s->plan->certificates.data;
	_cleanup_(X509_freep) X509 *x =
		d2i_X509(NULL, &p, (long)s->plan->certificates.len);
	uint8_t digest[SHA256_SIZE], *der = NULL;
	EVP_PKEY_CTX *c = x ? EVP_PKEY_CTX_new(X509_get0_pubkey(x), NULL) : NULL;
	int len = -1, ok = 0;

	if (value.len == 2 * (size_t)HALF && sig &&
		ECDSA_SIG_set0(sig, BN_bin2bn(value.data, HALF, NULL),
			BN_bin2bn(value.data + HALF, HALF, NULL)) == 1)
		len = i2d_ECDSA_SIG(sig, &der);
	if (len > 0 && c && digest_sha256(span_str(s->signed_info), digest) == 0 &&
		EVP_PKEY_verify_init(c) == 1)
		ok = EVP_PKEY_verify(c, der, (size_t)len, digest, sizeof(digest));
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(c);
	pki_errors_clear();
	return ok == 1 ? 0 : -EBADMSG;
}

int receipt_seal_finish(const struct receipt_seal *s, struct span value, char **ret_xml)
{
	struct span root = s->plan->root;
	size_t at = end_tag(root);
	_cleanup_buf_ struct buf b = { 0 };
	int r = check_value(s, value);

	if (r < 0)
		return r;
	buf_init(&b, SEAL_MAX);
	buf_add_str(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_add(&b, root.data, at);
	buf_addf(&b, "<ds:Signature " DS " Id=\"receipt-%s\">", s->plan->id);
	buf_add_str(&b, s->signed_info);
	buf_addf(&b, "<ds:SignatureValue Id=\"value-%s\">", s->plan->id);
	add_base64(&b, value);
	buf_add_str(&b, "</ds:SignatureValue>");
	buf_add_str(&b, s->key_info);
	buf_addf(&b,
		"<ds:Object><xades:QualifyingProperties " XADES
		" Target=\"#receipt-%s\">",
		s->plan->id);
	buf_add_str(&b, s->properties);
	buf_add_str(&b, "</xades:QualifyingProperties></ds:Object></ds:Signature>");
	buf_add(&b, root.data + at, root.len - at);
	buf_add_str(&b, "\n");
	if (b.error)
		return b.error;
	*ret_xml = buf_take(&b, NULL);
	return *ret_xml ? 0 : -ENOMEM;
}
