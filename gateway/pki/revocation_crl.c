/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/finder.h"
#include "pki/freshness.h"
#include "pki/proof.h"
#include "pki/revocation.h"
#include "pki/scope.h"
#include "pki/strength.h"

#include <openssl/err.h>

/* One CRL while it is judged. */
struct candidate {
	X509_CRL *crl;
	const struct pki_kept *k;
	unsigned int reasons; /* it speaks about */
	bool weak;	      /* its signature, or that of its delta CRL */
};

static bool kept_fresh(const struct revocation_question *q, const struct pki_kept *k)
{
	return pki_fresh(k->this_update,
		pki_fresh_until(k->next_update, q->request->crl_grace), q->request->at,
		q->request->revocation_max_age);
}

static void note_strength(
	const struct revocation_question *q, struct candidate *c, X509 *signer)
{
	const X509_ALGOR *algorithm;
	char digest[16];

	X509_CRL_get0_signature(c->crl, NULL, &algorithm);
	pki_algorithm_digest(algorithm, digest);
	c->weak = !pki_strong(q->request, digest, signer);
}

/* Whether x signed the CRL and may: the proof decides, for several certificates may have
 * the name. Return: 1, 0, negative undecided. */
static int signed_by(const struct revocation_question *q, struct candidate *c, X509 *x)
{
	struct revocation_signer s = { .who = x, .at = q->request->at, .data = c->k };
	int r;

	if (!pki_may_sign_crls(x) || !pki_spend(q->nest, x))
		return 0;
	r = pki_proof_crl(c->crl, c->k->sha256, x);
	if (r <= 0)
		return r;
	note_strength(q, c, x);
	if (c->k->this_update > s.at)
		s.at = c->k->this_update;
	return pki_revocation_signer_trusted(q, &s, &c->weak);
}

static int signed_from(const struct revocation_question *q, struct candidate *c,
	const STACK_OF(X509) * list, size_t sorted)
{
	struct pki_finder f;
	X509 *x;
	int r = 0;

	pki_finder_begin(&f, list, sorted, X509_CRL_get_issuer(c->crl));
	while (r == 0 && (x = pki_finder_next(&f)))
		r = signed_by(q, c, x);
	return r;
}

static int signed_in_chain(const struct revocation_question *q, struct candidate *c)
{
	const X509_NAME *name = X509_CRL_get_issuer(c->crl);
	int r = 0;

	for (int i = q->index + 1; r == 0 && i < sk_X509_num(q->chain); i++)
		if (X509_NAME_cmp(
			    X509_get_subject_name(sk_X509_value(q->chain, i)), name) == 0)
			r = signed_by(q, c, sk_X509_value(q->chain, i));
	return r;
}

/* Return: 1 signed by somebody who may, 0 not, negative undecided. */
static int signature_counts(const struct revocation_question *q, struct candidate *c)
{
	const struct pki_material *m = q->request->material;
	int r = signed_in_chain(q, c);

	if (r == 0)
		r = signed_from(q, c, m->certificates, m->certificates_sorted);
	if (r == 0)
		r = signed_from(q, c, m->anchors, m->anchors_sorted);
	return r;
}

/* Look the certificate up. Return: 0 not listed, 1 listed, 2 removed from the list. */
static int look_up(const struct candidate *c, X509 *x, struct revocation_fact *fact)
{
	X509_REVOKED *entry = NULL;
	ASN1_ENUMERATED *reason;
	int r = X509_CRL_get0_by_cert(c->crl, &entry, x);

	if (r != 1)
		return r;
	fact->revoked = true;
	/* A date that cannot be read is as early as can be. */
	if (pki_asn1_time(X509_REVOKED_get0_revocationDate(entry), &fact->revoked_at) < 0)
		fact->revoked_at = INT64_MIN;
	reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	fact->hold = reason && ASN1_ENUMERATED_get(reason) == CRL_REASON_CERTIFICATE_HOLD;
	ASN1_ENUMERATED_free(reason);
	return 1;
}

/* The newest delta CRL that brings c up to date. Return: 1, 0 none, negative undecided.
 */
static int find_delta(const struct revocation_question *q, const struct candidate *c,
	struct candidate *ret_delta)
{
	const struct pki_material *m = q->request->material;
	struct candidate best = { 0 };

	for (int i = 0; i < sk_X509_CRL_num(m->crls); i++) {
		struct candidate d = { .crl = sk_X509_CRL_value(m->crls, i),
			.k = m->crl_notes[i],
			.reasons = c->reasons };
		int r;

		if (!d.k->usable || !pki_revocation_free(q, d.k) ||
			!pki_delta_fits(c->crl, d.crl) ||
			d.k->this_update > pki_known_at(q->request) ||
			!kept_fresh(q, d.k) ||
			(best.crl && d.k->this_update <= best.k->this_update))
			continue;
		r = signature_counts(q, &d);
		if (r < 0)
			return r;
		if (r == 1)
			best = d;
	}
	*ret_delta = best;
	return best.crl != NULL;
}

static int fact_of(const struct revocation_question *q, const struct candidate *c,
	struct revocation_fact *ret)
{
	X509 *x = sk_X509_value(q->chain, q->index);
	struct revocation_fact fact = { .this_update = c->k->this_update,
		.weak = c->weak };
	struct candidate delta;
	int r = find_delta(q, c, &delta), listed = 0;

	if (r < 0)
		return r;
	fact.stale = !kept_fresh(q, c->k);
	if (r == 1)
		listed = look_up(&delta, x, &fact);
	if (listed == 0)
		look_up(c, x, &fact);
	if (r == 1 && delta.k->this_update > fact.this_update)
		fact.this_update = delta.k->this_update;
	fact.weak = fact.weak || (r == 1 && delta.weak);
	*ret = fact;
	return 0;
}

/* A CRL issuer whose certificate names the issuer's own CRL for its revocation: the one
 * case in which a CRL speaks about its signer. The CA said so in the certificate. */
static bool speaks_of_itself(
	const struct revocation_question *q, const struct candidate *c)
{
	X509 *x = sk_X509_value(q->chain, q->index);

	return q->nest->depth > 0 && q->index == 0 && pki_may_sign_crls(x) &&
	       X509_NAME_cmp(X509_get_subject_name(x), X509_CRL_get_issuer(c->crl)) ==
		       0 &&
	       X509_NAME_cmp(X509_get_issuer_name(x), X509_CRL_get_issuer(c->crl)) != 0;
}

/* Return: 1 the CRL counts and *ret says what, 0 it does not, negative undecided. */
static int judge_crl(const struct revocation_question *q, struct candidate *c,
	struct revocation_facts *f, struct revocation_fact *ret)
{
	bool itself = !pki_revocation_free(q, c->k);
	X509 *x = sk_X509_value(q->chain, q->index);
	int r;

	if (!c->k->usable || (itself && !speaks_of_itself(q, c)) ||
		!pki_scope_covers(x, c->crl, &c->reasons))
		return 0;
	if (!pki_revocation_speaks(q, c->k->this_update, c->k->expired_from, &f->why))
		return 0;
	r = itself ? pki_proof_crl(c->crl, c->k->sha256, x) : signature_counts(q, c);
	if (r == 0)
		f->why = "a CRL has faults, a wrong signature or an issuer that may not "
			 "sign it";
	if (r == 1 && fact_of(q, c, ret) < 0)
		return -1;
	return r;
}

/* What the CRLs that do not list the certificate add up to. */
struct coverage {
	unsigned int strong; /* reasons */
	unsigned int any;    /* reasons, by weak signatures too */
	bool stale;	     /* some CRL would count but for its age */
	int64_t oldest;
};

static void cover(struct coverage *cov, const struct candidate *c,
	const struct revocation_fact *fact)
{
	if (fact->stale) {
		cov->stale = true;
		return;
	}
	cov->any |= c->reasons;
	if (!fact->weak)
		cov->strong |= c->reasons;
	if (fact->this_update < cov->oldest)
		cov->oldest = fact->this_update;
}

/* A certificate is good once fresh CRLs for all reasons do not list it; the fact is then
 * as old as the oldest of them. */
static void conclude(struct revocation_facts *f, const struct coverage *cov)
{
	struct revocation_fact good = { .this_update = cov->oldest };

	good.stale = cov->any != PKI_ALL_REASONS;
	good.weak = cov->strong != PKI_ALL_REASONS;
	if (!good.stale || cov->stale)
		pki_fact_add(f, &good);
	else if (cov->any)
		f->why = "the CRLs do not cover all reasons";
}

int pki_revocation_by_crl(const struct revocation_question *q, struct revocation_facts *f)
{
	const struct pki_material *m = q->request->material;
	struct coverage cov = { .oldest = INT64_MAX };

	for (int i = 0; i < sk_X509_CRL_num(m->crls); i++) {
		struct candidate c = { .crl = sk_X509_CRL_value(m->crls, i),
			.k = m->crl_notes[i] };
		struct revocation_fact fact = { 0 };
		int r = judge_crl(q, &c, f, &fact);

		if (r < 0)
			return r;
		if (r == 1 && fact.revoked)
			pki_fact_add(f, &fact);
		else if (r == 1)
			cover(&cov, &c, &fact);
	}
	conclude(f, &cov);
	return 0;
}
