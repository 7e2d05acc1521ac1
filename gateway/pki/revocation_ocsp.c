/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/certificate.h"
#include "pki/finder.h"
#include "pki/freshness.h"
#include "pki/ocsp.h"
#include "pki/proof.h"
#include "pki/revocation.h"
#include "pki/strength.h"

#include <errno.h>
#include <openssl/x509v3.h>

/* The issuer, somebody it delegated, somebody a CA above it delegated (who could as well
 * have withdrawn the issuer), or a responder that is configured as an anchor. */
static bool may_answer(const struct revocation_question *q, X509 *signer)
{
	const struct pki_material *m = q->request->material;

	for (int i = q->index + 1; i < sk_X509_num(q->chain); i++)
		if (pki_ocsp_delegated(signer, sk_X509_value(q->chain, i)))
			return true;
	return (X509_get_extension_flags(signer) & EXFLAG_XKUSAGE) &&
	       (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) &&
	       pki_finder_has(m->anchors, m->anchors_sorted, signer);
}

/* RFC 6960 4.2.2.2.1: nocheck, or the responder's own revocation data. The responder's
 * certificate has to be good when the response was made: such certificates live briefly.
 */
static int responder_trusted(const struct revocation_question *q, X509 *signer,
	int64_t produced_at, const struct pki_kept *k, bool *ret_weak)
{
	struct revocation_signer s = {
		.who = signer, .at = produced_at, .purpose = PKI_OCSP, .data = k
	};

	s.skip_revocation =
		X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) >= 0;
	return may_answer(q, signer) ? pki_revocation_signer_trusted(q, &s, ret_weak) : 0;
}

/* Return: 1 signed by somebody who may answer, 0 not, negative undecided. */
static int signature_counts(const struct revocation_question *q, OCSP_BASICRESP *response,
	const struct pki_kept *k, const struct pki_ocsp_answer *a,
	struct revocation_fact *fact, const char **ret_why)
{
	X509 *issuer = sk_X509_value(q->chain, q->index + 1), *signer = NULL;
	char digest[16];
	int r = pki_ocsp_signer_nested(
		response, issuer, q->request->material, q->nest, &signer);

	if (r <= 0) {
		*ret_why = "the OCSP response has a wrong signature or lacks its signer";
		return r;
	}
	pki_algorithm_digest(OCSP_resp_get0_tbs_sigalg(response), digest);
	fact->weak = !pki_strong(q->request, digest, signer);
	r = responder_trusted(q, signer, a->produced_at, k, &fact->weak);
	if (r == 0)
		*ret_why = "the OCSP responder may not answer for the certificate";
	return r;
}

static int judge_response(const struct revocation_question *q, OCSP_BASICRESP *response,
	const struct pki_kept *k, struct revocation_facts *f)
{
	struct pki_ocsp_answer a = { 0 };
	struct revocation_fact fact = { 0 };
	int r;

	pki_spend_looks(q->nest, OCSP_resp_count(response));
	if (*q->nest->work >= PKI_WORK_MAX) {
		f->overflow = true;
		return 0;
	}
	r = pki_ocsp_answer(response, sk_X509_value(q->chain, q->index),
		sk_X509_value(q->chain, q->index + 1), &a);
	if (r <= 0)
		return r;
	if (!pki_revocation_speaks(q, a.this_update, INT64_MIN, &f->why) ||
		!pki_revocation_speaks(q, a.produced_at, INT64_MIN, &f->why))
		return 0;
	if (a.status == PKI_OCSP_UNKNOWN) {
		f->why = "the OCSP responder does not know the certificate";
		return 0;
	}
	r = signature_counts(q, response, k, &a, &fact, &f->why);
	if (r == -E2BIG)
		f->overflow = true; /* the signer may be among those not tried */
	if (r <= 0)
		return r == -E2BIG ? 0 : r;
	fact.this_update = a.this_update;
	fact.stale = !pki_fresh(a.this_update,
		pki_fresh_until(a.next_update, q->request->ocsp_grace), q->request->at,
		q->request->revocation_max_age);
	fact.revoked = a.status == PKI_OCSP_REVOKED;
	fact.hold = fact.revoked && a.reason == OCSP_REVOKED_STATUS_CERTIFICATEHOLD;
	fact.revoked_at = a.revoked_at;
	pki_fact_add(f, &fact);
	return 0;
}

int pki_revocation_by_ocsp(
	const struct revocation_question *q, struct revocation_facts *f)
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
