/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>

static const struct cfg_key OFFICE_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "destination", CFG_STRING, true },
	{ "transport", CFG_STRINGS, true },
	{ "suspended", CFG_BOOL, false },
	{ 0 },
};

const struct customs_office *policy_customs_by_certificate(
	const struct policy *p, const char *sha256)
{
	for (size_t i = 0; i < p->office_count; i++)
		for (size_t n = 0; n < p->offices[i].transport_count; n++)
			if (strcmp(p->offices[i].transport[n], sha256) == 0)
				return &p->offices[i];
	return NULL;
}

static int read_transport(const struct cfg *c, const struct policy *p,
	const config_setting_t *list, struct customs_office *o)
{
	int count = config_setting_length(list), r = 0;

	if (count > CUSTOMS_CERTIFICATES_MAX)
		return cfg_fail(c, list, "more than %d transport certificates",
			CUSTOMS_CERTIFICATES_MAX);
	for (int i = 0; r == 0 && i < count; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);
		char *sha256 = o->transport[o->transport_count];

		r = cfg_sha256(c, s, sha256);
		if (r == 0 && policy_customs_by_certificate(p, sha256))
			r = cfg_fail(c, s, "transport certificate %s is enrolled twice",
				sha256);
		o->transport_count += r == 0;
	}
	return r;
}

static int read_office(
	const struct cfg *c, const struct policy *p, struct customs_office *o)
{
	const config_setting_t *root = cfg_root(c);
	int suspended = 0, r = cfg_check(c, root, OFFICE_KEYS);

	if (r == 0)
		r = cfg_member_text(c, root, "name", o->name, sizeof(o->name));
	if (r == 0)
		r = cfg_member_text(
			c, root, "destination", o->destination, sizeof(o->destination));
	if (r == 0 && (!cfg_name_ok(o->name) || !cfg_name_ok(o->destination) ||
			      strlen(o->destination) > DESTINATION_NAME_SIZE - 16))
		r = cfg_fail(c, root,
			"name and destination have letters, digits, '-', '_', '.' only, "
			"a destination at most 48");
	for (size_t i = 0; r == 0 && i < p->office_count; i++)
		if (strcmp(p->offices[i].destination, o->destination) == 0)
			r = cfg_fail(c, root,
				"destination %s is another office's: each has a feed and "
				"a "
				"cursor of its own",
				o->destination);
	if (r < 0)
		return r;
	config_setting_lookup_bool(root, "suspended", &suspended);
	o->suspended = suspended != 0;
	return read_transport(c, p, config_setting_get_member(root, "transport"), o);
}

static int load_office(struct policy *p, const struct cfg *c, const char *file)
{
	int r = policy_grow((void **)&p->offices, p->office_count, sizeof(*p->offices));

	(void)file;
	if (r == 0)
		r = read_office(c, p, &p->offices[p->office_count]);
	p->office_count += r == 0;
	return r;
}

int policy_load_customs(struct policy *p, const char *policies, char **ret_error)
{
	return policy_each(p, policies, "customs", load_office, ret_error);
}
