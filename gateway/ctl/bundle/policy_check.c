/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/policy_check.h"

#include "ctl/backup/backup_orders.h"
#include "ctl/bundle/policy_lists.h"
#include "ctl/bundle/policy_messages.h"
#include "ctl/command.h"
#include "ctl/instance/init.h"

#include "connectors/profile.h"
#include "policy/cfg.h"
#include "policy/policy.h"
#include "xml/reader.h"

#include <errno.h>
#include <string.h>

#define RULES_MAX 4096

struct checking {
	const char *policies;
	FILE *out;
	struct policy_checked *checked;
	struct policy *policy;
	struct document_types *types;
	struct profiles *profiles;
	/* By index of the rule: an example shows it failing, one that passes looked at
	 * something by it. */
	bool failed[RULES_MAX], passed[RULES_MAX];
};

static void fault(const struct checking *c, const char *what)
{
	fprintf(c->out, "%s\n", what);
	c->checked->faults++;
}

/* A part that cannot be loaded is a fault with the loader's own line. */
static int loaded(const struct checking *c, int r, char *error)
{
	if (r < 0)
		fault(c, error ? error : strerror(-r));
	free(error);
	return r == -ENOMEM ? r : 0;
}

static int load(struct checking *c)
{
	char *error = NULL;
	int r = policy_load(c->policies, &c->policy, &error);

	r = loaded(c, r, error);
	if (r == 0) {
		r = document_types_load(c->policies, &c->types, &error);
		r = loaded(c, r, error);
	}
	if (r == 0) {
		r = profiles_load(c->policies, &c->profiles, &error);
		r = loaded(c, r, error);
	}
	xml_setup();
	if (c->policy)
		(void)snprintf(c->checked->digest, sizeof(c->checked->digest), "%s",
			policy_digest(c->policy));
	return r;
}

static void partner_fault(const struct checking *c, const struct partner *p,
	const char *what, const char *name)
{
	char text[PATH_MAX + 200];

	(void)snprintf(text, sizeof(text), "%s/partners/%s.cfg:0: %s %s", c->policies,
		p->name, what, name);
	fault(c, text);
}

static const struct policy_version *version_named(
	const struct checking *c, const char *name, struct policy_version *ret)
{
	for (size_t i = 0; i < policy_version_count(c->policy); i++) {
		policy_version(c->policy, i, ret);
		if (strcmp(ret->name, name) == 0)
			return ret;
	}
	return NULL;
}

/* Allowed is what would be refused without it, and nothing else. */
static void check_experiments(const struct checking *c, const struct partner *p)
{
	const char *name;

	for (size_t i = 0; i < PARTNER_EXPERIMENTS_MAX; i++) {
		name = p->experimental_types[i];
		if (!*name)
			break;
		if (!policy_partner_may_send(p, name))
			partner_fault(
				c, p, "experimental names a type not in types:", name);
		else if (!policy_type_experimental(c->policy, name))
			partner_fault(
				c, p, "experimental names a type that is not:", name);
	}
	for (size_t i = 0; i < PARTNER_EXPERIMENTS_MAX; i++) {
		struct policy_version v;

		name = p->experimental_versions[i];
		if (!*name)
			break;
		if (!version_named(c, name, &v))
			partner_fault(
				c, p, "experimental names a version unknown:", name);
		else if (!v.experimental)
			partner_fault(
				c, p, "experimental names a version that is not:", name);
	}
}

/* A partner that may send what does not exist. */
static void check_partners(const struct checking *c)
{
	const struct partner *p;

	for (size_t i = 0; (p = policy_partner_at(c->policy, i)) != NULL; i++) {
		for (size_t k = 0; k < p->type_count; k++)
			if (!document_type_named(c->types, p->types[k]))
				partner_fault(
					c, p, "there is no document type", p->types[k]);
		check_experiments(c, p);
	}
}

static void rule_fault(const struct checking *c, const char *what, const char *id)
{
	char text[PATH_MAX + 200];

	(void)snprintf(text, sizeof(text), "%s: %s %s", c->policies, what, id);
	fault(c, text);
}

/* Whatever a document may carry is bounded and recognised, or refused. */
static void check_attachments(const struct checking *c)
{
	const struct document_type *t;

	for (size_t i = 0; (t = document_type_at(c->types, i)) != NULL; i++)
		if (!t->attachments.given)
			rule_fault(c, "nothing about attachments in the type", t->name);
		else if (t->attachments.mode != ATTACHMENTS_REFUSED &&
			 !t->attachments.kinds)
			rule_fault(c, "kinds of attachments are believed in the type",
				t->name);
}

static bool known_before(const struct checking *c, size_t index, const char *id)
{
	struct document_rule other;

	for (size_t k = 0; k < index; k++)
		if (document_types_rule(c->types, k, &other) && strcmp(id, other.id) == 0)
			return true;
	return false;
}

/* An id is one rule's, and says on what it stands. */
static void check_rules(const struct checking *c)
{
	struct document_rule rule;

	for (size_t i = 0; document_types_rule(c->types, i, &rule); i++) {
		c->checked->rules++;
		if (known_before(c, i, rule.id))
			rule_fault(c, "two rules or checks have the id", rule.id);
		if (!rule.sourced)
			rule_fault(c, "no source (see) of", rule.id);
	}
	while (document_type_at(c->types, c->checked->types))
		c->checked->types++;
}

/* Without the role nothing that goes to such a destination would be sealed, for anybody.
 */
static bool signer_knows(const struct checking *c, const char *role)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	struct cfg roles;
	bool known;

	(void)snprintf(path, sizeof(path), "%s/signature/roles.cfg", c->policies);
	if (cfg_open(path, &roles, &error) < 0)
		return false;
	known = config_setting_get_member(cfg_root(&roles), role) != NULL;
	cfg_close(&roles);
	return known;
}

static void check_destinations(const struct checking *c)
{
	char text[PATH_MAX + 200];

	for (size_t i = 0; i < c->profiles->count; i++) {
		const struct profile *p = &c->profiles->list[i];

		if (p->inside == PROFILE_INSIDE_NONE || signer_knows(c, "seal-inside"))
			continue;
		(void)snprintf(text, sizeof(text),
			"%s/routes/destinations/%s.cfg:0: seal_inside, and there is no "
			"role seal-inside in signature/roles.cfg",
			c->policies, p->name);
		fault(c, text);
	}
}

static void line_fault(const void *data, const char *line)
{
	fault(data, line);
}

static int lint(struct checking *c)
{
	int r = load(c);

	if (r == 0 && c->types)
		check_rules(c);
	if (r == 0 && c->types)
		check_attachments(c);
	if (r == 0 && c->types && c->policy)
		check_partners(c);
	if (r == 0 && c->profiles)
		check_destinations(c);
	if (r == 0)
		r = backup_recipients_check(c->policies, line_fault, c) < 0 ? -EIO : 0;
	if (r == 0 && c->types)
		r = policy_messages_check(c->policies, c->types, line_fault, c);
	if (r == 0 && c->policy)
		r = policy_languages_check(c->policies, c->policy, line_fault, c);
	return r == 0 ? policy_lists_check(c->policies, line_fault, c) : r;
}

static void note_rules(struct checking *c, const struct example *e)
{
	struct document_rule rule;

	for (size_t i = 0; i < RULES_MAX && document_types_rule(c->types, i, &rule);
		i++) {
		c->passed[i] |= e->name_count == 0 && rule.looked > 0;
		for (size_t n = 0; n < e->name_count; n++)
			c->failed[i] |= strcmp(rule.id, e->names[n]) == 0;
	}
}

static void told(void *data, const struct example *e, const char *failure)
{
	struct checking *c = data;

	c->checked->examples++;
	if (failure)
		fault(c, failure);
	else
		note_rules(c, e);
	if (document_types_watch(c->types) < 0)
		fault(c, "there is no memory");
}

static void check_coverage(const struct checking *c)
{
	struct document_rule rule;

	for (size_t i = 0; i < RULES_MAX && document_types_rule(c->types, i, &rule);
		i++) {
		if (rule.optional)
			continue; /* its list is not ours: nor are examples */
		if (!c->failed[i])
			rule_fault(c, "no failing example of", rule.id);
		else if (!c->passed[i])
			rule_fault(c, "no passing example of", rule.id);
	}
}

static void checking_done(struct checking *c)
{
	policy_free(c->policy);
	document_types_free(c->types);
	profiles_free(c->profiles);
}

int policy_check_lint(const char *policies, FILE *out, struct policy_checked *ret)
{
	struct checking c = { .policies = policies, .out = out, .checked = ret };
	int r;

	*ret = (struct policy_checked){ 0 };
	r = lint(&c);
	checking_done(&c);
	return r;
}

int policy_check_test(const char *policies, FILE *out, struct policy_checked *ret)
{
	struct checking c = { .policies = policies, .out = out, .checked = ret };
	char *error = NULL;
	int r;

	*ret = (struct policy_checked){ 0 };
	r = lint(&c);
	if (r == 0 && ret->faults == 0)
		r = document_types_watch(c.types);
	if (r == 0 && ret->faults == 0) {
		r = policy_examples_run(policies, c.types, told, &c, &error);
		r = loaded(&c, r, error);
	}
	if (r == 0 && ret->faults == 0)
		check_coverage(&c);
	checking_done(&c);
	return r;
}

int policy_folder(const char *named, char ret_path[PATH_MAX])
{
	const char *instance = getenv("SEALGATE_INSTANCE");

	if (named || instance)
		return snprintf(ret_path, PATH_MAX, "%s%s", named ? named : instance,
			       named ? "" : "/policies") < PATH_MAX
			       ? 0
			       : -ENAMETOOLONG;
	if (init_shared_policies(ret_path) < 0)
		return command_fault("there are no policies beside the program; name "
				     "--policies or an instance");
	return 0;
}
