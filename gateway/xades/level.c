/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

static bool has_unsigned(const struct sig *s, const char *name)
{
	for (const xmlNode *n = sig_unsigned_first(s); n; n = xml_next(n, NULL, NULL))
		if (sig_is_xades(n, name))
			return true;
	return false;
}

static bool properties_covered(const struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++)
		if (s->references[i].is_properties)
			return true;
	return false;
}

static bool signer_in_key_info(const struct sig *s)
{
	for (size_t i = 0; i < s->candidate_count; i++)
		if (s->signer && X509_cmp(s->candidates[i], s->signer) == 0)
			return true;
	return false;
}

/* EN 319 132-1 6.3, level B. */
static bool baseline_b(const struct sig *s)
{
	return xml_is(s->qualifying, NS_XADES, "QualifyingProperties") &&
		properties_covered(s) && sig_property(s, "SigningTime") &&
		(sig_property(s, "SigningCertificateV2") ||
			sig_property(s, "SigningCertificate")) &&
		s->bound && signer_in_key_info(s);
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
	int64_t from, to;

	if (!s->signer || pki_certificate_validity(s->signer, &from, &to) < 0)
		return false;
	for (size_t i = 0; i < s->token_count; i++)
		if (s->tokens[i].kind == TOKEN_SIGNATURE && s->tokens[i].result.gen_time &&
			s->tokens[i].result.gen_time < to)
			return true;
	return false;
}

static const char *extended_level(const struct sig *s)
{
	if (has_token(s, TOKEN_ARCHIVE))
		return "XAdES-A";
	if (has_token(s, TOKEN_SIGNATURE) && sig_has_long_term(s))
		return "XAdES-LT";
	if (has_token(s, TOKEN_SIG_AND_REFS) || has_token(s, TOKEN_REFS_ONLY))
		return has_unsigned(s, "CertificateValues") &&
				has_unsigned(s, "RevocationValues")
			? "XAdES-XL"
			: "XAdES-X";
	if (has_unsigned(s, "CompleteCertificateRefs") &&
		has_unsigned(s, "CompleteRevocationRefs"))
		return "XAdES-C";
	if (has_token(s, TOKEN_SIGNATURE))
		return "XAdES-T";
	if (sig_property(s, "SignaturePolicyIdentifier"))
		return "XAdES-EPES";
	return "XAdES-BES";
}

const char *sig_level(const struct sig_context *c, const struct sig *s)
{
	(void)c;
	if (!s->properties)
		return "XML-NOT-ETSI";
	if (!baseline_b(s))
		return extended_level(s);
	if (!baseline_t(s))
		return "XAdES-BASELINE-B";
	if (!sig_has_long_term(s))
		return "XAdES-BASELINE-T";
	return has_token(s, TOKEN_ARCHIVE) ? "XAdES-BASELINE-LTA" : "XAdES-BASELINE-LT";
}
