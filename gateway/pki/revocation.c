/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/revocation.h"

#include "pki/certificate.h"
#include "pki/errors.h"
#include "pki/finder.h"
#include "pki/strength.h"

#include <errno.h>
#include <openssl/x509v3.h>

int64_t pki_known_at(const struct pki_path_request *r)
{
	return r->known_at > r->at ? r->known_at : r->at;
}

void pki_fact_add(struct revocation_facts *f, const struct revocation_fact *fact)
{
	if (f->count < PKI_FACTS_MAX) {
		f->list[f->count++] = *fact;
		return;
	}
	f->overflow = true;
	f->why = "there is more revocation data than is looked at";
	/* A document may carry any number of good answers: none displaces a revocation.
	 */
	for (size_t i = 0; fact->revoked && i < f->count; i++)
		if (!f->list[i].revoked) {
			f->list[i] = *fact;
			return;
		}
}

bool pki_revocation_free(const struct revocation_question *q, const struct pki_kept *k)
{
	for (size_t i = 0; i < q->nest->busy_count; i++)
		if (q->nest->busy[i] == k)
			return false;
	return true;
}

bool pki_revocation_speaks(const struct revocation_question *q, int64_t this_update,
	int64_t expired_from, const char **ret_why)
{
	int64_t from, to;

	if (pki_certificate_validity(sk_X509_value(q->chain, q->index), &from, &to) < 0)
		return false;
	if (this_update > pki_known_at(q->request))
		*ret_why = "the revocation data is later than the time asked";
	else if (this_update < from)
		*ret_why = "the revocation data is older than the certificate";
	else if (this_update > to && expired_from > to)
		*ret_why = "the revocation data is later than the certificate's end and "
			   "does "
			   "not keep expired certificates";
	else
		return true;
	return false;
}

bool pki_strong(const struct pki_path_request *r, const char *digest, X509 *signer)
{
	struct pki_key_info info;

	pki_key_info(X509_get0_pubkey(signer), &info);
	if (r->strength)
		return r->strength(r->strength_context, digest, &info, r->at);
	return pki_strength_acceptable(NULL, digest, &info, r->at);
}

static bool in_chain_above(const struct revocation_question *q, X509 *who)
{
	for (int i = q->index + 1; i < sk_X509_num(q->chain); i++)
		if (X509_cmp(sk_X509_value(q->chain, i), who) == 0)
			return true;
	return false;
}

static bool is_valid_at(X509 *x, int64_t at)
{
	int64_t from, to;

	return pki_certificate_validity(x, &from, &to) == 0 && from <= at && at <= to;
}

/* An anchor signs CRLs for its own name; one that was made for OCSP is a responder of
 * this very configuration (RFC 6960 4.2.2.2, criterion 1). */
static bool is_fitting_anchor(
	const struct revocation_question *q, const struct revocation_signer *s)
{
	const struct pki_material *m = q->request->material;
	X509 *target = sk_X509_value(q->chain, q->index);

	if (!pki_finder_has(m->anchors, m->anchors_sorted, s->who))
		return false;
	if (s->purpose == PKI_OCSP)
		return is_valid_at(s->who, s->at);
	return X509_NAME_cmp(
		       X509_get_subject_name(s->who), X509_get_issuer_name(target)) == 0;
}

/* The path of the signer ends where the path in question ends. */
static int path_of_signer(const struct revocation_question *q,
	const struct pki_path_request *request, const struct pki_nest *nest,
	bool *ret_weak)
{
	X509 *anchor = sk_X509_value(q->chain, sk_X509_num(q->chain) - 1);
	struct pki_path_result result = { 0 };
	int r = pki_path_nested(request, nest, &result);

	if (r < 0)
		return r;
	if (result.outcome == PKI_PASSED || result.outcome == PKI_WEAK)
		r = X509_cmp(sk_X509_value(result.chain, sk_X509_num(result.chain) - 1),
			    anchor) == 0;
	if (result.outcome == PKI_WEAK)
		*ret_weak = true;
	pki_path_result_done(&result);
	return r;
}

int pki_revocation_signer_trusted(const struct revocation_question *q,
	const struct revocation_signer *s, bool *ret_weak)
{
	struct pki_path_request nested = *q->request;
	struct pki_nest nest = *q->nest;

	if (in_chain_above(q, s->who) || is_fitting_anchor(q, s))
		return 1;
	if (nest.depth >= PKI_NESTING_MAX || nest.busy_count >= PKI_NESTING_MAX)
		return 0;
	nest.depth++;
	nest.busy[nest.busy_count++] = s->data;
	nested.target = s->who;
	nested.at = s->at;
	nested.known_at = pki_known_at(q->request);
	nested.purpose = s->purpose;
	nested.skip_revocation = s->skip_revocation;
	nested.target_may_be_expired = false;
	nested.policy_oids = NULL;
	nested.explicit_policy = false;
	return path_of_signer(q, &nested, &nest, ret_weak);
}

/* The earliest final revocation at or before the time asked. */
static const struct revocation_fact *revocation_in(
	const struct revocation_facts *f, int64_t at)
{
	const struct revocation_fact *first = NULL;

	for (size_t i = 0; i < f->count; i++) {
		const struct revocation_fact *fact = &f->list[i];

		if (fact->revoked && !fact->hold && fact->revoked_at <= at &&
			(!first || fact->revoked_at < first->revoked_at))
			first = fact;
	}
	return first;
}

static const struct revocation_fact *newest_in(const struct revocation_facts *f)
{
	const struct revocation_fact *newest = NULL;

	for (size_t i = 0; i < f->count; i++)
		if (!f->list[i].stale &&
			(!newest || f->list[i].this_update > newest->this_update))
			newest = &f->list[i];
	return newest;
}

/* Revoked later is good at the time asked. */
static bool some_strong_good(const struct revocation_facts *f, int64_t at)
{
	for (size_t i = 0; i < f->count; i++)
		if (!f->list[i].stale && !f->list[i].weak &&
			(!f->list[i].revoked || f->list[i].revoked_at > at))
			return true;
	return false;
}

/* Of facts that count a final revocation decides, stale or not; else the newest fresh
 * fact, which is how a hold ends. */
static void weigh(const struct revocation_facts *f, int64_t at, struct revocation *ret)
{
	const struct revocation_fact *fact = revocation_in(f, at);

	if (fact) {
		ret->status = REVOCATION_REVOKED;
		ret->revoked_at = fact->revoked_at;
		return;
	}
	fact = newest_in(f);
	if (!fact) {
		ret->status = f->count ? REVOCATION_STALE : REVOCATION_NONE;
	} else if (fact->revoked && fact->revoked_at <= at) {
		ret->status = REVOCATION_ON_HOLD;
		ret->revoked_at = fact->revoked_at;
	} else {
		ret->status = REVOCATION_GOOD;
		ret->weak = !some_strong_good(f, at);
	}
}

/* What would say more: a CA that names a responder and no CRL answers by OCSP alone. */
static bool names_responder_only(X509 *x)
{
	STACK_OF(OPENSSL_STRING) *urls = X509_get1_ocsp(x);
	bool only = urls && X509_get_ext_by_NID(x, NID_crl_distribution_points, -1) < 0;

	X509_email_free(urls);
	return only;
}

int pki_revocation_judge(const struct revocation_question *q, struct revocation *ret)
{
	struct revocation_facts facts;
	size_t by_ocsp;
	int r;

	facts.count = 0;
	facts.overflow = false;
	facts.why = NULL;
	*ret = (struct revocation){ 0 };
	r = pki_revocation_by_ocsp(q, &facts);
	by_ocsp = facts.count;
	if (r == 0)
		r = pki_revocation_by_crl(q, &facts);
	if (r < 0)
		return r;
	weigh(&facts, q->request->at, ret);
	/* Whatever was not looked at may be the revocation. */
	if ((facts.overflow || *q->nest->work >= PKI_WORK_MAX) &&
		ret->status != REVOCATION_REVOKED)
		ret->status = REVOCATION_NONE;
	ret->why = facts.why;
	ret->wants_ocsp =
		by_ocsp > 0 || (facts.count == 0 && names_responder_only(sk_X509_value(
							    q->chain, q->index)));
	pki_errors_clear();
	return 0;
}
