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
	int64_t t;
	int r;

	if (!at)
		return 0;
	if (config_setting_type(at) != CONFIG_TYPE_STRING ||
		clock_parse(config_setting_get_string(at), &t) < 0)
		return cfg_fail(c, at, "sunset is a time of RFC 3339");
	if (!config_setting_get_member(root, "name"))
		return cfg_fail(c, root, "name is missing");
	r = policy_grow((void **)&p->sunsets, p->sunset_count, sizeof(*p->sunsets));
	if (r < 0)
		return r;
	s = &p->sunsets[p->sunset_count];
	r = cfg_member_text(c, root, "name", s->type, sizeof(s->type));
	if (r == 0)
		r = cfg_text(c, at, s->at, sizeof(s->at));
	p->sunset_count += r == 0;
	return r;
}

static int load_type(struct policy *p, const struct cfg *c, const char *file)
{
	(void)file;
	return read_type(c, p);
}

int policy_load_sunsets(struct policy *p, const char *policies, char **ret_error)
{
	return policy_each(p, policies, "types", load_type, ret_error);
}

const char *policy_sunset(const struct policy *p, const char *type)
{
	for (size_t i = 0; i < p->sunset_count; i++)
		if (strcmp(p->sunsets[i].type, type) == 0)
			return p->sunsets[i].at;
	return NULL;
}
