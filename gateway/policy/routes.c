/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>

static const struct cfg_key ROUTE_KEYS[] = {
	{ "rules", CFG_GROUPS, true },
	{ 0 },
};

static const struct cfg_key RULE_KEYS[] = {
	{ "types", CFG_STRINGS, true },
	{ "import_countries", CFG_STRINGS, true },
	{ "destinations", CFG_STRINGS, true },
	{ 0 },
};

struct names {
	char folder[PATH_MAX];
	char **list;
	size_t count;
};

static void names_done(struct names *n)
{
	cfg_names_free(n->list, n->count);
}

/* A destination exists when its profile does: NAME.cfg. */
static bool have_destination(const struct names *profiles, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < profiles->count; i++)
		if (strlen(profiles->list[i]) == len + 4 &&
			strncmp(profiles->list[i], name, len) == 0)
			return true;
	return false;
}

static int check_destinations(const struct cfg *c, const config_setting_t *list,
	const struct names *profiles, const struct route_rule *rule)
{
	for (size_t i = 0; i < rule->destination_count; i++)
		if (!cfg_name_ok(rule->destinations[i]) ||
			!have_destination(profiles, rule->destinations[i]))
			return cfg_fail(c, config_setting_get_elem(list, (unsigned int)i),
				"there is no routes/destinations/%s.cfg",
				rule->destinations[i]);
	return 0;
}

static int check_countries(
	const struct cfg *c, const config_setting_t *list, const struct route_rule *rule)
{
	char country[COUNTRY_SIZE];
	int r = 0;

	for (size_t i = 0; r == 0 && i < rule->import_count; i++)
		if (strcmp(rule->import_countries[i], "*") != 0)
			r = cfg_country(c, config_setting_get_elem(list, (unsigned int)i),
				country);
	return r;
}

/* One list of a rule; an empty one would match or send nothing and is a slip. */
static int read_list(const struct cfg *c, const config_setting_t *group, const char *name,
	char *ret_texts, size_t size, size_t max, size_t *ret_count)
{
	const config_setting_t *list = config_setting_get_member(group, name);
	int n = cfg_texts(c, list, ret_texts, size, max);

	if (n == 0)
		return cfg_fail(c, list, "%s is empty", name);
	if (n < 0)
		return n;
	*ret_count = (size_t)n;
	return 0;
}

static int read_rule(const struct policy *p, const struct cfg *c,
	const config_setting_t *group, const struct names *profiles,
	struct route_rule *rule)
{
	int r = cfg_check(c, group, RULE_KEYS);

	if (r == 0)
		r = read_list(c, group, "types", rule->types[0], sizeof(rule->types[0]),
			POLICY_LIST_MAX, &rule->type_count);
	if (r == 0)
		r = read_list(c, group, "import_countries", rule->import_countries[0],
			sizeof(rule->import_countries[0]), POLICY_LIST_MAX,
			&rule->import_count);
	if (r == 0)
		r = read_list(c, group, "destinations", rule->destinations[0],
			sizeof(rule->destinations[0]), ROUTE_DESTINATIONS_MAX,
			&rule->destination_count);
	if (r == 0)
		r = check_countries(
			c, config_setting_get_member(group, "import_countries"), rule);
	if (r == 0)
		r = check_destinations(c,
			config_setting_get_member(group, "destinations"), profiles, rule);
	return r == 0 ? policy_check_barred(p, c, group, profiles->folder, rule) : r;
}

static int read_rules(const struct cfg *c, const struct names *profiles, struct policy *p)
{
	const config_setting_t *list;
	int r = cfg_check(c, cfg_root(c), ROUTE_KEYS);

	if (r < 0)
		return r;
	list = config_setting_get_member(cfg_root(c), "rules");
	for (int i = 0; r == 0 && i < config_setting_length(list); i++) {
		r = policy_grow((void **)&p->rules, p->rule_count, sizeof(*p->rules));
		if (r == 0)
			r = read_rule(p, c,
				config_setting_get_elem(list, (unsigned int)i), profiles,
				&p->rules[p->rule_count]);
		p->rule_count += r == 0;
	}
	return r;
}

static int load_file(struct policy *p, const char *folder, const char *file,
	const struct names *profiles, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, folder, file);

	if (r == 0)
		r = cfg_open(path, &c, ret_error);
	return r == 0 ? read_rules(&c, profiles, p) : r;
}

static int list_folder(
	const char *parent, const char *name, struct names *ret_names, char **ret_error)
{
	int r = policy_join(ret_names->folder, parent, name);

	if (r < 0)
		return r;
	r = cfg_files(ret_names->folder, &ret_names->list);
	if (r < 0)
		return policy_fail(ret_error, r, ret_names->folder);
	ret_names->count = (size_t)r;
	return 0;
}

int policy_load_routes(struct policy *p, const char *policies, char **ret_error)
{
	_cleanup_(names_done) struct names profiles = { 0 };
	_cleanup_(names_done) struct names files = { 0 };
	int r = list_folder(policies, "routes/destinations", &profiles, ret_error);

	if (r == 0)
		r = list_folder(policies, "routes", &files, ret_error);
	for (size_t i = 0; r == 0 && i < files.count; i++)
		r = load_file(p, files.folder, files.list[i], &profiles, ret_error);
	return r;
}

static bool listed(const char *texts, size_t size, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts + i * size, "*") == 0 ||
			strcmp(texts + i * size, text) == 0)
			return true;
	return false;
}

size_t policy_route(const struct policy *p, const char *type, const char *import_country,
	char ret_names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE])
{
	for (size_t i = 0; i < p->rule_count; i++) {
		const struct route_rule *r = &p->rules[i];

		if (!listed(r->types[0], sizeof(r->types[0]), r->type_count, type) ||
			!listed(r->import_countries[0], sizeof(r->import_countries[0]),
				r->import_count, import_country))
			continue;
		memcpy(ret_names, r->destinations, sizeof(r->destinations));
		return r->destination_count;
	}
	return 0;
}
