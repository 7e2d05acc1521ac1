/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

/* EN 319 132-3: evidence records have a namespace of their own. */
#define NS_EVIDENCE "http://uri.etsi.org/19132/"

static bool has_evidence_record(const struct sig *s)
{
	for (const xmlNode *n = sig_unsigned_first(s); n; n = xml_next(n, NULL, NULL))
		if (n->ns &&
			strcmp((const char *)n->name, "SealingEvidenceRecords") == 0 &&
			strncmp((const char *)n->ns->href, NS_EVIDENCE,
				strlen(NS_EVIDENCE)) == 0)
			return true;
	return false;
}

static bool has_unsigned(const struct sig *s, const char *name)
{
	for (const xmlNode *n = sig_unsigned_first(s); n; n = xml_next(n, NULL, NULL))
		if (sig_is_xades(n, name))
			return true;
	return false;
}

/* The reference that a DataObjectFormat is about, or NULL. */
static const struct sig_reference *format_target(
	const struct sig *s, const xmlNode *format)
{
	_cleanup_(freep) char *uri = xml_attribute(format, "ObjectReference");

	for (size_t i = 0; uri && uri[0] == '#' && i < s->reference_count; i++)
		if (s->references[i].id && strcmp(s->references[i].id, uri + 1) == 0)
			return &s->references[i];
	return NULL;
}

static const xmlNode *first_format(const struct sig *s)
{
	return sig_xades_child(
		sig_xades_child(s->properties, "SignedDataObjectProperties"),
		"DataObjectFormat");
}

static const xmlNode *next_format(const xmlNode *n)
{
	do
		n = xml_next(n, NULL, NULL);
	while (n && !sig_is_xades(n, "DataObjectFormat"));
	return n;
}

/* References of a manifest in this signature have formats, too. */
static bool in_manifest(const struct sig *s, const xmlNode *format)
{
	_cleanup_(freep) char *uri = xml_attribute(format, "ObjectReference");

	for (const xmlNode *o = xml_child(s->node, NS_DS, "Object"); uri && o;
		o = xml_next(o, NS_DS, "Object"))
		for (const xmlNode *r = xml_child(
			     xml_child(o, NS_DS, "Manifest"), NS_DS, "Reference");
			r; r = xml_next(r, NS_DS, "Reference")) {
			_cleanup_(freep) char *id = xml_attribute(r, "Id");

			if (id && uri[0] == '#' && strcmp(id, uri + 1) == 0)
				return true;
		}
	return false;
}

static bool same_attribute(const xmlNode *object, const char *name, const xmlNode *format)
{
	_cleanup_(freep) char *said = xml_attribute(object, name);
	const xmlNode *node = sig_xades_child(format, name);
	_cleanup_(freep) char *text = node ? xml_text(node) : NULL;

	return !said || !text || strcmp(said, text) == 0;
}

/* What a format says of a ds:Object must be what the object says of itself. */
static bool format_agrees(const struct sig_reference *r, const xmlNode *format)
{
	return !r || !xml_is(r->element, NS_DS, "Object") ||
	       (same_attribute(r->element, "MimeType", format) &&
		       same_attribute(r->element, "Encoding", format));
}

/* A format that is about nothing makes it no XAdES (EN 319 132-1 5.2.4). */
static bool formats_fit(const struct sig *s)
{
	for (const xmlNode *f = first_format(s); f; f = next_format(f))
		if ((!format_target(s, f) && !in_manifest(s, f)) ||
			!format_agrees(format_target(s, f), f))
			return false;
	return true;
}

static bool has_format(const struct sig *s, const struct sig_reference *r)
{
	for (const xmlNode *f = first_format(s); f; f = next_format(f))
		if (format_target(s, f) == r && sig_xades_child(f, "MimeType"))
			return true;
	return false;
}

static bool is_of_type(const struct sig_reference *r, const char *type)
{
	return r->type && strcmp(r->type, type) == 0;
}

/* Every signed data object that can have a format has one, but for what a
 * counter-signature is about and what describes the signature. */
static bool formats_complete(const struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++) {
		const struct sig_reference *r = &s->references[i];

		if (!r->id || r->is_properties ||
			(s->key_info && r->element == s->key_info) ||
			is_of_type(r, TYPE_COUNTERSIGNED) ||
			is_of_type(r, NS_DS "Manifest") ||
			is_of_type(r, NS_DS "SignatureProperties"))
			continue;
		if (!has_format(s, r))
			return false;
	}
	return true;
}

/* Properties that a baseline signature does not have. */
static bool has_outdated(const struct sig *s)
{
	static const char *const NAMES[] = { "CompleteCertificateRefs",
		"CompleteCertificateRefsV2", "CompleteRevocationRefs",
		"AttributeCertificateRefs", "AttributeCertificateRefsV2",
		"AttributeRevocationRefs", "SigAndRefsTimeStamp", "SigAndRefsTimeStampV2",
		"RefsOnlyTimeStamp", "RefsOnlyTimeStampV2" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (has_unsigned(s, NAMES[i]))
			return true;
	return false;
}

/* A baseline time-stamp property has one token. */
static bool tokens_single(const struct sig *s)
{
	for (size_t i = 0; i + 1 < s->token_count; i++)
		if (s->tokens[i].kind == TOKEN_SIGNATURE &&
			s->tokens[i].property == s->tokens[i + 1].property)
			return false;
	return true;
}

/* A reference that is said to be over the properties, found or not. */
static bool properties_referenced(const struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++)
		if (is_of_type(&s->references[i], TYPE_SIGNED_PROPERTIES))
			return true;
	return s->properties_signed;
}

/* EN 319 132-1 6.3, level B: something is signed beside the properties. */
static bool baseline_b(const struct sig *s)
{
	return xml_is(s->qualifying, NS_XADES, "QualifyingProperties") &&
	       s->reference_count > 1 && properties_referenced(s) &&
	       sig_property(s, "SigningTime") &&
	       (sig_property(s, "SigningCertificateV2") ||
		       sig_property(s, "SigningCertificate")) &&
	       s->named_in_key_info && formats_complete(s) && !has_outdated(s) &&
	       tokens_single(s);
}

static bool has_token(const struct sig *s, enum sig_token_kind kind)
{
	for (size_t i = 0; i < s->token_count; i++)
		if (s->tokens[i].kind == kind)
			return true;
	return false;
}

/* Level T: a signature time-stamp from before the end of the signer's certificate. */
static bool baseline_t(const struct sig *s)
{
	X509 *signer = s->signer ? s->signer : s->candidates[0];
	int64_t from, to;

	if (!signer || pki_certificate_validity(signer, &from, &to) < 0)
		return false;
	for (size_t i = 0; i < s->token_count; i++)
		if (s->tokens[i].kind == TOKEN_SIGNATURE &&
			s->tokens[i].result.gen_time && s->tokens[i].result.gen_time < to)
			return true;
	return false;
}

/* A policy is implied or named with its digest (EN 319 132-1 5.2.9). */
static bool has_policy(const struct sig *s)
{
	const xmlNode *p = sig_property(s, "SignaturePolicyIdentifier");

	return sig_xades_child(p, "SignaturePolicyImplied") ||
	       sig_xades_child(sig_xades_child(p, "SignaturePolicyId"), "SigPolicyHash");
}

static const char *extended_level(struct sig_context *c, const struct sig *s)
{
	bool lt = sig_has_long_term(c, s);
	bool refs = (has_unsigned(s, "CompleteCertificateRefs") ||
			    has_unsigned(s, "CompleteCertificateRefsV2")) &&
		    has_unsigned(s, "CompleteRevocationRefs");
	bool x = refs &&
		 (has_token(s, TOKEN_SIG_AND_REFS) || has_token(s, TOKEN_REFS_ONLY));

	if (lt && has_token(s, TOKEN_ARCHIVE))
		return "XAdES-A";
	if (x)
		return lt ? "XAdES-XL" : "XAdES-X";
	if (refs)
		return "XAdES-C";
	if (lt && has_token(s, TOKEN_SIGNATURE))
		return "XAdES-LT";
	if (has_token(s, TOKEN_SIGNATURE))
		return "XAdES-T";
	if (has_policy(s))
		return "XAdES-EPES";
	return "XAdES-BES";
}

const char *sig_level(struct sig_context *c, const struct sig *s)
{
	if (!s->properties || !formats_fit(s))
		return "XML-NOT-ETSI";
	if (!baseline_b(s))
		return extended_level(c, s);
	if (!baseline_t(s))
		return "XAdES-BASELINE-B";
	if (!sig_has_long_term(c, s))
		return "XAdES-BASELINE-T";
	if (has_evidence_record(s))
		return "XAdES-ERS";
	return has_token(s, TOKEN_ARCHIVE) ? "XAdES-BASELINE-LTA" : "XAdES-BASELINE-LT";
}
