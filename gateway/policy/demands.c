/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>

static const struct cfg_key KEYS[] = {
	{ "types", CFG_STRINGS, true },
	{ "officer", CFG_STRING, false },
	{ "seal", CFG_STRING, false },
	{ "seal_carries", CFG_BOOL, false },
	{ 0 },
};

static const char *const LEVELS[] = {
	[LEVEL_ADVANCED] = "advanced",
	[LEVEL_ADVANCED_QC] = "advanced-qc",
	[LEVEL_QUALIFIED] = "qualified",
};

/* Absent: advanced. */
static int read_level(const struct cfg *c, const config_setting_t *group,
	const char *role, enum qualification_level *ret)
{
	const config_setting_t *s = config_setting_get_member(group, role);
	const char *word = s ? config_setting_get_string(s) : "advanced";

	for (size_t i = 0; i < sizeof(LEVELS) / sizeof(LEVELS[0]); i++)
		if (strcmp(LEVELS[i], word) == 0) {
			*ret = (enum qualification_level)i;
			return 0;
		}
	return cfg_fail(c, s, "%s is advanced, advanced-qc or qualified", role);
}

/* Either an officer's signature is demanded, at some level, or none is. */
static int read_carries(
	const struct cfg *c, const config_setting_t *group, struct partner_demand *ret)
{
	const config_setting_t *s = config_setting_get_member(group, "seal_carries");

	ret->seal_carries = s && config_setting_get_bool(s);
	return ret->seal_carries && config_setting_get_member(group, "officer")
		       ? cfg_fail(c, s, "with seal_carries no level of an officer")
		       : 0;
}

static int read_demand(
	const struct cfg *c, const config_setting_t *group, struct partner_demand *ret)
{
	int r = cfg_check(c, group, KEYS), n;

	if (r < 0)
		return r;
	n = cfg_texts(c, config_setting_get_member(group, "types"), ret->types[0],
		sizeof(ret->types[0]), POLICY_LIST_MAX);
	if (n < 0)
		return n;
	ret->type_count = (size_t)n;
	r = read_level(c, group, "officer", &ret->officer);
	if (r == 0)
		r = read_level(c, group, "seal", &ret->seal);
	return r == 0 ? read_carries(c, group, ret) : r;
}

int policy_read_demands(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *list = config_setting_get_member(root, "qualification");
	int count = list ? config_setting_length(list) : 0, r = 0;

	if (count > PARTNER_DEMANDS_MAX)
		return cfg_fail(c, list, "more than %d groups", PARTNER_DEMANDS_MAX);
	for (int i = 0; r == 0 && i < count; i++)
		r = read_demand(c, config_setting_get_elem(list, (unsigned int)i),
			&partner->demands[partner->demand_count++]);
	return r;
}

const struct partner_demand *policy_demand(
	const struct partner *partner, const char *type)
{
	for (size_t i = 0; i < partner->demand_count; i++) {
		const struct partner_demand *d = &partner->demands[i];

		for (size_t t = 0; t < d->type_count; t++)
			if (strcmp(d->types[t], "*") == 0 ||
				strcmp(d->types[t], type) == 0)
				return d;
	}
	return NULL;
}
