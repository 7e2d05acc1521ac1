/* SPDX-License-Identifier: EUPL-1.2 */
#include "pki/finder.h"
#include "xades/signature.h"

#include <errno.h>

#define NEVER_TOO_OLD (-1)

/* The general validator takes an anchor as it is given, whatever the dates in it. */
static void trust_anchor(const struct sig_context *c, struct pki_path_result *path)
{
	if (c->options->profile == XADES_EIDAS && path->chain &&
		sk_X509_num(path->chain) == 1 &&
		(path->outcome == PKI_EXPIRED || path->outcome == PKI_NOT_YET_VALID))
		path->outcome = PKI_PASSED;
}

bool sig_ends_in(const struct pki_material *anchors, const struct pki_path_result *path)
{
	int n = path->chain ? sk_X509_num(path->chain) : 0;

	return !anchors ||
	       (n > 0 && pki_finder_has(anchors->anchors, anchors->anchors_sorted,
				 sk_X509_value(path->chain, n - 1)));
}

int64_t sig_revocation_max_age(const struct sig_context *c)
{
	return c->options->profile == XADES_EIDAS && !c->options->fresh_revocation
		       ? NEVER_TOO_OLD
		       : 0;
}

static int path_with(struct sig_context *c, struct sig *s,
	const struct pki_material *material, int64_t at, bool may_be_expired,
	struct pki_path_result *ret_path)
{
	enum xades_profile profile = c->options->profile;
	struct pki_path_request request = {
		.target = s->signer,
		.material = material,
		.at = at,
		.known_at = c->known_at,
		.purpose = PKI_SIGNING,
		.target_may_be_expired = may_be_expired,
		.revocation_max_age = sig_revocation_max_age(c),
		.crl_grace = c->options->crl_grace,
		.ocsp_grace = c->options->ocsp_grace,
		.strength = catalogue_strength,
		.strength_context = &profile,
	};
	int r = pki_path_validate(&request, ret_path);

	if (r == 0 &&
		sig_spend(c, (1 + (uint64_t)ret_path->work) * SIG_WORK_VERIFY) < 0) {
		pki_path_result_done(ret_path);
		return -EDQUOT;
	}
	if (r == 0)
		trust_anchor(c, ret_path);
	if (r == 0 && ret_path->outcome == PKI_PASSED &&
		!sig_ends_in(c->options->signer_anchors, ret_path))
		ret_path->outcome = PKI_NO_PATH;
	return r;
}

/* The anchors that count at that time; whether one that counts no more would do is
 * remembered. */
static int path_at(struct sig_context *c, struct sig *s, int64_t at, bool may_be_expired,
	struct pki_path_result *ret_path)
{
	_cleanup_(pki_material_freep) struct pki_material *own = NULL;
	struct pki_path_result all = { 0 };
	int r = sig_anchors_at(c, at, &own);

	if (r == 0)
		r = path_with(
			c, s, own ? own : c->material, at, may_be_expired, ret_path);
	if (r < 0 || !own || ret_path->outcome != PKI_NO_PATH)
		return r;
	r = path_with(c, s, c->material, at, may_be_expired, &all);
	s->beyond_sunset = r == 0 && all.outcome != PKI_NO_PATH;
	pki_path_result_done(&all);
	return r;
}

static void replace(struct sig *s, struct pki_path_result *path)
{
	pki_path_result_done(&s->path);
	s->path = *path;
	*path = (struct pki_path_result){ 0 };
}

/* The end of the certificate that ends first, from the n-th above the signer's on. */
static int64_t first_end(const struct pki_path_result *path, int n, int64_t at)
{
	for (int i = n; i < sk_X509_num(path->chain); i++) {
		int64_t from, to;

		if (pki_certificate_validity(sk_X509_value(path->chain, i), &from, &to) ==
				0 &&
			to < at)
			at = to;
	}
	return at;
}

/* A CA that has expired says nothing about the signer: what was wrong before it did is
 * what is reported. */
static int look_before_end(struct sig_context *c, struct sig *s, int64_t best)
{
	struct pki_path_result earlier = { 0 };
	int64_t at = first_end(&s->path, 1, best);
	int r = path_at(c, s, at, false, &earlier);

	if (r == 0 && earlier.outcome != PKI_PASSED && earlier.outcome != PKI_EXPIRED &&
		earlier.outcome != PKI_CA_EXPIRED && earlier.outcome != PKI_NOT_YET_VALID)
		replace(s, &earlier);
	pki_path_result_done(&earlier);
	return r;
}

/* Too weak comes before expired (EN 319 102-1 5.2.6 checks it on the way). */
static int look_at_strength(struct sig_context *c, struct sig *s)
{
	struct pki_path_result result = { 0 };
	int r = path_at(c, s, c->options->at, true, &result);

	if (r == 0 && result.outcome == PKI_WEAK)
		replace(s, &result);
	pki_path_result_done(&result);
	return r;
}

static int look_again(struct sig_context *c, struct sig *s, int64_t best)
{
	if (s->path.outcome == PKI_EXPIRED)
		return look_at_strength(c, s);
	return s->path.outcome == PKI_CA_EXPIRED ? look_before_end(c, s, best) : 0;
}

static bool out_of_bounds(const struct pki_path_result *path)
{
	return path->outcome == PKI_EXPIRED || path->outcome == PKI_CA_EXPIRED;
}

/* The gate takes a time-stamp as proof against the end of certificates alone: revocation
 * after it, and revocation data that is out of date, refuse as they would without it. Who
 * holds a stolen key can always show a time-stamp of before the loss was known. So the
 * path must hold when it was proven to exist and, with data that is fresh for it, up to
 * the moment at which its first certificate ended. EN 319 102-1 5.6.2.4 would accept
 * more. */
static int gate_path(struct sig_context *c, struct sig *s, int64_t best)
{
	struct pki_path_result past = { 0 };
	int r = path_at(c, s, c->options->at, false, &s->path);

	if (r < 0 || !out_of_bounds(&s->path) || best >= c->options->at)
		return r < 0 ? r : look_again(c, s, best);
	r = path_at(c, s, first_end(&s->path, 0, c->options->at), false, &past);
	if (r == 0 && past.outcome == PKI_PASSED) {
		pki_path_result_done(&past);
		r = path_at(c, s, best, false, &past);
	}
	if (r == 0)
		replace(s, &past);
	return r;
}

/* The earliest time for which the revocation data in the document is proven to exist. */
static int64_t data_time(const struct sig_context *c, const struct sig *s)
{
	int64_t earliest = c->options->at;

	for (size_t i = 0; i < s->token_count; i++) {
		const struct sig_token *t = &s->tokens[i];

		if (t->passed && t->kind == TOKEN_ARCHIVE &&
			t->result.gen_time < earliest)
			earliest = t->result.gen_time;
	}
	return earliest;
}

/* EN 319 102-1 5.6.2.2: whoever revoked a CA may say since when its key was in other
 * hands, and those can make revocation data. What it signed, the signature's certificate
 * included, must be proven to be older: by an archive time-stamp, or nothing is. */
static int below_revoked_ca(struct sig_context *c, struct sig *s, int64_t best)
{
	struct pki_path_result past = { 0 };
	int64_t proven = data_time(c, s);
	int r;

	if (proven >= c->options->at)
		return 0;
	r = path_at(c, s, best, false, &past);
	if (r == 0 && past.outcome == PKI_PASSED) {
		s->without_proof = proven >= s->path.revoked_at;
		if (!s->without_proof)
			replace(s, &past);
	}
	pki_path_result_done(&past);
	return r;
}

static int general_path(struct sig_context *c, struct sig *s, int64_t best)
{
	struct pki_path_result past = { 0 };
	int r = path_at(c, s, c->options->at, false, &s->path);

	if (r < 0 || s->path.outcome == PKI_PASSED ||
		(s->path.outcome == PKI_NO_PATH && !s->beyond_sunset))
		return r;
	if (s->path.outcome == PKI_REVOKED_CA)
		return below_revoked_ca(c, s, best);
	if (best < c->options->at) {
		r = path_at(c, s, best, false, &past);
		if (r < 0)
			return r;
		if (!out_of_bounds(&past)) {
			replace(s, &past);
			return 0;
		}
		pki_path_result_done(&past);
	}
	return look_again(c, s, best);
}

int sig_path(struct sig_context *c, struct sig *s, int64_t best)
{
	return c->options->profile == XADES_GATE || c->options->fresh_revocation
		       ? gate_path(c, s, best)
		       : general_path(c, s, best);
}
