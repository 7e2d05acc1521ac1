/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HOLD_MIN 60
#define HOLD_MAX (30 * 24 * 3600)

static const struct cfg_key DEGRADED_KEYS[] = {
	{ "hold", CFG_GROUP, true },
	{ 0 },
};

/* Only words that say "revocation could not be checked now": what failed stays refused.
 */
static const struct cfg_key HOLD_KEYS[] = {
	{ POLICY_NO_REVOCATION, CFG_INT, false },
	{ 0 },
};

static int read_hold(const struct cfg *c, const config_setting_t *s, struct policy *p)
{
	struct hold *h = &p->holds[p->hold_count];
	int seconds = config_setting_get_int(s);

	if (seconds < HOLD_MIN || seconds > HOLD_MAX)
		return cfg_fail(c, s, "%s must be %d to %d seconds",
			config_setting_name(s), HOLD_MIN, HOLD_MAX);
	memcpy(h->sub_indication, config_setting_name(s),
		strlen(config_setting_name(s)) + 1);
	h->seconds = seconds;
	p->hold_count++;
	return 0;
}

static int read_degraded(const struct cfg *c, struct policy *p)
{
	const config_setting_t *hold;
	int r = cfg_check(c, cfg_root(c), DEGRADED_KEYS);

	if (r < 0)
		return r;
	hold = config_setting_get_member(cfg_root(c), "hold");
	r = cfg_check(c, hold, HOLD_KEYS);
	for (int i = 0; r == 0 && i < config_setting_length(hold); i++)
		r = read_hold(c, config_setting_get_elem(hold, (unsigned int)i), p);
	return r;
}

/* Without the file nothing is held: it is refused. */
int policy_load_degraded(struct policy *p, const char *policies, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, policies, "degraded/revocation.cfg");

	if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return r;
	r = cfg_open(path, &c, ret_error);
	return r == 0 ? read_degraded(&c, p) : r;
}
