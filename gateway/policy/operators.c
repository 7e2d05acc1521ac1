/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char *const ROLES[POLICY_ROLES] = { "viewer", "operator", "policy-officer",
	"key-custodian", "auditor" };

static const struct cfg_key OPERATORS_KEYS[] = {
	{ "people", CFG_GROUPS, true },
	{ "roles", CFG_GROUP, true },
	{ "four_eyes", CFG_STRINGS, false },
	{ "release_review", CFG_GROUP, false },
	{ 0 },
};

#define REVIEW_HOURS 24
#define REVIEW_HOURS_MAX 720

static const struct cfg_key REVIEW_KEYS[] = {
	{ "roles", CFG_STRINGS, true },
	{ "hours", CFG_INT, false },
	{ 0 },
};

static const struct cfg_key PERSON_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "sha256", CFG_STRING, true },
	{ "role", CFG_STRING, true },
	{ 0 },
};

int policy_role_index(const char *role)
{
	for (int i = 0; i < POLICY_ROLES; i++)
		if (strcmp(ROLES[i], role) == 0)
			return i;
	return -1;
}

static int check_person(const struct cfg *c, const config_setting_t *group,
	const struct policy *p, const struct operator_person *person)
{
	if (policy_role_index(person->role) < 0)
		return cfg_fail(c, config_setting_get_member(group, "role"),
			"role cannot be \"%s\"", person->role);
	if (policy_operator_by_certificate(p, person->sha256))
		return cfg_fail(
			c, group, "certificate %s belongs to two people", person->sha256);
	for (size_t i = 0; i < p->person_count; i++)
		if (strcmp(p->people[i].name, person->name) == 0)
			return cfg_fail(c, group, "%s is there twice", person->name);
	return 0;
}

static int read_person(
	const struct cfg *c, const config_setting_t *group, struct policy *p)
{
	struct operator_person *person;
	int r = policy_grow((void **)&p->people, p->person_count, sizeof(*p->people));

	if (r < 0)
		return r;
	person = &p->people[p->person_count];
	r = cfg_check(c, group, PERSON_KEYS);
	if (r == 0)
		r = cfg_member_text(c, group, "name", person->name, sizeof(person->name));
	if (r == 0)
		r = cfg_sha256(
			c, config_setting_get_member(group, "sha256"), person->sha256);
	if (r == 0)
		r = cfg_member_text(c, group, "role", person->role, sizeof(person->role));
	if (r == 0)
		r = check_person(c, group, p, person);
	p->person_count += r == 0;
	return r;
}

static int read_verbs(
	const struct cfg *c, const config_setting_t *list, struct role_verbs *ret_verbs)
{
	int n = cfg_texts(
		c, list, ret_verbs->verbs[0], POLICY_VERB_SIZE, POLICY_VERBS_MAX);

	if (n < 0)
		return n;
	ret_verbs->count = (size_t)n;
	return 0;
}

static int read_role(const struct cfg *c, const config_setting_t *list, struct policy *p)
{
	return read_verbs(
		c, list, &p->roles[policy_role_index(config_setting_name(list))]);
}

static int read_roles(
	const struct cfg *c, const config_setting_t *roles, struct policy *p)
{
	struct cfg_key keys[POLICY_ROLES + 1] = { 0 };
	int r;

	for (int i = 0; i < POLICY_ROLES; i++)
		keys[i] = (struct cfg_key){ ROLES[i], CFG_STRINGS, false };
	r = cfg_check(c, roles, keys);
	for (int i = 0; r == 0 && i < config_setting_length(roles); i++)
		r = read_role(c, config_setting_get_elem(roles, (unsigned int)i), p);
	return r;
}

/* What one person must never do alone, whatever a policy says. */
static const char *const ALWAYS_TWO[] = { "keys" };

static int check_four_eyes(const struct cfg *c, const struct policy *p)
{
	const config_setting_t *at = config_setting_get_member(cfg_root(c), "roles");

	for (size_t i = 0; i < sizeof(ALWAYS_TWO) / sizeof(ALWAYS_TWO[0]); i++)
		for (size_t role = 0; role < POLICY_ROLES; role++)
			if (policy_role_may(p, ROLES[role], ALWAYS_TWO[i]) &&
				!policy_needs_two(p, ALWAYS_TWO[i]))
				return cfg_fail(c, at,
					"the verb \"%s\" takes two people: four_eyes has "
					"to list it",
					ALWAYS_TWO[i]);
	return 0;
}

/* A release waits for a person of these roles, so long. */
static int read_review(
	const struct cfg *c, const config_setting_t *group, struct policy *p)
{
	const config_setting_t *roles, *hours;
	char names[POLICY_ROLES][POLICY_VERB_SIZE];
	int count, index, r = cfg_check(c, group, REVIEW_KEYS);

	if (r < 0)
		return r;
	roles = config_setting_get_member(group, "roles");
	count = cfg_texts(c, roles, names[0], POLICY_VERB_SIZE, POLICY_ROLES);
	if (count < 0)
		return count;
	if (count == 0)
		return cfg_fail(c, roles, "nobody could confirm a release");
	for (int i = 0; i < count; i++) {
		index = policy_role_index(names[i]);
		if (index < 0)
			return cfg_fail(c, roles, "role cannot be \"%s\"", names[i]);
		p->reviewers[index] = true;
	}
	hours = config_setting_get_member(group, "hours");
	p->review_hours = hours ? config_setting_get_int(hours) : REVIEW_HOURS;
	if (p->review_hours < 1 || p->review_hours > REVIEW_HOURS_MAX)
		return cfg_fail(c, hours, "hours must be 1 to %d", REVIEW_HOURS_MAX);
	return 0;
}

static int read_operators(const struct cfg *c, struct policy *p)
{
	const config_setting_t *root = cfg_root(c);
	const config_setting_t *people;
	int r = cfg_check(c, root, OPERATORS_KEYS);

	if (r < 0)
		return r;
	people = config_setting_get_member(root, "people");
	for (int i = 0; r == 0 && i < config_setting_length(people); i++)
		r = read_person(c, config_setting_get_elem(people, (unsigned int)i), p);
	if (r == 0)
		r = read_roles(c, config_setting_get_member(root, "roles"), p);
	if (r == 0 && config_setting_get_member(root, "four_eyes"))
		r = read_verbs(
			c, config_setting_get_member(root, "four_eyes"), &p->four_eyes);
	if (r == 0 && config_setting_get_member(root, "release_review"))
		r = read_review(c, config_setting_get_member(root, "release_review"), p);
	return r == 0 ? check_four_eyes(c, p) : r;
}

/* Without the file nobody is an operator. */
int policy_load_operators(struct policy *p, const char *policies, char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, policies, "operators.cfg");

	if (r < 0 || (access(path, F_OK) < 0 && errno == ENOENT))
		return r;
	r = cfg_open(path, &c, ret_error);
	return r == 0 ? read_operators(&c, p) : r;
}
