/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/renewal.h"

#include "pki/token.h"
#include "policy/cfg.h"
#include "xades/catalogue.h"

#include <errno.h>
#include <string.h>

#define DAY_S INT64_C(86400)
#define STEP_S (30 * DAY_S)
#define LT_AFTER_S 86400
#define RETRY_S 3600
#define BEFORE_DAYS 90

static const struct cfg_key KEYS[] = {
	{ "to", CFG_STRING, true },
	{ "lt_after_s", CFG_INT, false },
	{ "retry_s", CFG_INT, false },
	{ "before_days", CFG_INT, false },
	{ 0 },
};

static const char *const TEXTS[] = {
	[LEVEL_NONE] = "",
	[LEVEL_B] = "B",
	[LEVEL_T] = "T",
	[LEVEL_LT] = "LT",
	[LEVEL_LTA] = "LTA",
};

const char *seal_level_text(enum seal_level level)
{
	return (size_t)level < sizeof(TEXTS) / sizeof(TEXTS[0]) ? TEXTS[level] : "";
}

enum seal_level seal_level_find(const char *text)
{
	for (int i = LEVEL_B; i <= LEVEL_LTA; i++)
		if (strcmp(TEXTS[i], text) == 0)
			return (enum seal_level)i;
	return LEVEL_NONE;
}

static int read_int(const struct cfg *c, const char *name, int min, int max, int *ret)
{
	const config_setting_t *s = config_setting_get_member(cfg_root(c), name);
	int n = s ? config_setting_get_int(s) : *ret;

	if (n < min || n > max)
		return cfg_fail(c, s, "%s must be %d to %d", name, min, max);
	*ret = n;
	return 0;
}

static int read_rule(const struct cfg *c, struct renewal_rule *r)
{
	const config_setting_t *to;

	if (cfg_check(c, cfg_root(c), KEYS) < 0)
		return -EINVAL;
	to = config_setting_get_member(cfg_root(c), "to");
	r->to = seal_level_find(config_setting_get_string(to));
	if (r->to < LEVEL_T)
		return cfg_fail(c, to, "to is \"T\", \"LT\" or \"LTA\"");
	if (read_int(c, "lt_after_s", 1, 30 * (int)DAY_S, &r->lt_after_s) < 0 ||
		read_int(c, "retry_s", 1, (int)DAY_S, &r->retry_s) < 0 ||
		read_int(c, "before_days", 1, 3650, &r->before_days) < 0)
		return -EINVAL;
	return 0;
}

int renewal_rule_open(
	const struct instance *instance, struct renewal_rule *ret, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = instance_path(instance, RENEWAL_FILE, path);

	*ret_error = NULL;
	*ret = (struct renewal_rule){ .to = LEVEL_T,
		.lt_after_s = LT_AFTER_S,
		.retry_s = RETRY_S,
		.before_days = BEFORE_DAYS };
	if (r == 0)
		r = cfg_open(path, &c, ret_error);
	if (r == -ENOENT) {
		free(TAKE(*ret_error));
		return 0;
	}
	return r < 0 ? r : read_rule(&c, ret);
}

int64_t renewal_due(const struct renewal_rule *rule, enum seal_level level, bool bare,
	int64_t now, int64_t end)
{
	if (level == LEVEL_B && bare)
		return now + 1;
	if (level >= rule->to)
		return level == LEVEL_LTA && end
			       ? end - rule->before_days * DAY_S > now
					 ? end - rule->before_days * DAY_S
					 : now + rule->retry_s
			       : 0;
	/* By policy at B with a record: to T only on the way to more. */
	if (level == LEVEL_B)
		return rule->to > LEVEL_T ? now + 1 : 0;
	return level == LEVEL_T ? now + rule->lt_after_s : now + 1;
}

int64_t renewal_end_of(struct span token, int64_t now)
{
	enum xades_profile profile = XADES_EIDAS;
	struct token_result t = { 0 };
	int64_t end = 0, from, at;

	if (token_inspect(token, (struct span){ 0 }, NULL, &t) == 0 &&
		t.outcome == TOKEN_PASSED && t.signer)
		(void)pki_certificate_validity(t.signer, &from, &end);
	for (at = now; at < end; at += STEP_S)
		if (!catalogue_strength(&profile, t.signature_digest, &t.key, at))
			end = at;
	token_result_done(&t);
	return end;
}
