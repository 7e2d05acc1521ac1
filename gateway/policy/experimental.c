/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/judged.h"
#include "policy/load.h"

#include "document/experimental.h"

#include <string.h>

static const struct cfg_key KEYS[] = {
	{ "types", CFG_STRINGS, false },
	{ "versions", CFG_STRINGS, false },
	{ 0 },
};

static int read_names(const struct cfg *c, const config_setting_t *group,
	const char *name, char ret_names[PARTNER_EXPERIMENTS_MAX][DOCUMENT_TYPE_SIZE])
{
	const config_setting_t *list = config_setting_get_member(group, name);
	int n = list ? cfg_texts(c, list, ret_names[0], sizeof(ret_names[0]),
			       PARTNER_EXPERIMENTS_MAX)
		     : 0;

	return n < 0 ? n : 0;
}

int policy_read_experimental(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *group = config_setting_get_member(root, "experimental");
	int r = group ? cfg_check(c, group, KEYS) : 0;

	if (group && r == 0)
		r = read_names(c, group, "types", partner->experimental_types);
	if (group && r == 0)
		r = read_names(c, group, "versions", partner->experimental_versions);
	return r;
}

static bool named(
	char const names[PARTNER_EXPERIMENTS_MAX][DOCUMENT_TYPE_SIZE], const char *name)
{
	for (size_t i = 0; i < PARTNER_EXPERIMENTS_MAX && *names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool policy_partner_tries_type(const struct partner *partner, const char *type)
{
	return named(partner->experimental_types, type);
}

bool policy_partner_tries_version(const struct partner *partner, const char *version)
{
	return named(partner->experimental_versions, version);
}

/* Whom policy allows it by name is told nothing; where nothing that is taken is real, it
 * is a warning. */
void judge_experimental(struct judged *j)
{
	const struct partner *p = j->partner;
	bool unreal = j->context->test || (p && p->sandbox);
	struct experimental what =
		document_experimental(j->context->types, j->type, &j->facts);

	if (p && what.type && policy_partner_tries_type(p, j->type->name))
		what.type = false;
	if (p && what.version && policy_partner_tries_version(p, j->facts.version))
		what.version = false;
	if (unreal || (!what.type && !what.version))
		j->seen |= SEEN_PROVEN;
	document_experimental_say(what, j->type, &j->facts, j->tree,
		unreal ? NULL
		: p    ? p->name
		       : "an unknown partner",
		&j->findings);
}
