/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/context.h"

#include "evidence/inside.h"

/* A seal in a document. The verdict says whether the document can have it; nothing is
 * accepted by that. */
int inside_order_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report)
{
	json_t *answer = NULL;
	struct verdict v;
	int r = context_verdict(context, request, input, &v);

	if (r == 0)
		r = inside_make(input, &answer);
	if (r < 0)
		return r;
	v.error_count = json_object_get(answer, "reason") ? 1 : 0;
	v.decision = v.error_count ? DECISION_REFUSED : DECISION_ACCEPTED;
	*ret_verdict = v;
	*ret_report = answer;
	return 0;
}
