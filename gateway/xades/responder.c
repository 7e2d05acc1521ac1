/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "pki/ocsp.h"

/* 1: the response speaks for the certificate and its signer is still valid; 2: it speaks
 * and the signer has expired; 0: it does not speak. */
static int judge(
	const struct sig_context *c, OCSP_BASICRESP *response, X509 *x, X509 *issuer)
{
	struct pki_ocsp_answer answer;
	X509 *signer = NULL;
	int64_t from, to;

	if (pki_ocsp_answer(response, x, issuer, &answer) != 1 ||
		pki_ocsp_signer(response, issuer, c->material->certificates,
			c->material->anchors, &signer) != 1 ||
		pki_certificate_validity(signer, &from, &to) < 0)
		return 0;
	return to >= c->options->at ? 1 : 2;
}

static bool has_crl(const struct sig_context *c, X509 *x)
{
	for (int i = 0; i < sk_X509_CRL_num(c->material->crls); i++)
		if (X509_NAME_cmp(
			    X509_CRL_get_issuer(sk_X509_CRL_value(c->material->crls, i)),
			    X509_get_issuer_name(x)) == 0)
			return true;
	return false;
}

bool sig_responders_expired(const struct sig_context *c, const struct sig *s)
{
	STACK_OF(X509) *chain = s->path.chain;
	bool expired = false;
	size_t looked_at = 0;

	if (!chain || sk_X509_num(chain) < 2 || has_crl(c, s->signer))
		return false;
	for (size_t i = 0; i < c->material->ocsp_count && looked_at < SIG_RESPONSES_MAX;
		i++) {
		int r = judge(
			c, c->material->ocsps[i], s->signer, sk_X509_value(chain, 1));

		if (r == 1)
			return false;
		expired |= r == 2;
		looked_at += r != 0;
	}
	return expired;
}
