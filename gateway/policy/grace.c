/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/judged.h"

#include <stdio.h>
#include <string.h>

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

int judge_validate(struct judged *j, struct span octets, int64_t at)
{
	const struct admit_context *c = j->context;
	struct xades_options options = { .profile = XADES_GATE,
		.at = at,
		.material = c->material,
		.signer_anchors = c->signers,
		.tsa_anchors = c->tsa };
	_cleanup_(xades_report_freep) struct xades_report *before = NULL;
	int r = xades_validate(octets, &options, &j->signatures);

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
