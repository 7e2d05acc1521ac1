/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/path.h"

#include "pki/chain.h"
#include "pki/errors.h"
#include "pki/finder.h"
#include "pki/judge.h"
#include "pki/proof.h"
#include "pki/revocation.h"

#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>

/* One depth-first search for chains from the target to anchors. */
struct search {
	const struct pki_path_request *request;
	const struct pki_nest *nest;
	STACK_OF(X509) * chain;	 /* borrowed certificates, the one at work last */
	unsigned int proofs;	 /* signatures tried */
	unsigned int chains;	 /* chains judged */
	unsigned int candidates; /* issuers by name looked at */
	bool wrong_signature;	 /* somewhere on the way */
	bool gave_up;
	struct pki_path_result best;
};

/* How much an outcome tells: of several paths the one with the most is reported. */
static int worth(enum pki_outcome outcome)
{
	static const enum pki_outcome order[] = { PKI_UNDECIDED, PKI_NO_PATH,
		PKI_CHAIN_INVALID, PKI_CONSTRAINTS, PKI_CA_EXPIRED, PKI_REVOKED_CA,
		PKI_NO_REVOCATION_DATA, PKI_STALE_REVOCATION, PKI_WEAK, PKI_NOT_YET_VALID,
		PKI_EXPIRED, PKI_ON_HOLD, PKI_REVOKED, PKI_PASSED };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i] == outcome)
			return (int)i;
	return 0;
}

static int keep_better(struct search *s, struct pki_path_result *found)
{
	if (worth(found->outcome) > worth(s->best.outcome)) {
		pki_path_result_done(&s->best);
		s->best = *found;
	} else {
		pki_path_result_done(found);
	}
	return 0;
}

static int judge_chain(struct search *s)
{
	struct pki_path_result found = { 0 };
	int r;

	if (s->chains++ >= PKI_CHAINS_MAX) {
		s->gave_up = true;
		return 0;
	}
	r = pki_judge(s->request, s->chain, s->nest, &found);
	return r < 0 ? r : keep_better(s, &found);
}

/* By the octets of the key: it is asked often, and only keeps a chain from going round.
 */
static bool same_name_and_key(const X509 *a, const X509 *b)
{
	const ASN1_BIT_STRING *x = X509_get0_pubkey_bitstr(a);
	const ASN1_BIT_STRING *y = X509_get0_pubkey_bitstr(b);

	return x && y && ASN1_STRING_cmp(x, y) == 0 &&
	       X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0;
}

static bool in_chain(const struct search *s, X509 *x)
{
	for (int i = 0; i < sk_X509_num(s->chain); i++)
		if (same_name_and_key(sk_X509_value(s->chain, i), x))
			return true;
	return false;
}

static bool is_anchor(const struct search *s, X509 *x)
{
	const struct pki_material *m = s->request->material;

	return pki_finder_has(m->anchors, m->anchors_sorted, x);
}

/* Return: 1 issuer signed x, 0 not, negative undecided. */
static int issued(struct search *s, X509 *x, X509 *issuer)
{
	int r;

	if (s->proofs++ >= PKI_PROOFS_MAX || !pki_spend(s->nest, issuer)) {
		s->gave_up = true;
		return 0;
	}
	r = pki_proof_certificate(
		x, issuer, sk_X509_num(s->chain) > 1 || s->nest->depth > 0);
	if (r == 0)
		s->wrong_signature = true;
	return r;
}

static int extend(struct search *s);

/* Try one issuer of the last certificate of the chain. Return: 0 or negative undecided.
 */
static int try_issuer(struct search *s, X509 *issuer, bool anchor)
{
	X509 *x = sk_X509_value(s->chain, sk_X509_num(s->chain) - 1);
	int r;

	if (s->candidates++ >= PKI_CANDIDATES_MAX) {
		s->gave_up = true;
		return 0;
	}
	if (!anchor && (in_chain(s, issuer) || is_anchor(s, issuer)))
		return 0;
	r = issued(s, x, issuer);
	if (r <= 0)
		return r;
	if (!sk_X509_push(s->chain, issuer))
		return -ENOMEM;
	r = anchor ? judge_chain(s) : extend(s);
	sk_X509_pop(s->chain);
	return r;
}

static bool finished(const struct search *s)
{
	return s->best.outcome == PKI_PASSED || s->gave_up;
}

static int try_list(
	struct search *s, const STACK_OF(X509) * list, size_t sorted, bool anchor)
{
	X509 *x = sk_X509_value(s->chain, sk_X509_num(s->chain) - 1), *issuer;
	struct pki_finder f;

	pki_finder_begin(&f, list, sorted, X509_get_issuer_name(x));
	while (!finished(s) && (issuer = pki_finder_next(&f))) {
		int r = try_issuer(s, issuer, anchor);

		if (r < 0)
			return r;
	}
	return 0;
}

static int extend(struct search *s)
{
	const struct pki_material *m = s->request->material;
	int r;

	if (sk_X509_num(s->chain) >= PKI_CHAIN_MAX)
		return 0;
	r = try_list(s, m->anchors, m->anchors_sorted, true);
	if (r == 0)
		r = try_list(s, m->certificates, m->certificates_sorted, false);
	return r;
}

static int nothing_found(struct search *s)
{
	const char *why = "no path leads from it to a trust anchor";

	if (s->best.outcome != PKI_UNDECIDED)
		return 0;
	if (s->gave_up)
		why = "its paths are more than are tried";
	else if (s->wrong_signature)
		why = "no path leads to a trust anchor: a signature on the way is wrong";
	s->best.outcome = PKI_NO_PATH;
	s->best.reason = pki_about(s->request->target, why);
	return s->best.reason ? 0 : -ENOMEM;
}

static int run(struct search *s)
{
	X509 *target = s->request->target;
	int r;

	if (!sk_X509_push(s->chain, target))
		return -ENOMEM;
	r = is_anchor(s, target) ? judge_chain(s) : extend(s);
	if (r == 0)
		r = nothing_found(s);
	return r;
}

int pki_path_nested(const struct pki_path_request *request, const struct pki_nest *nest,
	struct pki_path_result *ret_result)
{
	struct search s = { .request = request, .nest = nest };
	int r;

	if (!request->target || !request->material)
		return -EINVAL;
	s.chain = sk_X509_new_reserve(NULL, PKI_CHAIN_MAX + 1);
	r = s.chain ? run(&s) : -ENOMEM;
	sk_X509_free(s.chain);
	pki_errors_clear();
	if (r < 0)
		pki_path_result_done(&s.best);
	else
		*ret_result = s.best;
	return r;
}

int pki_path_validate(
	const struct pki_path_request *request, struct pki_path_result *ret_result)
{
	unsigned int work = 0;
	struct pki_nest nest = { .work = &work };
	struct pki_path_result result = { 0 };
	int r;

	pki_errors_begin();
	r = pki_path_nested(request, &nest, &result);
	if (r == 0 && pki_errors_memory())
		r = -ENOMEM;
	result.work = work;
	if (r < 0)
		pki_path_result_done(&result);
	else
		*ret_result = result;
	return r;
}

void pki_path_result_done(struct pki_path_result *r)
{
	free(r->reason);
	sk_X509_pop_free(r->chain, X509_free);
	*r = (struct pki_path_result){ 0 };
}

const char *pki_outcome_text(enum pki_outcome outcome)
{
	switch (outcome) {
	case PKI_PASSED:
		return "";
	case PKI_NO_PATH:
		return "NO_CERTIFICATE_CHAIN_FOUND";
	case PKI_CONSTRAINTS:
		return "CHAIN_CONSTRAINTS_FAILURE";
	case PKI_EXPIRED:
		return "OUT_OF_BOUNDS_NOT_REVOKED";
	case PKI_NOT_YET_VALID:
	case PKI_CA_EXPIRED:
		return "OUT_OF_BOUNDS_NO_POE";
	case PKI_REVOKED:
		return "REVOKED_NO_POE";
	case PKI_REVOKED_CA:
		return "REVOKED_CA_NO_POE";
	case PKI_STALE_REVOCATION:
	case PKI_ON_HOLD:
		return "TRY_LATER";
	case PKI_WEAK:
		return "CRYPTO_CONSTRAINTS_FAILURE_NO_POE";
	case PKI_UNDECIDED:
	case PKI_CHAIN_INVALID:
	case PKI_NO_REVOCATION_DATA:
	default:
		return "CERTIFICATE_CHAIN_GENERAL_FAILURE";
	}
}

bool pki_outcome_wanting(enum pki_outcome outcome)
{
	return outcome == PKI_NO_PATH || outcome == PKI_NO_REVOCATION_DATA ||
	       outcome == PKI_STALE_REVOCATION;
}
