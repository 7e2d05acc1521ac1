/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <errno.h>
#include <stdio.h>

const char *sig_path_word(enum pki_outcome outcome)
{
	switch (outcome) {
	case PKI_PASSED:
		return "";
	case PKI_NO_PATH:
		return "NO_CERTIFICATE_CHAIN_FOUND";
	case PKI_CHAIN_INVALID:
	case PKI_NO_REVOCATION_DATA:
		return "CERTIFICATE_CHAIN_GENERAL_FAILURE";
	case PKI_CONSTRAINTS:
		return "CHAIN_CONSTRAINTS_FAILURE";
	case PKI_NOT_YET_VALID:
	case PKI_EXPIRED:
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
	default:
		return "CERTIFICATE_CHAIN_GENERAL_FAILURE";
	}
}

void sig_decide(struct xades_signature *ret, enum xades_indication indication,
	const char *sub)
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

static int path_at(struct sig_context *c, struct sig *s, int64_t at,
	struct pki_path_result *ret_path)
{
	enum xades_profile profile = c->options->profile;
	struct pki_path_request request = {
		.target = s->signer,
		.material = c->material,
		.at = at,
		.known_at = c->known_at,
		.purpose = PKI_SIGNING,
		.strength = catalogue_strength,
		.strength_context = &profile,
	};

	return pki_path_validate(&request, ret_path);
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

/* XCV now, and when that fails at the time for which the signature is proven to exist, with
 * all that became known later. What is reported is what stands now, unless the past decides
 * more. */
static int validate_path(struct sig_context *c, struct sig *s, int64_t best)
{
	struct pki_path_result past = { 0 };
	int r = path_at(c, s, c->options->at, &s->path);

	s->path_done = r == 0;
	if (r < 0 || s->path.outcome == PKI_PASSED || s->path.outcome == PKI_NO_PATH ||
		best >= c->options->at)
		return r;
	r = path_at(c, s, best, &past);
	if (r == 0 && (past.outcome == PKI_PASSED || past.outcome == PKI_NOT_YET_VALID)) {
		pki_path_result_done(&s->path);
		s->path = past;
		return 0;
	}
	pki_path_result_done(&past);
	return r;
}

static bool algorithms_hold(const struct sig_context *c, const struct sig *s, int64_t at)
{
	enum xades_profile profile = c->options->profile;
	struct pki_key_info info;

	pki_key_info(s->key, &info);
	if (s->digest_name && !catalogue_digest(profile, s->digest_name, at))
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

static void decide_path(struct sig_context *c, struct sig *s, struct xades_signature *ret,
	int64_t best)
{
	if (s->path.outcome == PKI_NOT_YET_VALID && best < c->options->at)
		sig_decide(ret, XADES_TOTAL_FAILED, "NOT_YET_VALID");
	else
		sig_decide(ret, XADES_INDETERMINATE, sig_path_word(s->path.outcome));
	sig_finding(c, SEVERITY_ERROR, "sig.path", s->node, "%s: %s",
		ret->sub_indication[0] ? ret->sub_indication : "not passed",
		s->path.reason ? s->path.reason : "");
}

static void decide_acceptance(struct sig_context *c, struct sig *s,
	struct xades_signature *ret, int64_t best)
{
	if (!claimed_time_fits(s)) {
		sig_decide(ret, XADES_INDETERMINATE, "SIG_CONSTRAINTS_FAILURE");
		sig_finding(c, SEVERITY_ERROR, "sig.time", sig_property(s, "SigningTime"),
			"The claimed signing time is outside the validity of the signer's "
			"certificate.");
	} else if (!algorithms_hold(c, s, best)) {
		sig_decide(ret, XADES_INDETERMINATE, "CRYPTO_CONSTRAINTS_FAILURE_NO_POE");
		sig_finding(c, SEVERITY_ERROR, "sig.weak", s->signed_info,
			"An algorithm or key of the signature is too weak at the time for "
			"which the signature is proven to exist.");
	} else {
		sig_decide(ret, XADES_TOTAL_PASSED, "");
	}
}

static void report_token(const struct sig_token *t, struct xades_timestamp *ret)
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
		t->passed	? "PASSED"
			: failed ? "FAILED"
				 : "INDETERMINATE");
	(void)snprintf(ret->sub_indication, sizeof(ret->sub_indication), "%s", t->sub);
	(void)snprintf(ret->qualification, sizeof(ret->qualification), "NA");
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
		report_token(&s->tokens[i], &ret->timestamps[i]);
	return 0;
}

static void report_core(const struct sig *s, struct xades_signature *ret)
{
	ret->sig_value_ok = s->value_ok;
	ret->refs_found = ret->refs_intact = s->reference_count > 0;
	for (size_t i = 0; i < s->reference_count; i++) {
		ret->refs_found &= s->references[i].target != TARGET_NONE;
		ret->refs_intact &= s->references[i].intact;
	}
	ret->core_valid = s->value_ok && ret->refs_intact && !s->malformed;
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

	report_core(s, ret);
	ret->signing_time = s->signing_time;
	ret->best_signature_time = best;
	if (s->identified)
		r = validate_path(c, s, best);
	if (r < 0)
		return r;
	ret->path_outcome = s->path_done ? s->path.outcome : PKI_UNDECIDED;
	if (core_passes(s, ret)) {
		if (s->path.outcome != PKI_PASSED)
			decide_path(c, s, ret, best);
		else
			decide_acceptance(c, s, ret, best);
	}
	(void)snprintf(ret->level, sizeof(ret->level), "%s", sig_level(c, s));
	(void)snprintf(ret->qualification, sizeof(ret->qualification), "NA");
	if (report_tokens(s, ret) < 0 || report_signer(s, ret) < 0)
		return -ENOMEM;
	sig_scope(s, ret);
	if (c->options->profile == XADES_GATE)
		sig_gate(c, s, ret);
	return 0;
}
