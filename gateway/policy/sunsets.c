/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include "common/clock.h"

#include <errno.h>
#include <string.h>

/* The rest of the file is document/types.c's. */
static int read_type(const struct cfg *c, struct policy *p)
{
	const config_setting_t *root = cfg_root(c);
	const config_setting_t *at = config_setting_get_member(root, "sunset");
	struct type_sunset *s;
	int experimental = 0;
	int64_t t;
	int r;

	config_setting_lookup_bool(root, "experimental", &experimental);
	if (!at && !experimental)
		return 0;
	if (at && (config_setting_type(at) != CONFIG_TYPE_STRING ||
			  clock_parse(config_setting_get_string(at), &t) < 0))
		return cfg_fail(c, at, "sunset is a time of RFC 3339");
	if (!config_setting_get_member(root, "name"))
		return cfg_fail(c, root, "name is missing");
	r = policy_grow((void **)&p->sunsets, p->sunset_count, sizeof(*p->sunsets));
	if (r < 0)
		return r;
	s = &p->sunsets[p->sunset_count];
	r = cfg_member_text(c, root, "name", s->type, sizeof(s->type));
	if (r == 0 && at)
		r = cfg_text(c, at, s->at, sizeof(s->at));
	s->experimental = experimental != 0;
	p->sunset_count += r == 0;
	return r;
}

static int load_type(struct policy *p, const struct cfg *c, const char *file)
{
	(void)file;
	return read_type(c, p);
}

static const struct cfg_key VERSION_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "namespaces", CFG_GROUPS, true },
	{ "lists", CFG_GROUP, false },
	{ "schema", CFG_STRING, false },
	{ "sunset", CFG_STRING, true },
	{ "experimental", CFG_BOOL, true },
	{ 0 },
};

/* What else is in the file is document/versions.c's; the first namespace is the root's.
 */
static int load_version(struct policy *p, const struct cfg *c, const char *file)
{
	config_setting_t *root = cfg_root(c), *list, *first, *of;
	struct version_sunset *v;
	int64_t t;
	int r = cfg_check(c, root, VERSION_KEYS);

	(void)file;
	if (r < 0)
		return r;
	r = policy_grow((void **)&p->versions, p->version_count, sizeof(*p->versions));
	if (r < 0)
		return r;
	list = config_setting_get_member(root, "namespaces");
	first = config_setting_get_elem(list, 0);
	of = first ? config_setting_get_member(first, "of") : NULL;
	if (!of)
		return cfg_fail(c, list, "the first namespace is missing");
	v = &p->versions[p->version_count];
	r = cfg_member_text(c, root, "name", v->name, sizeof(v->name));
	if (r == 0)
		r = cfg_text(c, of, v->root, sizeof(v->root));
	if (r == 0)
		r = cfg_member_text(c, root, "sunset", v->at, sizeof(v->at));
	if (r == 0 && clock_parse(v->at, &t) < 0)
		r = cfg_fail(c, config_setting_get_member(root, "sunset"),
			"sunset is a time of RFC 3339");
	v->experimental =
		config_setting_get_bool(config_setting_get_member(root, "experimental"));
	p->version_count += r == 0;
	return r;
}

int policy_load_sunsets(struct policy *p, const char *policies, char **ret_error)
{
	int r = policy_each(p, policies, "types", load_type, ret_error);

	return r < 0 ? r : policy_each(p, policies, "versions", load_version, ret_error);
}

size_t policy_version_count(const struct policy *p)
{
	return p->version_count;
}

void policy_version(const struct policy *p, size_t index, struct policy_version *ret)
{
	const struct version_sunset *v = &p->versions[index];

	*ret = (struct policy_version){ .name = v->name,
		.root = v->root,
		.sunset = v->at,
		.experimental = v->experimental };
}

static const struct type_sunset *find_type(const struct policy *p, const char *type)
{
	for (size_t i = 0; i < p->sunset_count; i++)
		if (strcmp(p->sunsets[i].type, type) == 0)
			return &p->sunsets[i];
	return NULL;
}

const char *policy_sunset(const struct policy *p, const char *type)
{
	const struct type_sunset *s = find_type(p, type);

	return s && *s->at ? s->at : NULL;
}

bool policy_type_experimental(const struct policy *p, const char *type)
{
	const struct type_sunset *s = find_type(p, type);

	return s && s->experimental;
}
