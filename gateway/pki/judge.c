/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/judge.h"

#include "pki/certificate.h"
#include "pki/chain.h"
#include "pki/revocation.h"
#include "pki/strength.h"

#include <errno.h>
#include <stdio.h>

struct verdict_on {
	enum pki_outcome outcome;
	int depth;
	const char *why;
	int64_t revoked_at;
	bool wants_ocsp;
};

char *pki_about(const X509 *certificate, const char *why)
{
	_cleanup_(freep) char *name = pki_name_text(X509_get_subject_name(certificate));
	char *text;

	if (!name || asprintf(&text, "%s: %s", name[0] ? name : "(no name)", why) < 0)
		return NULL;
	return text;
}

static enum pki_outcome validity_of(X509 *x, int64_t at)
{
	int64_t from, to;

	if (pki_certificate_validity(x, &from, &to) < 0)
		return PKI_CHAIN_INVALID;
	if (at < from)
		return PKI_NOT_YET_VALID;
	return at > to ? PKI_EXPIRED : PKI_PASSED;
}

/* CAs between target and anchor; of an anchor only name and key count. */
static void judge_cas(
	const struct pki_path_request *q, STACK_OF(X509) * chain, struct verdict_on *v)
{
	for (int i = 1; v->outcome == PKI_PASSED && i < sk_X509_num(chain) - 1; i++)
		if (validity_of(sk_X509_value(chain, i), q->at) != PKI_PASSED)
			*v = (struct verdict_on){ PKI_CA_EXPIRED, i,
				"the CA is not valid at the time asked", 0, false };
}

static void judge_lint(
	const struct pki_path_request *q, STACK_OF(X509) * chain, struct verdict_on *v)
{
	if (!q->strict)
		return;
	for (int i = 0; v->outcome == PKI_PASSED && i < sk_X509_num(chain) - 1; i++) {
		_cleanup_findings_ struct findings found = { 0 };

		if (pki_certificate_lint(sk_X509_value(chain, i), &found) != 1)
			*v = (struct verdict_on){ PKI_CHAIN_INVALID, i,
				"it breaks the profile of RFC 5280", 0, false };
	}
}

static void from_revocation(const struct revocation *rev, int depth, struct verdict_on *v)
{
	switch (rev->status) {
	case REVOCATION_GOOD:
		return;
	case REVOCATION_REVOKED:
		v->outcome = depth == 0 ? PKI_REVOKED : PKI_REVOKED_CA;
		v->why = "it is revoked";
		break;
	case REVOCATION_ON_HOLD:
		v->outcome = depth == 0 ? PKI_ON_HOLD : PKI_REVOKED_CA;
		v->why = "it is on hold";
		break;
	case REVOCATION_STALE:
		v->outcome = PKI_STALE_REVOCATION;
		v->why = "its revocation data is out of date";
		break;
	case REVOCATION_NONE:
	default:
		v->outcome = PKI_NO_REVOCATION_DATA;
		v->why = rev->why ? rev->why : "there is no revocation data for it";
	}
	v->depth = depth;
	v->revoked_at = rev->revoked_at;
	v->wants_ocsp = rev->wants_ocsp;
}

/* From the anchor down: data about a certificate counts only below CAs that are good. */
static int judge_revocation(const struct pki_path_request *q, STACK_OF(X509) * chain,
	const struct pki_nest *nest, struct verdict_on *v, bool *weak)
{
	if (q->skip_revocation)
		return 0;
	for (int i = sk_X509_num(chain) - 2; v->outcome == PKI_PASSED && i >= 0; i--) {
		struct revocation_question question = {
			.request = q, .chain = chain, .index = i, .nest = nest
		};
		struct revocation rev;
		int r = pki_revocation_judge(&question, &rev);

		if (r < 0)
			return r;
		from_revocation(&rev, i, v);
		*weak = *weak || rev.weak;
	}
	return 0;
}

static void judge_target_time(
	const struct pki_path_request *q, X509 *target, struct verdict_on *v)
{
	enum pki_outcome outcome = validity_of(target, q->at);

	if (v->outcome != PKI_PASSED || outcome == PKI_PASSED ||
		(outcome == PKI_EXPIRED && q->target_may_be_expired))
		return;
	*v = (struct verdict_on){ outcome, 0,
		outcome == PKI_EXPIRED ? "it has expired" : "it is not valid yet", 0,
		false };
	if (outcome == PKI_CHAIN_INVALID)
		v->why = "its validity cannot be read";
}

static void judge_strength(
	const struct pki_path_request *q, STACK_OF(X509) * chain, struct verdict_on *v)
{
	for (int i = 0; v->outcome == PKI_PASSED && i < sk_X509_num(chain) - 1; i++) {
		char digest[16];

		pki_signature_digest(sk_X509_value(chain, i), digest);
		if (!pki_strong(q, digest, sk_X509_value(chain, i + 1)))
			*v = (struct verdict_on){ PKI_WEAK, i,
				"it is signed with a weak key or algorithm", 0, false };
	}
	if (v->outcome == PKI_PASSED && !pki_strong(q, "", sk_X509_value(chain, 0)))
		*v = (struct verdict_on){ PKI_WEAK, 0, "its key is too weak", 0, false };
}

static int judge_issued(const struct pki_path_request *q, STACK_OF(X509) * chain,
	const struct pki_nest *nest, struct verdict_on *v, bool *weak)
{
	struct chain_trouble trouble;
	int r = pki_chain_check(q, chain, &trouble);

	if (r < 0)
		return r;
	if (trouble.outcome != PKI_PASSED)
		*v = (struct verdict_on){ trouble.outcome, trouble.depth, trouble.why, 0,
			false };
	judge_cas(q, chain, v);
	judge_lint(q, chain, v);
	return judge_revocation(q, chain, nest, v, weak);
}

/* A TLS certificate that is pinned itself still has to be one for that end of TLS. */
static void judge_pinned(
	const struct pki_path_request *q, X509 *target, struct verdict_on *v)
{
	if ((q->purpose == PKI_TLS_CLIENT &&
		    X509_check_purpose(target, X509_PURPOSE_SSL_CLIENT, 0) != 1) ||
		(q->purpose == PKI_TLS_SERVER &&
			X509_check_purpose(target, X509_PURPOSE_SSL_SERVER, 0) != 1))
		*v = (struct verdict_on){ PKI_CONSTRAINTS, 0,
			"it is not for this end of TLS", 0, false };
}

int pki_judge(const struct pki_path_request *request, STACK_OF(X509) * chain,
	const struct pki_nest *nest, struct pki_path_result *ret)
{
	struct verdict_on v = { .outcome = PKI_PASSED };
	struct pki_path_result found = { 0 };
	X509 *target = sk_X509_value(chain, 0);
	bool weak = false;
	int r = 0;

	if (sk_X509_num(chain) > 1)
		r = judge_issued(request, chain, nest, &v, &weak);
	else
		judge_pinned(request, target, &v);
	if (r < 0)
		return r;
	judge_target_time(request, target, &v);
	judge_strength(request, chain, &v);
	if (v.outcome == PKI_PASSED && weak)
		v = (struct verdict_on){ PKI_WEAK, 0,
			"its revocation data is signed with a weak key or algorithm", 0,
			false };
	found.outcome = v.outcome;
	found.revoked_at = v.revoked_at;
	found.wants_ocsp = v.wants_ocsp;
	found.chain = X509_chain_up_ref(chain);
	if (v.depth < 0 || v.depth >= sk_X509_num(chain))
		v.depth = 0;
	found.reason = pki_about(sk_X509_value(chain, v.depth),
		v.outcome == PKI_PASSED ? "the path is valid" : v.why);
	if (!found.chain || !found.reason) {
		pki_path_result_done(&found);
		return -ENOMEM;
	}
	*ret = found;
	return 0;
}
