/* SPDX-License-Identifier: EUPL-1.2 */
/* For how long partners, customs and operators are still let in: after the end of a CRL
 * of theirs nobody is, who would bring the next one least of all. */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/json.h"
#include "web/crl_ends.h"

#define FIX                                                                              \
	"Publish the authority's next CRL (sealgate trust publish, or "                  \
	"policies/trust/sources.cfg); on an appliance sign a configuration with it and " \
	"apply it, from afar before the end, by a medium after it."

json_t *revocation_check(const struct visit *v)
{
	_cleanup_json_ json_t *all = crl_ends_report(v->admin->instance, clock_now());
	const json_t *worst = crl_ends_worst(all);
	char message[CRL_ENDS_SAYS];
	json_t *c;

	if (!all)
		return check(false, "for how long the CRLs let anybody in is unknown",
			"Put tls.*_ca and state/trust/revocation in order.");
	if (!worst)
		return json_pack("{s:b, s:s, s:s, s:O}", "ok", true, "message",
			"the CRLs of those who come are in date", "fix", "", "crls", all);
	crl_ends_say(worst, message);
	c = check(!crl_ends_fails(worst), message, FIX);
	if (c)
		json_object_set(c, "crls", all);
	return c;
}
