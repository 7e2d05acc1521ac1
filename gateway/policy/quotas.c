/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>

/* In the order of struct partner_quotas. */
static const struct cfg_key KEYS[] = {
	{ "documents_per_hour", CFG_INT, false },
	{ "documents_per_day", CFG_INT, false },
	{ "octets_per_day", CFG_INT, false },
	{ "concurrent", CFG_INT, false },
	{ 0 },
};

static int read_limit(const struct cfg *c, const config_setting_t *group,
	const char *name, int64_t *ret)
{
	const config_setting_t *s = config_setting_get_member(group, name);

	if (!s)
		return 0;
	*ret = config_setting_get_int64(s);
	/* Whoever may send nothing is suspended; a quota of nothing is a slip. */
	return *ret > 0 ? 0 : cfg_fail(c, s, "%s must be above 0", name);
}

#define PRIORITY_MAX 16

int policy_read_priority(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *s = config_setting_get_member(root, "priority");
	int priority = s ? config_setting_get_int(s) : 1;

	if (priority < 1 || priority > PRIORITY_MAX)
		return cfg_fail(c, s, "priority is 1 to %d", PRIORITY_MAX);
	partner->priority = priority;
	return 0;
}

int policy_read_quotas(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *group = config_setting_get_member(root, "quotas");
	struct partner_quotas *q = &partner->quotas;
	int64_t *const limits[] = { &q->hour, &q->day, &q->octets, &q->concurrent };
	int r = group ? cfg_check(c, group, KEYS) : 0;

	for (size_t i = 0; group && r == 0 && KEYS[i].name; i++)
		r = read_limit(c, group, KEYS[i].name, limits[i]);
	return r;
}
