/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/context.h"

#include "evidence/verify.h"

#include <errno.h>

int container_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report)
{
	const struct context *c = context;
	_cleanup_findings_ struct findings findings = { 0 };
	json_t *report = NULL;
	struct verdict v;
	int r = context_verdict(c, request, input, &v);
	int valid;

	if (r < 0)
		return r;
	valid = evidence_verify(input,
		&(struct evidence_context){ .material = c->container_material,
			.at = request->at,
			.fresh_revocation = true },
		&findings, &report);
	if (valid < 0)
		return valid;
	v.error_count = (uint32_t)findings.errors;
	v.decision =
		valid == 1 && findings.errors == 0 ? DECISION_ACCEPTED : DECISION_REFUSED;
	if (json_object_set_new(report, "store_version", json_string(v.store_version)) <
		0) {
		json_decref(report);
		return -ENOMEM;
	}
	*ret_verdict = v;
	*ret_report = report;
	return 0;
}
