/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/draft.h"

#include "common/clock.h"
#include "common/encode.h"

#include <errno.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(GENERAL_NAMES *, GENERAL_NAMES_free)

static int add_base64(struct buf *b, struct span octets)
{
	_cleanup_(freep) char *text = base64_encode(octets);

	return text ? buf_add_str(b, text) : -ENOMEM;
}

static int add_certificate(struct buf *b, const X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	if (len <= 0)
		return -ENOMEM;
	buf_add_str(b, "<ds:X509Certificate>");
	add_base64(b, span_of(der, (size_t)len));
	OPENSSL_free(der);
	return buf_add_str(b, "</ds:X509Certificate>");
}

int draft_key_info(const struct xades_plan *plan, struct xades_draft *d)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, DRAFT_MAX);
	buf_add_str(&b, "<ds:KeyInfo><ds:X509Data>");
	add_certificate(&b, plan->signer);
	for (size_t i = 0; i < plan->chain_count; i++)
		add_certificate(&b, plan->chain[i]);
	buf_add_str(&b, "</ds:X509Data></ds:KeyInfo>");
	d->key_info = buf_take(&b, NULL);
	return d->key_info ? 0 : -ENOMEM;
}

/* Head of a DER element of up to 65535 octets. Return: its octets. */
static size_t der_head(uint8_t tag, size_t len, uint8_t ret[4])
{
	ret[0] = tag;
	if (len < 0x80) {
		ret[1] = (uint8_t)len;
		return 2;
	}
	if (len < 0x100) {
		ret[1] = 0x81;
		ret[2] = (uint8_t)len;
		return 3;
	}
	ret[1] = 0x82;
	ret[2] = (uint8_t)(len >> 8);
	ret[3] = (uint8_t)len;
	return 4;
}

static GENERAL_NAMES *issuer_names(const X509 *x)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509_NAME *copy = X509_NAME_dup(X509_get_issuer_name(x));

	if (names && name && copy && sk_GENERAL_NAME_push(names, name) > 0) {
		GENERAL_NAME_set0_value(name, GEN_DIRNAME, copy);
		return names;
	}
	GENERAL_NAMES_free(names);
	GENERAL_NAME_free(name);
	X509_NAME_free(copy);
	return NULL;
}

/* IssuerSerial of RFC 5035: SEQUENCE { GeneralNames, CertificateSerialNumber }. */
static int add_issuer_serial(struct buf *b, const X509 *x)
{
	_cleanup_(GENERAL_NAMES_freep) GENERAL_NAMES *names = issuer_names(x);
	_cleanup_buf_ struct buf der;
	uint8_t *n = NULL, *s = NULL, head[4];
	int n_len = names ? i2d_GENERAL_NAMES(names, &n) : 0;
	int s_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &s);
	int r = -ENOMEM;

	buf_init(&der, 65536);
	if (n_len > 0 && s_len > 0) {
		buf_add(&der, head, der_head(0x30, (size_t)(n_len + s_len), head));
		buf_add(&der, n, (size_t)n_len);
		r = buf_add(&der, s, (size_t)s_len);
	}
	OPENSSL_free(n);
	OPENSSL_free(s);
	return r < 0 ? r : add_base64(b, buf_span(&der));
}

static int add_signing_certificate(
	struct buf *b, const struct xades_draft *d, const X509 *x)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (X509_digest(x, EVP_get_digestbyname(d->digest->name), md, &len) != 1)
		return -EIO;
	buf_addf(b,
		"<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>"
		"<ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue>",
		d->digest->uri);
	add_base64(b, span_of(md, len));
	buf_add_str(b, "</ds:DigestValue></xades:CertDigest><xades:IssuerSerialV2>");
	if (add_issuer_serial(b, x) < 0)
		return -ENOMEM;
	return buf_add_str(
		b, "</xades:IssuerSerialV2></xades:Cert></xades:SigningCertificateV2>");
}

static void add_policy(struct buf *b, const struct xades_plan *plan)
{
	if (!plan->policy_id)
		return;
	buf_addf(b,
		"<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId>"
		"<xades:SigPolicyId><xades:Identifier%s>",
		strncmp(plan->policy_id, "urn:oid:", 8) == 0 ? " Qualifier=\"OIDAsURN\""
							     : "");
	buf_add_xml(b, plan->policy_id);
	buf_addf(b,
		"</xades:Identifier></xades:SigPolicyId><xades:SigPolicyHash>"
		"<ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue>",
		digest_method_named("SHA256")->uri);
	add_base64(b, span_of(plan->policy_sha256, SHA256_SIZE));
	buf_add_str(b, "</ds:DigestValue></xades:SigPolicyHash></xades:SignaturePolicyId>"
		       "</xades:SignaturePolicyIdentifier>");
}

static void add_role(struct buf *b, const struct xades_plan *plan)
{
	if (!plan->claimed_role)
		return;
	buf_add_str(b, "<xades:SignerRoleV2><xades:ClaimedRoles><xades:ClaimedRole>");
	buf_add_xml(b, plan->claimed_role);
	buf_add_str(b, "</xades:ClaimedRole></xades:ClaimedRoles></xades:SignerRoleV2>");
}

static void add_formats(struct buf *b, const struct xades_draft *d)
{
	for (size_t i = 0; i < d->reference_count; i++) {
		if (!d->references[i].format)
			continue;
		buf_addf(b,
			"<xades:DataObjectFormat ObjectReference=\"#r-%s-%zu\">"
			"<xades:MimeType>",
			d->id, i + 1);
		buf_add_xml(b, d->references[i].mime_type);
		buf_add_str(b, "</xades:MimeType></xades:DataObjectFormat>");
	}
}

static void add_data_properties(
	struct buf *b, const struct xades_plan *plan, const struct xades_draft *d)
{
	if (plan->place == XADES_COUNTER && !plan->commitment)
		return;
	buf_add_str(b, "<xades:SignedDataObjectProperties>");
	add_formats(b, d);
	if (plan->commitment) {
		buf_add_str(b, "<xades:CommitmentTypeIndication><xades:CommitmentTypeId>"
			       "<xades:Identifier>");
		buf_add_xml(b, plan->commitment);
		buf_add_str(b,
			"</xades:Identifier></xades:CommitmentTypeId>"
			"<xades:AllSignedDataObjects/></xades:CommitmentTypeIndication>");
	}
	buf_add_str(b, "</xades:SignedDataObjectProperties>");
}

int draft_properties(const struct xades_plan *plan, struct xades_draft *d)
{
	_cleanup_buf_ struct buf b;
	char time[CLOCK_TEXT_SIZE];
	int r;

	buf_init(&b, DRAFT_MAX);
	clock_format(plan->signing_time, time);
	buf_addf(&b,
		"<xades:SignedProperties "
		"Id=\"xades-%s\"><xades:SignedSignatureProperties>"
		"<xades:SigningTime>%s</xades:SigningTime>",
		d->id, time);
	r = add_signing_certificate(&b, d, plan->signer);
	if (r < 0)
		return r;
	add_policy(&b, plan);
	add_role(&b, plan);
	buf_add_str(&b, "</xades:SignedSignatureProperties>");
	add_data_properties(&b, plan, d);
	buf_add_str(&b, "</xades:SignedProperties>");
	d->properties = buf_take(&b, NULL);
	return d->properties ? 0 : -ENOMEM;
}

static void add_reference(struct buf *b, const struct xades_draft *d, size_t i)
{
	const struct draft_reference *r = &d->references[i];

	buf_addf(b, "<ds:Reference Id=\"r-%s-%zu\"", d->id, i + 1);
	if (r->type)
		buf_addf(b, " Type=\"%s\"", r->type);
	buf_addf(b,
		" URI=\"%s\">%s<ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue>%s"
		"</ds:DigestValue></ds:Reference>",
		r->uri, r->form, d->digest->uri, r->digest);
}

int draft_signature(const struct xades_draft *d, struct buf *ret)
{
	buf_addf(ret,
		"<ds:Signature xmlns:ds=\"%s\" Id=\"%s\"><ds:SignedInfo>"
		"<ds:CanonicalizationMethod Algorithm=\"%s\"/>"
		"<ds:SignatureMethod Algorithm=\"%s\"/>",
		NS_DS, d->id, xml_c14n_uri(XML_C14N_EXCLUSIVE), d->method->uri);
	for (size_t i = 0; i < d->reference_count; i++)
		add_reference(ret, d, i);
	buf_addf(ret,
		"</ds:SignedInfo><ds:SignatureValue "
		"Id=\"value-%s\">%s</ds:SignatureValue>",
		d->id, d->value ? d->value : "");
	buf_add_str(ret, d->key_info);
	buf_addf(ret,
		"<ds:Object><xades:QualifyingProperties xmlns:xades=\"%s\" "
		"Target=\"#%s\">",
		NS_XADES, d->id);
	buf_add_str(ret, d->properties);
	if (d->timestamps.len > 0) {
		buf_add_str(ret,
			"<xades:UnsignedProperties><xades:UnsignedSignatureProperties>");
		buf_add_span(ret, buf_span(&d->timestamps));
		buf_add_str(ret, "</xades:UnsignedSignatureProperties></"
				 "xades:UnsignedProperties>");
	}
	return buf_add_str(
		ret, "</xades:QualifyingProperties></ds:Object></ds:Signature>");
}
