/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <string.h>

/* Destinations are read by connectors; here only whose system one is. */
#define SYSTEM_SIZE sizeof(((struct type_barred *)NULL)->system)

static int add(struct policy *p, const char *type, const char *system)
{
	struct type_barred *b;
	int r = policy_grow((void **)&p->barred, p->barred_count, sizeof(*p->barred));

	if (r < 0)
		return r;
	b = &p->barred[p->barred_count++];
	(void)strncpy(b->type, type, sizeof(b->type) - 1);
	(void)strncpy(b->system, system, sizeof(b->system) - 1);
	return 0;
}

/* The type by its name and by the names it once had, which routes may use as well. */
static int add_names(struct policy *p, const config_setting_t *root, const char *name,
	const char *system)
{
	const config_setting_t *aliases = config_setting_get_member(root, "aliases");
	int count = aliases ? config_setting_length(aliases) : 0;
	int r = add(p, name, system);

	for (int i = 0; r == 0 && i < count; i++) {
		const char *alias = config_setting_get_string_elem(aliases, i);

		if (alias && strlen(alias) < DOCUMENT_TYPE_SIZE)
			r = add(p, alias, system);
	}
	return r;
}

/* The rest of the file is document/types.c's. */
static int load_type(struct policy *p, const struct cfg *c, const char *file)
{
	const config_setting_t *root = cfg_root(c), *list;
	char systems[POLICY_LIST_MAX][SYSTEM_SIZE], name[DOCUMENT_TYPE_SIZE];
	int count, r;

	(void)file;
	list = config_setting_get_member(root, "barred");
	if (!list)
		return 0;
	if (!config_setting_is_aggregate(list) ||
		!config_setting_get_member(root, "name"))
		return cfg_fail(c, list, "barred is a list of systems of a named type");
	r = cfg_member_text(c, root, "name", name, sizeof(name));
	if (r < 0)
		return r;
	count = cfg_texts(c, list, systems[0], SYSTEM_SIZE, POLICY_LIST_MAX);
	if (count < 0)
		return count;
	for (int i = 0; r == 0 && i < count; i++)
		r = add_names(p, root, name, systems[i]);
	return r;
}

int policy_load_barred(struct policy *p, const char *policies, char **ret_error)
{
	return policy_each(p, policies, "types", load_type, ret_error);
}

static const struct type_barred *find(
	const struct policy *p, const char *type, const char *system)
{
	for (size_t i = 0; i < p->barred_count; i++)
		if ((strcmp(type, "*") == 0 || strcmp(p->barred[i].type, type) == 0) &&
			(!system || strcmp(p->barred[i].system, system) == 0))
			return &p->barred[i];
	return NULL;
}

static int check_destination(const struct policy *p, const struct cfg *c,
	const config_setting_t *at, const char *profile, const char *type)
{
	_cleanup_cfg_ struct cfg destination = { 0 };
	const struct type_barred *b;
	const char *system = NULL;
	int r = cfg_open(profile, &destination, c->ret_error);

	if (r < 0)
		return r;
	if (!config_setting_lookup_string(cfg_root(&destination), "system", &system))
		return 0;
	b = find(p, type, system);
	return b ? cfg_fail(
			   c, at, "%s never goes to a system that is %s", b->type, system)
		 : 0;
}

int policy_check_barred(const struct policy *p, const struct cfg *c,
	const config_setting_t *at, const char *folder, const struct route_rule *rule)
{
	char name[DESTINATION_NAME_SIZE + 5], path[PATH_MAX];
	int r = 0;

	for (size_t t = 0; t < rule->type_count; t++) {
		if (!find(p, rule->types[t], NULL))
			continue;
		for (size_t i = 0; r == 0 && i < rule->destination_count; i++) {
			(void)snprintf(
				name, sizeof(name), "%s.cfg", rule->destinations[i]);
			r = policy_join(path, folder, name);
			if (r == 0)
				r = check_destination(p, c, at, path, rule->types[t]);
		}
	}
	return r;
}
