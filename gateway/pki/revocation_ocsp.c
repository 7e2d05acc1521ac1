/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/certificate.h"
#include "pki/freshness.h"
#include "pki/ocsp.h"
#include "pki/proof.h"
#include "pki/revocation.h"
#include "pki/strength.h"

#include <openssl/x509v3.h>

/* The issuer, somebody it delegated, somebody a CA above it delegated (who could as well have
 * withdrawn the issuer), or a responder that is configured as an anchor. */
static bool may_answer(const struct revocation_question *q, X509 *signer)
{
	const STACK_OF(X509) *anchors = q->request->material->anchors;

	for (int i = q->index + 1; i < sk_X509_num(q->chain); i++)
		if (pki_ocsp_delegated(signer, sk_X509_value(q->chain, i)))
			return true;
	for (int i = 0; i < sk_X509_num(anchors); i++)
		if (X509_cmp(sk_X509_value(anchors, i), signer) == 0)
			return X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN;
	return false;
}

/* RFC 6960 4.2.2.2.1: nocheck, or the responder's own revocation data where there is any. */
static int responder_trusted(const struct revocation_question *q, X509 *signer,
	const struct pki_kept *k)
{
	bool nocheck = X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) >= 0;
	int64_t from, to;

	if (sk_X509_num(q->chain) > q->index + 1 &&
		X509_cmp(signer, sk_X509_value(q->chain, q->index + 1)) == 0)
		return 1;
	if (pki_certificate_validity(signer, &from, &to) < 0)
		return 0;
	return pki_revocation_signer_trusted(q, signer, PKI_OCSP, nocheck, k);
}

static int judge_response(const struct revocation_question *q, OCSP_BASICRESP *response,
	const struct pki_kept *k, struct revocation_facts *f)
{
	X509 *x = sk_X509_value(q->chain, q->index);
	X509 *issuer = sk_X509_value(q->chain, q->index + 1);
	struct pki_ocsp_answer a = { 0 };
	struct revocation_fact fact = { 0 };
	char digest[16];
	X509 *signer = NULL;
	int r = pki_ocsp_answer(response, x, issuer, &a);

	if (r <= 0)
		return r;
	if (!pki_revocation_speaks(q, a.this_update, INT64_MIN, &f->why) ||
		!pki_revocation_speaks(q, a.produced_at, INT64_MIN, &f->why))
		return 0;
	if (a.status == PKI_OCSP_UNKNOWN) {
		f->why = "the OCSP responder does not know the certificate";
		return 0;
	}
	r = pki_ocsp_signer(response, issuer, q->request->material->certificates, &signer);
	if (r <= 0) {
		f->why = "the OCSP response has a wrong signature or lacks its signer";
		return r;
	}
	pki_algorithm_digest(OCSP_resp_get0_tbs_sigalg(response), digest);
	if (!pki_strong(q->request, digest, signer)) {
		f->why = "the OCSP response is signed with a weak algorithm";
		return 0;
	}
	r = may_answer(q, signer) ? responder_trusted(q, signer, k) : 0;
	if (r <= 0) {
		f->why = "the OCSP responder may not answer for the certificate";
		return r;
	}
	fact.this_update = a.this_update;
	fact.stale = !pki_fresh(a.this_update, a.next_update, q->request->at,
		q->request->revocation_max_age);
	fact.revoked = a.status == PKI_OCSP_REVOKED;
	fact.hold = fact.revoked && a.reason == OCSP_REVOKED_STATUS_CERTIFICATEHOLD;
	fact.revoked_at = a.revoked_at;
	pki_fact_add(f, &fact);
	return 0;
}

int pki_revocation_by_ocsp(const struct revocation_question *q, struct revocation_facts *f)
{
	const struct pki_material *m = q->request->material;

	for (size_t i = 0; i < m->ocsp_count; i++) {
		const struct pki_kept *k = m->ocsp_notes[i];
		int r = 0;

		if (pki_revocation_free(q, k))
			r = judge_response(q, m->ocsps[i], k, f);
		if (r < 0)
			return r;
	}
	return 0;
}
