/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/context.h"

#include "connectors/reply.h"

#include <errno.h>

/* The verdict says that the answer was read; what it says is in the report. */
int reply_check(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report)
{
	const struct context *c = context;
	json_t *reply = NULL;
	struct verdict v;
	int r = context_verdict(c, request, input, &v);

	if (r == 0)
		r = reply_read(c->profiles, request->subject, input, &reply);
	if (r < 0)
		return r;
	v.decision = DECISION_ACCEPTED;
	*ret_report = json_pack("{s:[], s:o}", "findings", "reply", reply);
	if (!*ret_report)
		return -ENOMEM;
	*ret_verdict = v;
	return 0;
}
