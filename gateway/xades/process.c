/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <errno.h>
#include <stdio.h>

void sig_decide(
	struct xades_signature *ret, enum xades_indication indication, const char *sub)
{
	ret->indication = indication;
	(void)snprintf(ret->sub_indication, sizeof(ret->sub_indication), "%s", sub);
}

/* FC, ISC and CV. Return: true when nothing was decided yet. */
static bool core_passes(const struct sig *s, struct xades_signature *ret)
{
	if (s->malformed || s->duplicate_id)
		sig_decide(ret, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	else if (!s->identified)
		sig_decide(ret, XADES_INDETERMINATE, "NO_SIGNING_CERTIFICATE_FOUND");
	else if (!ret->refs_found)
		sig_decide(ret, XADES_INDETERMINATE, "SIGNED_DATA_NOT_FOUND");
	else if (!ret->refs_intact)
		sig_decide(ret, XADES_TOTAL_FAILED, "HASH_FAILURE");
	else if (!ret->sig_value_ok)
		sig_decide(ret, XADES_TOTAL_FAILED, "SIG_CRYPTO_FAILURE");
	else
		return true;
	return false;
}

/* Earliest genTime of a signature time-stamp (or a later one over the signature) that
 * passed, else the time of validation. */
static int64_t best_time(const struct sig_context *c, const struct sig *s)
{
	int64_t best = c->options->at;

	for (size_t i = 0; i < s->token_count; i++) {
		const struct sig_token *t = &s->tokens[i];

		if (t->passed && t->result.gen_time < best && t->kind != TOKEN_ALL_DATA &&
			t->kind != TOKEN_INDIVIDUAL_DATA && t->kind != TOKEN_REFS_ONLY)
			best = t->result.gen_time;
	}
	return best;
}

static bool algorithms_hold(const struct sig_context *c, const struct sig *s, int64_t at)
{
	enum xades_profile profile = c->options->profile;
	struct pki_key_info info;

	pki_key_info(s->key, &info);
	/* Only EdDSA has its digest in the method itself. */
	if (s->method->key != METHOD_EDDSA &&
		(!s->digest_name || !catalogue_digest(profile, s->digest_name, at)))
		return false;
	for (size_t i = 0; i < s->reference_count; i++)
		if (!catalogue_digest(profile, s->references[i].digest->name, at))
			return false;
	return catalogue_key(profile, &info, s->pss, at);
}

/* The claimed time is no proof, but one outside the certificate's life contradicts it. */
static bool claimed_time_fits(const struct sig *s)
{
	int64_t from, to;

	return s->signing_time == 0 ||
	       (pki_certificate_validity(s->signer, &from, &to) == 0 &&
		       s->signing_time >= from && s->signing_time <= to);
}

/* The latest time for which what was signed is proven to exist already before it was
 * signed; 0: none. The signature is younger. */
static int64_t content_time(const struct sig *s)
{
	int64_t latest = 0;

	for (size_t i = 0; i < s->token_count; i++) {
		const struct sig_token *t = &s->tokens[i];

		if (t->passed && t->result.gen_time > latest &&
			(t->kind == TOKEN_ALL_DATA || t->kind == TOKEN_INDIVIDUAL_DATA))
			latest = t->result.gen_time;
	}
	return latest;
}

/* EN 319 102-1 5.3.4: signed after the end of the certificate. Return: the word, or NULL.
 */
static const char *signed_too_late(const struct sig *s)
{
	int64_t from, to, content = content_time(s);

	if (content == 0)
		return NULL;
	if (s->path.outcome == PKI_REVOKED && content > s->path.revoked_at)
		return "REVOKED";
	if (s->path.outcome == PKI_EXPIRED &&
		pki_certificate_validity(s->signer, &from, &to) == 0 && content > to)
		return "EXPIRED";
	return NULL;
}

static const char *path_word(const struct sig *s)
{
	if (s->path.outcome == PKI_NO_PATH && s->beyond_sunset)
		return "NO_CERTIFICATE_CHAIN_FOUND_NO_POE";
	if (s->path.outcome == PKI_REVOKED_CA && s->without_proof)
		return "NO_POE";
	return pki_outcome_text(s->path.outcome);
}

static void decide_path(
	struct sig_context *c, struct sig *s, struct xades_signature *ret, int64_t best)
{
	const char *late = signed_too_late(s);

	if (late)
		sig_decide(ret, XADES_TOTAL_FAILED, late);
	else if (s->path.outcome == PKI_NOT_YET_VALID && best < c->options->at)
		sig_decide(ret, XADES_TOTAL_FAILED, "NOT_YET_VALID");
	else
		sig_decide(ret, XADES_INDETERMINATE, path_word(s));
	sig_finding(c, SEVERITY_ERROR, "sig.path", s->node, "%s: %s",
		ret->sub_indication[0] ? ret->sub_indication : "not passed",
		s->path.reason ? s->path.reason : "");
}

/* What a path's algorithms are worth is put off until the signature's own constraints are
 * judged (EN 319 102-1 5.3.4, steps 4 to 7). */
static bool path_comes_first(const struct sig *s)
{
	return s->path.outcome != PKI_PASSED && s->path.outcome != PKI_WEAK;
}

static bool signer_is_valid(const struct sig *s, int64_t at)
{
	int64_t from, to;

	return pki_certificate_validity(s->signer, &from, &to) == 0 && from <= at &&
	       at <= to;
}

/* The signer's certificate is judged before those of CAs (EN 319 102-1 5.2.6.4), so what
 * a CA lacks is said only after it. */
static bool responders_decide(
	const struct sig_context *c, const struct sig *s, int64_t best)
{
	if (best < c->options->at ||
		(s->path.outcome != PKI_PASSED &&
			(s->path.outcome != PKI_NO_REVOCATION_DATA ||
				!signer_is_valid(s, c->options->at))))
		return false;
	return sig_responders_expired(c, s);
}

static void decide_responders(
	struct sig_context *c, struct sig *s, struct xades_signature *ret)
{
	sig_decide(ret, XADES_INDETERMINATE, "REVOCATION_OUT_OF_BOUNDS_NO_POE");
	sig_finding(c, SEVERITY_ERROR, "sig.path", s->node,
		"REVOCATION_OUT_OF_BOUNDS_NO_POE: the OCSP responders' certificates have "
		"expired and nothing proves that their answers are older.");
}

/* What a signature must have, whatever its algorithms are worth. Return: true when it
 * lacks something, which is decided then. */
static bool constraints_decide(
	struct sig_context *c, struct sig *s, struct xades_signature *ret)
{
	if (s->properties && !s->properties_signed) {
		sig_decide(ret, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
		sig_finding(c, SEVERITY_ERROR, "sig.properties", s->properties,
			"The signed properties are not signed.");
	} else if (s->properties && s->signing_time == 0) {
		sig_decide(ret, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
		sig_finding(c, SEVERITY_ERROR, "sig.time", s->properties,
			"There is no claimed signing time.");
	} else if (!claimed_time_fits(s)) {
		sig_decide(ret, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
		sig_finding(c, SEVERITY_ERROR, "sig.time", sig_property(s, "SigningTime"),
			"The claimed signing time is outside the validity of the "
			"signer's "
			"certificate.");
	} else {
		return false;
	}
	return true;
}

static void decide_acceptance(
	struct sig_context *c, struct sig *s, struct xades_signature *ret, int64_t best)
{
	if (!algorithms_hold(c, s, best)) {
		/* Proven to be younger than the end of an algorithm: no proof of an
		 * earlier existence can come (EN 319 102-1 5.3.4). */
		sig_decide(ret, XADES_INDETERMINATE,
			content_time(s) > 0 && !algorithms_hold(c, s, content_time(s))
				? "CRYPTO_CONSTRAINTS_FAILURE"
				: "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
		sig_finding(c, SEVERITY_ERROR, "sig.weak", s->signed_info,
			"An algorithm or key of the signature is too weak at the time "
			"for "
			"which the signature is proven to exist.");
	} else {
		sig_decide(ret, XADES_TOTAL_PASSED, "");
	}
}

static void decide(
	struct sig_context *c, struct sig *s, struct xades_signature *ret, int64_t best)
{
	if (responders_decide(c, s, best))
		decide_responders(c, s, ret);
	else if (path_comes_first(s))
		decide_path(c, s, ret, best);
	else if (constraints_decide(c, s, ret))
		return;
	else if (s->path.outcome != PKI_PASSED)
		decide_path(c, s, ret, best);
	else
		decide_acceptance(c, s, ret, best);
}

static int report_token(const struct sig_token *t, struct xades_timestamp *ret)
{
	static const char *const TYPES[] = {
		[TOKEN_SIGNATURE] = "SIGNATURE_TIMESTAMP",
		[TOKEN_ALL_DATA] = "ALL_DATA_OBJECTS_TIMESTAMP",
		[TOKEN_INDIVIDUAL_DATA] = "INDIVIDUAL_DATA_OBJECTS_TIMESTAMP",
		[TOKEN_SIG_AND_REFS] = "VALIDATION_DATA_TIMESTAMP",
		[TOKEN_REFS_ONLY] = "VALIDATION_DATA_REFSONLY_TIMESTAMP",
		[TOKEN_ARCHIVE] = "ARCHIVE_TIMESTAMP",
	};
	bool failed = t->result.outcome == TOKEN_MALFORMED ||
		      t->result.outcome == TOKEN_IMPRINT_MISMATCH ||
		      t->result.outcome == TOKEN_SIGNATURE_WRONG;

	*ret = (struct xades_timestamp){ .gen_time = t->result.gen_time };
	(void)snprintf(ret->type, sizeof(ret->type), "%s", TYPES[t->kind]);
	(void)snprintf(ret->indication, sizeof(ret->indication), "%s",
		t->passed ? "PASSED"
		: failed  ? "FAILED"
			  : "INDETERMINATE");
	(void)snprintf(ret->sub_indication, sizeof(ret->sub_indication), "%s", t->sub);
	(void)snprintf(ret->qualification, sizeof(ret->qualification), "NA");
	if (digest_sha256(span_of(t->der, t->der_len), ret->sha256) < 0)
		return -1;
	if (t->result.signer && X509_up_ref(t->result.signer))
		ret->signer = t->result.signer;
	if (t->result.path.chain)
		ret->chain = X509_chain_up_ref(t->result.path.chain);
	return t->result.path.chain && !ret->chain ? -1 : 0;
}

static int report_tokens(const struct sig *s, struct xades_signature *ret)
{
	if (s->token_count == 0)
		return 0;
	ret->timestamps = calloc(s->token_count, sizeof(*ret->timestamps));
	if (!ret->timestamps)
		return -1;
	ret->timestamp_count = s->token_count;
	for (size_t i = 0; i < s->token_count; i++)
		if (report_token(&s->tokens[i], &ret->timestamps[i]) < 0)
			return -1;
	return 0;
}

/* A counter-signature is about the value of the signature that has it, nothing else. */
static bool about_parent(const struct sig_context *c, const struct sig *s)
{
	const xmlNode *value = s->counter ? c->parsed[s->parent].value : NULL;

	for (size_t i = 0; i < s->reference_count; i++)
		if (s->references[i].element == value)
			return true;
	return !s->counter;
}

static bool about_data(const struct sig *s)
{
	for (size_t i = 0; i < s->reference_count; i++)
		if (!s->references[i].is_properties &&
			(!s->key_info || s->references[i].element != s->key_info))
			return true;
	return false;
}

static void report_covered(const struct sig_context *c, const struct sig *s)
{
	const struct xades_options *o = c->options;

	if (!o->covered)
		return;
	for (size_t i = 0; i < s->reference_count; i++) {
		const struct sig_reference *r = &s->references[i];

		if (r->detached && r->intact)
			o->covered[r->detached - o->detached] = true;
	}
	for (size_t i = 0; s->listed && i < o->detached_count; i++)
		o->covered[i] |= s->listed[i];
}

static void report_core(
	struct sig_context *c, const struct sig *s, struct xades_signature *ret)
{
	bool parent = about_parent(c, s);

	ret->sig_value_ok = s->value_ok;
	ret->refs_found = ret->refs_intact = s->malformed || about_data(s);
	for (size_t i = 0; i < s->reference_count; i++) {
		ret->refs_found &= s->references[i].target != TARGET_NONE;
		ret->refs_intact &= s->references[i].intact;
	}
	if (!parent && !s->malformed)
		sig_finding(c, SEVERITY_ERROR, "sig.digest", s->signed_info,
			"The counter-signature is not about the signature that has it.");
	ret->refs_intact &= parent && !s->manifest_broken && s->reference_count > 0;
	ret->refs_found &= s->reference_count > 0;
	ret->core_valid = s->value_ok && ret->refs_intact && !s->malformed;
	if (ret->core_valid)
		report_covered(c, s);
}

static int report_signer(const struct sig *s, struct xades_signature *ret)
{
	if (s->identified && s->signer) {
		X509_up_ref(s->signer);
		ret->signer = s->signer;
	}
	if (s->path.chain)
		ret->chain = X509_chain_up_ref(s->path.chain);
	return s->path.chain && !ret->chain ? -1 : 0;
}

int sig_process(struct sig_context *c, struct sig *s)
{
	struct xades_signature *ret = &c->report->signatures[s->index];
	int64_t best = best_time(c, s);
	int r = 0;

	report_core(c, s, ret);
	if (c->options->core_only) {
		if (core_passes(s, ret))
			sig_decide(
				ret, XADES_INDETERMINATE, "NO_CERTIFICATE_CHAIN_FOUND");
		return report_signer(s, ret);
	}
	ret->signing_time = s->signing_time;
	ret->best_signature_time = best;
	if (s->identified)
		r = sig_path(c, s, best);
	if (r < 0)
		return r;
	ret->path_outcome = s->path.outcome;
	ret->wants_ocsp = s->path.wants_ocsp;
	if (core_passes(s, ret))
		decide(c, s, ret, best);
	(void)snprintf(ret->level, sizeof(ret->level), "%s", sig_level(c, s));
	(void)snprintf(ret->qualification, sizeof(ret->qualification), "NA");
	if (report_tokens(s, ret) < 0 || report_signer(s, ret) < 0)
		return -ENOMEM;
	sig_scope(s, ret);
	sig_rules(c, s, ret);
	return 0;
}
