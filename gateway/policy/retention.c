/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Art. 42 of Implementing Regulation (EU) 2019/1715: three years at least, ten at most.
 */
#define DAYS_MIN 1096
#define DAYS_MAX 3652
#define DAY_S INT64_C(86400)

static const struct cfg_key KEYS[] = {
	{ "documents_days", CFG_INT, true },
	{ "refused_days", CFG_INT, true },
	{ "types", CFG_GROUPS, false },
	{ 0 },
};

static const struct cfg_key RULE_KEYS[] = {
	{ "types", CFG_STRINGS, true },
	{ "days", CFG_INT, true },
	{ 0 },
};

static int read_days(const struct cfg *c, const config_setting_t *group, const char *name,
	int least, int64_t *ret_seconds)
{
	const config_setting_t *s = config_setting_get_member(group, name);
	int days = config_setting_get_int(s);

	if (days < least || days > DAYS_MAX)
		return cfg_fail(c, s, "%s must be %d to %d days", name, least, DAYS_MAX);
	*ret_seconds = days * DAY_S;
	return 0;
}

static int add_rule(const struct cfg *c, const config_setting_t *at,
	struct policy_retention *p, const char *type, int64_t seconds)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (strcmp(p->rules[i].type, type) == 0)
			return cfg_fail(c, at, "type %s has two periods", type);
	if (p->rule_count == RETENTION_RULES_MAX)
		return cfg_fail(c, at, "more than %d types", RETENTION_RULES_MAX);
	memcpy(p->rules[p->rule_count].type, type, strlen(type) + 1);
	p->rules[p->rule_count++].seconds = seconds;
	return 0;
}

static int read_rule(
	const struct cfg *c, const config_setting_t *group, struct policy_retention *p)
{
	char types[RETENTION_RULES_MAX][DOCUMENT_TYPE_SIZE];
	int64_t seconds = 0;
	int n = 0, r = cfg_check(c, group, RULE_KEYS);

	if (r == 0)
		r = read_days(c, group, "days", DAYS_MIN, &seconds);
	if (r == 0)
		n = cfg_texts(c, config_setting_get_member(group, "types"), types[0],
			DOCUMENT_TYPE_SIZE, RETENTION_RULES_MAX);
	if (r < 0 || n < 0)
		return r < 0 ? r : n;
	for (int i = 0; r == 0 && i < n; i++)
		r = add_rule(c, group, p, types[i], seconds);
	return r;
}

static int read_retention(const struct cfg *c, struct policy_retention *p)
{
	const config_setting_t *root = cfg_root(c);
	const config_setting_t *types;
	int r = cfg_check(c, root, KEYS);

	if (r == 0)
		r = read_days(c, root, "documents_days", DAYS_MIN, &p->other_s);
	if (r == 0)
		r = read_days(c, root, "refused_days", 1, &p->refused_s);
	if (r < 0)
		return r;
	types = config_setting_get_member(root, "types");
	for (int i = 0; r == 0 && types && i < config_setting_length(types); i++)
		r = read_rule(c, config_setting_get_elem(types, (unsigned int)i), p);
	return r;
}

int policy_load_retention(struct policy *p, const char *policies, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, policies, "retention.cfg");

	if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return r;
	r = cfg_open(path, &c, ret_error);
	return r == 0 ? read_retention(&c, &p->retention) : r;
}

const struct policy_retention *policy_retention(const struct policy *p)
{
	return &p->retention;
}
