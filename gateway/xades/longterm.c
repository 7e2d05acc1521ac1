/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "pki/ocsp.h"

#define CHAIN_MAX 12

static bool is_in(STACK_OF(X509) * stack, const X509 *x)
{
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (X509_cmp(sk_X509_value(stack, i), x) == 0)
			return true;
	return false;
}

static bool self_signed(X509 *x)
{
	return (X509_get_extension_flags(x) & EXFLAG_SS) != 0;
}

static X509 *issuer_in(STACK_OF(X509) * stack, X509 *x)
{
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (X509_check_issued(sk_X509_value(stack, i), x) == X509_V_OK)
			return sk_X509_value(stack, i);
	return NULL;
}

/* A CRL of the issuer that is good for a time within the certificate's life. */
static bool crl_speaks(const X509_CRL *crl, X509 *x)
{
	const ASN1_TIME *end = X509_CRL_get0_nextUpdate(crl);

	if (!end)
		end = X509_CRL_get0_lastUpdate(crl);
	return X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(x)) == 0 &&
	       ASN1_TIME_compare(end, X509_get0_notBefore(x)) >= 0;
}

static bool ocsp_speaks(OCSP_BASICRESP *response, X509 *x, X509 *issuer)
{
	struct pki_ocsp_answer answer;

	return issuer && pki_ocsp_answer(response, x, issuer, &answer) == 1;
}

static bool has_revocation(const struct pki_material *m, X509 *x, X509 *issuer)
{
	for (int i = 0; i < sk_X509_CRL_num(m->crls); i++)
		if (crl_speaks(sk_X509_CRL_value(m->crls, i), x))
			return true;
	for (size_t i = 0; i < m->ocsp_count; i++)
		if (ocsp_speaks(m->ocsps[i], x, issuer))
			return true;
	return false;
}

/* Up to an anchor or a certificate that signs itself: whoever has no revocation data on
 * the way lacks it. */
static bool chain_has(
	const struct pki_material *m, const struct pki_material *all, X509 *x)
{
	for (int i = 0; x && i < CHAIN_MAX; i++) {
		X509 *issuer;

		if (is_in(m->anchors, x))
			return true;
		if (self_signed(x))
			return i > 0;
		issuer = issuer_in(m->anchors, x);
		if (!issuer)
			issuer = issuer_in(m->certificates, x);
		if (!issuer)
			issuer = issuer_in(all->certificates, x);
		if (!has_revocation(m, x, issuer))
			return false;
		x = issuer;
	}
	return true;
}

static bool carries_revocation(const struct sig *s)
{
	for (const xmlNode *n = sig_unsigned_first(s); n; n = xml_next(n, NULL, NULL))
		if (sig_is_xades(n, "RevocationValues") ||
			sig_is_xades(n, "TimeStampValidationData"))
			return true;
	return false;
}

bool sig_has_long_term(struct sig_context *c, const struct sig *s)
{
	if (!carries_revocation(s))
		return false;
	if (!c->embedded && sig_material_embedded(c, &c->embedded) < 0)
		return false;
	if (s->signer && !chain_has(c->embedded, c->material, s->signer))
		return false;
	for (size_t i = 0; i < s->token_count; i++)
		if (s->tokens[i].kind == TOKEN_SIGNATURE && s->tokens[i].result.signer &&
			!chain_has(c->embedded, c->material, s->tokens[i].result.signer))
			return false;
	return true;
}
