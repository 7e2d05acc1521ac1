/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/degraded.h"

#include "policy/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECONDS_MIN 60
#define SECONDS_MAX (30 * 24 * 3600)

static const char *const NAMES[DEGRADED_DEPENDENCIES] = { [DEGRADED_LISTS] = "lists",
	[DEGRADED_CRL] = "crl",
	[DEGRADED_OCSP] = "ocsp",
	[DEGRADED_TSA] = "tsa",
	[DEGRADED_CLOCK] = "clock" };

static const struct cfg_key KEYS[] = {
	{ "mode", CFG_STRING, true },
	{ "seconds", CFG_INT, false },
	{ 0 },
};

/* The one file that there was before each dependency had its own. */
static const struct cfg_key OLD_KEYS[] = {
	{ "hold", CFG_GROUP, true },
	{ 0 },
};

static const struct cfg_key OLD_HOLD_KEYS[] = {
	{ "TRY_LATER", CFG_INT, false },
	{ 0 },
};

const char *degraded_name(enum degraded_dependency dependency)
{
	return NAMES[dependency];
}

static int read_seconds(
	const struct cfg *c, const config_setting_t *s, struct degraded_rule *rule)
{
	int seconds = config_setting_get_int(s);

	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		return cfg_fail(c, s, "%s must be %d to %d seconds",
			config_setting_name(s), SECONDS_MIN, SECONDS_MAX);
	rule->seconds = seconds;
	return 0;
}

static int read_mode(
	const struct cfg *c, const config_setting_t *s, enum degraded_mode *ret)
{
	static const char *const MODES[] = { [DEGRADED_REFUSE] = "refuse",
		[DEGRADED_HOLD] = "hold",
		[DEGRADED_GRACE] = "grace" };
	const char *text = config_setting_get_string(s);

	for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++)
		if (strcmp(text, MODES[i]) == 0) {
			*ret = (enum degraded_mode)i;
			return 0;
		}
	return cfg_fail(c, s, "mode is \"refuse\", \"hold\" or \"grace\"");
}

static int read_rule(const struct cfg *c, struct degraded_rule *rule)
{
	const config_setting_t *seconds, *mode;
	int r = cfg_check(c, cfg_root(c), KEYS);

	if (r < 0)
		return r;
	mode = config_setting_get_member(cfg_root(c), "mode");
	seconds = config_setting_get_member(cfg_root(c), "seconds");
	r = read_mode(c, mode, &rule->mode);
	if (r == 0 && !seconds != (rule->mode == DEGRADED_REFUSE))
		r = cfg_fail(c, mode, "hold and grace need seconds, refuse has none");
	return r == 0 && seconds ? read_seconds(c, seconds, rule) : r;
}

static int read_file(const char *path,
	int (*reader)(const struct cfg *c, struct degraded_rule *rule),
	struct degraded_rule *ret_rule, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	struct degraded_rule rule = { .mode = DEGRADED_REFUSE };
	int r;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = cfg_open(path, &c, ret_error);
	if (r == 0)
		r = reader(&c, &rule);
	if (r == 0)
		*ret_rule = rule;
	return r;
}

int degraded_read(const char *policies, enum degraded_dependency dependency,
	struct degraded_rule *ret_rule, char **ret_error)
{
	char name[40], path[PATH_MAX];
	int r;

	*ret_rule = (struct degraded_rule){ .mode = DEGRADED_REFUSE };
	snprintf(name, sizeof(name), "degraded/%s.cfg", NAMES[dependency]);
	r = policy_join(path, policies, name);
	return r == 0 ? read_file(path, read_rule, ret_rule, ret_error) : r;
}

static int read_old(const struct cfg *c, struct degraded_rule *rule)
{
	const config_setting_t *hold, *seconds;
	int r = cfg_check(c, cfg_root(c), OLD_KEYS);

	if (r < 0)
		return r;
	hold = config_setting_get_member(cfg_root(c), "hold");
	r = cfg_check(c, hold, OLD_HOLD_KEYS);
	seconds = r == 0 ? config_setting_get_member(hold, "TRY_LATER") : NULL;
	if (!seconds)
		return r;
	rule->mode = DEGRADED_HOLD;
	return read_seconds(c, seconds, rule);
}

/* revocation.cfg, where it is still there, stands for both kinds of revocation data. */
static int load_old(struct policy *p, const char *policies, char **ret_error)
{
	struct degraded_rule *rule = &p->degraded[DEGRADED_CRL];
	char path[PATH_MAX];
	int r = policy_join(path, policies, "degraded/revocation.cfg");

	if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return r;
	r = read_file(path, read_old, rule, ret_error);
	p->degraded[DEGRADED_OCSP] = *rule;
	return r;
}

int policy_load_degraded(struct policy *p, const char *policies, char **ret_error)
{
	int r = 0;

	for (int i = 0; r == 0 && i < DEGRADED_DEPENDENCIES; i++)
		r = degraded_read(policies, (enum degraded_dependency)i, &p->degraded[i],
			ret_error);
	return r == 0 ? load_old(p, policies, ret_error) : r;
}
