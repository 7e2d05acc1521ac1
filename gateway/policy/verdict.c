/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/verdict.h"

#include <string.h>

#define ENDS(array) (memchr((array), '\0', sizeof(array)) != NULL)

static bool decided(const struct verdict *v)
{
	switch (v->decision) {
	case DECISION_ACCEPTED:
		return v->error_count == 0;
	case DECISION_HELD:
		return v->hold_reason[0] != '\0' && v->hold_until > v->judged_at;
	case DECISION_REFUSED:
		return true;
	default:
		return false;
	}
}

bool verdict_ok(const struct verdict *v)
{
	return ENDS(v->policy_digest) && ENDS(v->store_version) && ENDS(v->type) &&
	       ENDS(v->number) && ENDS(v->status) && ENDS(v->export_country) &&
	       ENDS(v->import_country) && ENDS(v->hold_reason) && ENDS(v->grace) &&
	       decided(v);
}
