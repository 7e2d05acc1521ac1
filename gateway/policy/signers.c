/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/judged.h"

#include "pki/certificate.h"
#include "policy/issuers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What policy says about the revocation data that a signature wants. */
static const struct degraded_rule *rule_of(
	const struct judged *j, const struct xades_signature *s)
{
	return policy_degraded(
		j->context->policy, s->wants_ocsp ? DEGRADED_OCSP : DEGRADED_CRL);
}

/* What degraded operation may hold: a signature of which everything is proven but that
 * its path could be checked for revocation. Whatever else was wrong has a finding of its
 * own. */
static bool may_be_held(const struct judged *j, const struct xades_signature *s)
{
	return s->indication == XADES_INDETERMINATE && s->core_valid &&
	       (s->path_outcome == PKI_NO_REVOCATION_DATA ||
		       s->path_outcome == PKI_STALE_REVOCATION) &&
	       rule_of(j, s)->mode == DEGRADED_HOLD;
}

void judged_hold(struct judged *j, const char *code, int64_t seconds)
{
	if (j->held++ == 0)
		j->hold_reason = code;
	if (j->held == 1 || seconds < j->hold_seconds)
		j->hold_seconds = seconds;
}

/* A signature that may be held brings one finding, sig.path. Any other error is another
 * reason, and then nothing is held. */
static bool only_held_errors(const struct judged *j, size_t held)
{
	const struct findings *f = &j->signatures->findings;

	if (f->errors != held)
		return false;
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].severity == SEVERITY_ERROR &&
			strcmp(f->list[i].reason->code, "sig.path") != 0)
			return false;
	return true;
}

static void find_usable(struct judged *j)
{
	const struct xades_report *r = j->signatures;
	size_t usable = 0, before = j->held;

	for (size_t i = 0; i < r->count; i++) {
		bool held = may_be_held(j, &r->signatures[i]);

		j->usable[i] = held || r->signatures[i].indication == XADES_TOTAL_PASSED;
		if (held)
			judged_hold(
				j, "sig.path", rule_of(j, &r->signatures[i])->seconds);
		usable += j->usable[i];
	}
	if (r->count > 0 && usable == r->count && only_held_errors(j, j->held - before))
		j->seen |= SEEN_SIGNATURES;
}

/* A main signature must be over the whole document, a counter-signature over a signature
 * that is itself usable. */
static bool in_place(const struct judged *j, const struct xades_signature *s)
{
	if (s->counter)
		return s->parent < j->signatures->count && j->usable[s->parent];
	return strcmp(s->scope, "full") == 0 && s->signed_octets;
}

/* Who signed, as policy knows a signer; "" of none. */
struct signed_by {
	char sha256[SHA256_TEXT_SIZE], key[SHA256_TEXT_SIZE];
	bool elsewhere; /* enrolled with another partner, too */
};

/* By its own certificate before its key, and by that before its issuer; not at all once
 * the one or the other was taken off, or while it would sign for two partners. */
static const struct partner_signer *enrolment(
	const struct judged *j, const struct xades_signature *s, struct signed_by *ret_by)
{
	const struct partner_signer *who;

	*ret_by = (struct signed_by){ 0 };
	if (!j->partner || !s->signer ||
		pki_certificate_sha256(s->signer, ret_by->sha256) < 0 ||
		pki_certificate_key_sha256(s->signer, ret_by->key) < 0)
		return NULL;
	if (policy_removed(j->partner, ret_by->sha256) ||
		policy_removed(j->partner, ret_by->key))
		return NULL;
	who = policy_signer(j->partner, ret_by->sha256);
	if (!who)
		who = policy_signer_by_key(j->partner, ret_by->key);
	if (!who)
		who = policy_issued(j->partner, s->signer, s->chain);
	ret_by->elsewhere = who && policy_enrolled_elsewhere(j->context->policy,
					   j->partner, ret_by->sha256, ret_by->key);
	return ret_by->elsewhere ? NULL : who;
}

static void where_of(
	const struct xades_signature *s, size_t index, char *ret, size_t size)
{
	snprintf(ret, size, "signature %zu%s%s", index + 1, s->id ? " " : "",
		s->id ? s->id : "");
}

/* What is to be held is judged again: until then it is what it would be. */
enum qualification_level judged_level(const struct xades_signature *s)
{
	static const char HELD[] = "INDETERMINATE_";
	const char *word = s->qualification;

	if (strncmp(word, HELD, sizeof(HELD) - 1) == 0)
		word += sizeof(HELD) - 1;
	if (strcmp(word, "QESIG") == 0 || strcmp(word, "QESEAL") == 0)
		return LEVEL_QUALIFIED;
	return strcmp(word, "ADESIG_QC") == 0 || strcmp(word, "ADESEAL_QC") == 0
		       ? LEVEL_ADVANCED_QC
		       : LEVEL_ADVANCED;
}

static void raise(enum qualification_level *to, enum qualification_level level)
{
	if (level > *to)
		*to = level;
}

static void note_role(
	struct judged *j, const struct partner_signer *who, bool counts, size_t index)
{
	enum qualification_level level = judged_level(&j->signatures->signatures[index]);
	bool officer = strcmp(who->role, "officer") == 0;
	bool seal = strcmp(who->role, "seal") == 0;

	j->officer_there |= officer;
	j->seal_there |= seal;
	j->officer |= officer && counts;
	j->seal |= seal && counts;
	if (officer && counts)
		raise(&j->officer_level, level);
	if (officer && counts)
		raise(&j->officer_loose, j->loose[index]);
	if (seal && counts)
		raise(&j->seal_level, level);
	if (seal && counts)
		raise(&j->seal_loose, j->loose[index]);
}

/* By name where it has one, a digest alone sends nobody to the right certificate; and by
 * its key, which is what a stop has to name where the certificate is not all it has. */
static void note_unknown(struct judged *j, const struct xades_signature *s,
	const char *where, const struct signed_by *by)
{
	static const char CODE[] = "partner.signer-unknown";
	_cleanup_(freep) char *name =
		s->signer ? pki_name_text(X509_get_subject_name(s->signer)) : NULL;

	if (by->elsewhere)
		findings_addf(&j->findings, SEVERITY_ERROR, CODE, where, by->sha256,
			"The signer with the key %s is enrolled with another partner, "
			"too: it signs for none of them.",
			by->key);
	else if (!*by->key)
		findings_add(&j->findings, CODE, where, by->sha256, NULL);
	else if (!name || !*name)
		findings_addf(&j->findings, SEVERITY_ERROR, CODE, where, by->sha256,
			"The signer with the key %s is not enrolled with this partner.",
			by->key);
	else
		findings_addf(&j->findings, SEVERITY_ERROR, CODE, where, by->sha256,
			"The signer, %.200s, with the key %s is not enrolled with this "
			"partner.",
			name, by->key);
}

/* Return: true when the signer is enrolled and signed as its role does. */
static bool judge_signer(struct judged *j, size_t index)
{
	const struct xades_signature *s = &j->signatures->signatures[index];
	struct signed_by by;
	char where[200];
	const struct partner_signer *who = enrolment(j, s, &by);

	where_of(s, index, where, sizeof(where));
	if (!who) {
		note_unknown(j, s, where, &by);
		return false;
	}
	if (strcmp(who->role, "officer") == 0 && s->counter) {
		findings_addf(&j->findings, SEVERITY_ERROR, "partner.signer-role", where,
			by.sha256,
			"%s is enrolled as officer and must sign the document itself.",
			who->name);
		return false;
	}
	note_role(j, who, j->usable[index] && in_place(j, s), index);
	return true;
}

int judge_signers(struct judged *j)
{
	size_t enrolled = 0;

	if (j->signatures->count > LIMIT_SIGNATURES)
		return -E2BIG;
	find_usable(j);
	for (size_t i = 0; i < j->signatures->count; i++)
		enrolled += judge_signer(j, i);
	if (j->signatures->count > 0 && enrolled == j->signatures->count)
		j->seen |= SEEN_ENROLLED;
	return 0;
}
