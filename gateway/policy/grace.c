/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/judged.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WHENEVER (INT64_MAX / 4) /* a grace for lists that have ended at any time */

static int64_t grace_of(const struct judged *j, enum degraded_dependency dependency)
{
	const struct degraded_rule *rule =
		policy_degraded(j->context->policy, dependency);

	return rule->mode == DEGRADED_GRACE ? rule->seconds : 0;
}

static bool is_out_of_date(const struct xades_signature *s)
{
	return s->indication == XADES_INDETERMINATE &&
	       s->path_outcome == PKI_STALE_REVOCATION;
}

/* Whether a grace is what some signature needs. */
static bool wants_grace(const struct xades_report *r, const struct xades_options *o)
{
	for (size_t i = 0; i < r->count; i++)
		if (is_out_of_date(&r->signatures[i]) &&
			(r->signatures[i].wants_ocsp ? o->ocsp_grace : o->crl_grace) > 0)
			return true;
	return false;
}

/* What passes now and did not before, passes by grace. */
static void note_graces(struct judged *j, const struct xades_report *before)
{
	const struct xades_report *now = j->signatures;

	for (size_t i = 0; i < before->count && i < now->count; i++)
		if (is_out_of_date(&before->signatures[i]) &&
			now->signatures[i].indication == XADES_TOTAL_PASSED)
			j->graced[before->signatures[i].wants_ocsp ? DEGRADED_OCSP
								   : DEGRADED_CRL] = true;
}

int judge_validate(struct judged *j, struct span octets)
{
	const struct admit_context *c = j->context;
	bool sandbox = j->partner && j->partner->sandbox;
	struct xades_options options = { .profile = XADES_GATE,
		.at = j->at,
		.material = sandbox ? c->rehearsals : c->material,
		.signer_anchors = sandbox ? c->sandbox : c->signers,
		.tsa_anchors = c->tsa };
	_cleanup_(xades_report_freep) struct xades_report *before = NULL;
	int r;

	/* NULL would mean any anchor to the validator. */
	if (!options.material || !options.signer_anchors || !options.tsa_anchors)
		return -EINVAL;
	r = xades_validate(octets, &options, &j->signatures);
	if (r < 0)
		return r;
	options.crl_grace = grace_of(j, DEGRADED_CRL);
	options.ocsp_grace = grace_of(j, DEGRADED_OCSP);
	if (!wants_grace(j->signatures, &options))
		return 0;
	before = j->signatures;
	j->signatures = NULL;
	r = xades_validate(octets, &options, &j->signatures);
	if (r == 0)
		note_graces(j, before);
	return r;
}

void judge_clock(struct judged *j, int64_t at)
{
	const struct degraded_rule *rule =
		policy_degraded(j->context->policy, DEGRADED_CLOCK);
	int64_t behind = j->context->known_at - at;

	j->at = at;
	if (behind <= DEGRADED_CLOCK_SKEW_S)
		return;
	if (rule->mode != DEGRADED_REFUSE)
		j->at = j->context->known_at;
	if (rule->mode == DEGRADED_GRACE && behind <= rule->seconds) {
		j->graced[DEGRADED_CLOCK] = true;
		return;
	}
	if (rule->mode == DEGRADED_HOLD)
		judged_hold(j, "gate.clock", rule->seconds);
	findings_add(&j->findings, "gate.clock", NULL, NULL, NULL);
}

static void note_levels(struct judged *j)
{
	const struct xades_report *r = j->signatures;

	for (size_t i = 0; i < r->count && i < LIMIT_SIGNATURES; i++)
		j->loose[i] = judged_level(&r->signatures[i]);
}

/* The report says what counts; what lists would say that have ended is noted aside, or
 * is what counts, by grace. */
void judge_lists(struct judged *j)
{
	const struct admit_context *c = j->context;
	const struct degraded_rule *rule = policy_degraded(c->policy, DEGRADED_LISTS);
	enum qualification_level before[LIMIT_SIGNATURES];

	if (!c->qualify)
		return;
	if (rule->mode == DEGRADED_HOLD) {
		c->qualify(c->lists, j->at, WHENEVER, j->signatures);
		note_levels(j);
	}
	c->qualify(c->lists, j->at, 0, j->signatures);
	if (rule->mode != DEGRADED_GRACE)
		return;
	note_levels(j);
	memcpy(before, j->loose, sizeof(before));
	c->qualify(c->lists, j->at, rule->seconds, j->signatures);
	note_levels(j);
	j->graced[DEGRADED_LISTS] = memcmp(before, j->loose, sizeof(before)) != 0;
}

void judge_say_grace(struct judged *j)
{
	static const char *const WHAT[DEGRADED_DEPENDENCIES] = {
		[DEGRADED_LISTS] = "a trusted list that decided about a signature",
		[DEGRADED_CRL] = "a CRL about a signer",
		[DEGRADED_OCSP] = "an OCSP response about a signer",
		[DEGRADED_TSA] = "the time-stamping service",
		[DEGRADED_CLOCK] = "the gate's clock",
	};

	for (int i = 0; i < DEGRADED_DEPENDENCIES; i++)
		if (j->graced[i])
			findings_addf(&j->findings, SEVERITY_WARNING, "degraded.grace",
				NULL, degraded_name((enum degraded_dependency)i),
				"The verdict stands by grace of policy: %s is out of "
				"date.",
				WHAT[i]);
}

void judged_name_graces(const struct judged *j, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (int i = 0; i < DEGRADED_DEPENDENCIES && n < size; i++)
		if (j->graced[i])
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? " " : "",
				degraded_name((enum degraded_dependency)i));
}
