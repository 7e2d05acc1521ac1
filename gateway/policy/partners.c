/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <string.h>

static const struct cfg_key PARTNER_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "kind", CFG_STRING, false },
	{ "country", CFG_STRING, true },
	{ "transport", CFG_STRINGS, true },
	{ "signers", CFG_GROUPS, true },
	{ "types", CFG_STRINGS, true },
	{ "suspended", CFG_BOOL, false },
	{ "sandbox", CFG_BOOL, false },
	{ "tls12", CFG_BOOL, false },
	{ "decisions", CFG_STRINGS, false },
	{ "disclosure", CFG_GROUP, false },
	{ "callback", CFG_STRING, false },
	{ "qualification", CFG_GROUPS, false },
	{ "status_of", CFG_GROUP, false },
	{ "quotas", CFG_GROUP, false },
	{ "originals", CFG_STRING, false },
	{ "priority", CFG_INT, false },
	{ "issuers", CFG_GROUPS, false },
	{ "removed", CFG_STRINGS, false },
	{ "experimental", CFG_GROUP, false },
	{ "transport_dated", CFG_GROUPS, false },
	{ "contacts", CFG_GROUPS, false },
	{ "language", CFG_STRING, false },
	{ 0 },
};

static const struct cfg_key SIGNER_KEYS[] = {
	{ "sha256", CFG_STRING, false },
	{ "key", CFG_STRING, false },
	{ "role", CFG_STRING, true },
	{ "name", CFG_STRING, true },
	{ 0 },
};

static const struct cfg_key DISCLOSURE_KEYS[] = {
	{ "agreement", CFG_STRING, true },
	{ "cooperation", CFG_STRING, true },
	{ "data_protection", CFG_STRING, true },
	{ 0 },
};

static const struct cfg_key ASKS_KEYS[] = {
	{ "issued_by", CFG_STRINGS, true },
	{ "bound_for", CFG_STRINGS, true },
	{ 0 },
};

static const char *const KINDS[] = { "authority", "organisation", "control-body", NULL };
static const char *const SIGNER_ROLES[] = { "officer", "seal", NULL };

static int one_of(const struct cfg *c, const config_setting_t *s,
	const char *const *words, char *ret_text, size_t size)
{
	int r = cfg_text(c, s, ret_text, size);

	if (r < 0)
		return r;
	for (; *words; words++)
		if (strcmp(*words, ret_text) == 0)
			return 0;
	return cfg_fail(c, s, "%s cannot be \"%s\"", config_setting_name(s), ret_text);
}

/* True when another partner, or this one before, uses the certificate for its transport.
 */
bool policy_transport_taken(
	const struct policy *p, const struct partner *partner, const char *sha256)
{
	if (policy_partner_by_certificate(p, sha256))
		return true;
	for (size_t i = 0; i < partner->transport_count; i++)
		if (strcmp(partner->transport[i], sha256) == 0)
			return true;
	return false;
}

static bool enrols(const struct partner *partner, const struct partner_signer *signer)
{
	return *signer->key ? policy_signer_by_key(partner, signer->key) != NULL
			    : policy_signer(partner, signer->sha256) != NULL;
}

static bool signer_taken(const struct policy *p, const struct partner *partner,
	const struct partner_signer *signer)
{
	for (size_t i = 0; i < p->partner_count; i++)
		if (enrols(&p->partners[i], signer))
			return true;
	return enrols(partner, signer);
}

/* By its certificate or by its key, whatever certificate that has. */
static int read_digest(
	const struct cfg *c, const config_setting_t *group, struct partner_signer *signer)
{
	const config_setting_t *sha256 = config_setting_get_member(group, "sha256"),
			       *key = config_setting_get_member(group, "key");

	if (!sha256 == !key)
		return cfg_fail(c, group,
			"a signer has sha256 (of its certificate) or key (of its public "
			"key), and not both");
	return sha256 ? cfg_sha256(c, sha256, signer->sha256)
		      : cfg_sha256(c, key, signer->key);
}

static int read_transport(const struct cfg *c, const struct policy *p,
	const config_setting_t *list, struct partner *partner)
{
	int count = config_setting_length(list);

	if (count > POLICY_LIST_MAX)
		return cfg_fail(
			c, list, "more than %d transport certificates", POLICY_LIST_MAX);
	for (int i = 0; i < count; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);
		char sha256[SHA256_TEXT_SIZE];
		int r = cfg_sha256(c, s, sha256);

		if (r < 0)
			return r;
		if (policy_transport_taken(p, partner, sha256))
			return cfg_fail(c, s,
				"transport certificate %s is enrolled twice", sha256);
		memcpy(partner->transport[partner->transport_count++], sha256,
			sizeof(sha256));
	}
	return 0;
}

static int read_signer(const struct cfg *c, const struct policy *p,
	const config_setting_t *group, struct partner *partner)
{
	struct partner_signer *signer = &partner->signers[partner->signer_count];
	int r = cfg_check(c, group, SIGNER_KEYS);

	if (r == 0)
		r = read_digest(c, group, signer);
	if (r == 0 && signer_taken(p, partner, signer))
		return cfg_fail(c, group, "signer %s %s is enrolled twice",
			*signer->key ? "key" : "certificate",
			*signer->key ? signer->key : signer->sha256);
	if (r == 0)
		r = one_of(c, config_setting_get_member(group, "role"), SIGNER_ROLES,
			signer->role, sizeof(signer->role));
	if (r == 0)
		r = cfg_member_text(c, group, "name", signer->name, sizeof(signer->name));
	partner->signer_count += r == 0;
	return r;
}

static int read_signers(const struct cfg *c, const struct policy *p,
	const config_setting_t *list, struct partner *partner)
{
	int count = config_setting_length(list);
	int r = 0;

	if (count > POLICY_LIST_MAX)
		return cfg_fail(c, list, "more than %d signers", POLICY_LIST_MAX);
	for (int i = 0; r == 0 && i < count; i++)
		r = read_signer(
			c, p, config_setting_get_elem(list, (unsigned int)i), partner);
	return r;
}

/* A file must be named after its partner: whoever lists the folder sees who may send. */
static int read_name(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, const char *file, struct partner *partner)
{
	const config_setting_t *s = config_setting_get_member(root, "name");
	int r = cfg_text(c, s, partner->name, sizeof(partner->name));

	if (r < 0)
		return r;
	if (!cfg_name_ok(partner->name))
		return cfg_fail(c, s,
			"\"%s\" is not a name of letters, digits, '-', '_', '.'",
			partner->name);
	for (size_t i = 0; i < p->partner_count; i++)
		if (strcasecmp(p->partners[i].name, partner->name) == 0)
			return cfg_fail(c, s, "partner %s is there twice", partner->name);
	if (strlen(file) != strlen(partner->name) + 4 ||
		strncmp(file, partner->name, strlen(partner->name)) != 0)
		return cfg_fail(c, s, "the file of partner %s must be named %s.cfg",
			partner->name, partner->name);
	return 0;
}

static int read_types(
	const struct cfg *c, const config_setting_t *list, struct partner *partner)
{
	int n = cfg_texts(
		c, list, partner->types[0], sizeof(partner->types[0]), POLICY_LIST_MAX);

	if (n < 0)
		return n;
	partner->type_count = (size_t)n;
	return 0;
}

/* Without the setting all may go back; an empty list lets nothing. */
static int read_decisions(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *list = config_setting_get_member(root, "decisions");
	int n;

	if (!list)
		return 0;
	partner->limited = true;
	if (config_setting_length(list) == 0)
		return 0;
	n = cfg_texts(c, list, partner->decisions[0], sizeof(partner->decisions[0]),
		ROUTE_DESTINATIONS_MAX);
	if (n < 0)
		return n;
	partner->decision_count = (size_t)n;
	return 0;
}

/* What of an EU decision may go back to a third country stands on three things, each of
 * which must be named (Reg. (EU) 2017/625 Art. 107(2)). */
static int read_disclosure(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *group = config_setting_get_member(root, "disclosure");
	int r = group ? cfg_check(c, group, DISCLOSURE_KEYS) : 0;

	for (size_t i = 0; group && r == 0 && DISCLOSURE_KEYS[i].name; i++) {
		const config_setting_t *s =
			config_setting_get_member(group, DISCLOSURE_KEYS[i].name);

		if (!*config_setting_get_string(s))
			r = cfg_fail(c, s, "%s is empty", DISCLOSURE_KEYS[i].name);
	}
	partner->disclosed = group && r == 0;
	return r;
}

static int read_countries(const struct cfg *c, const config_setting_t *list,
	char ret[PARTNER_ASKS_MAX][COUNTRY_SIZE])
{
	int count = config_setting_length(list), r = 0;

	if (count < 1 || count > PARTNER_ASKS_MAX)
		return cfg_fail(c, list, "%s has 1 to %d elements",
			config_setting_name(list), PARTNER_ASKS_MAX);
	for (int i = 0; r == 0 && i < count; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);

		if (strcmp(config_setting_get_string(s), "*") == 0)
			memcpy(ret[i], "*", sizeof("*"));
		else
			r = cfg_country(c, s, ret[i]);
	}
	return r;
}

static int read_asks(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *group = config_setting_get_member(root, "status_of");
	int r = group ? cfg_check(c, group, ASKS_KEYS) : 0;

	if (group && r == 0)
		r = read_countries(c, config_setting_get_member(group, "issued_by"),
			partner->asks_issued_by);
	if (group && r == 0)
		r = read_countries(c, config_setting_get_member(group, "bound_for"),
			partner->asks_bound_for);
	return r;
}

static int read_originals(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	static const char *const WORDS[] = { "known", "any", NULL };
	const config_setting_t *s = config_setting_get_member(root, "originals");
	char word[16];
	int r = s ? one_of(c, s, WORDS, word, sizeof(word)) : 0;

	if (s && r == 0)
		partner->originals =
			strcmp(word, WORDS[0]) == 0 ? ORIGINALS_KNOWN : ORIGINALS_ANY;
	return r;
}

static int read_optional(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *kind = config_setting_get_member(root, "kind");
	int suspended = 0, sandbox = 0, tls12 = 0;

	memcpy(partner->kind, "authority", sizeof("authority"));
	config_setting_lookup_bool(root, "suspended", &suspended);
	partner->suspended = suspended != 0;
	config_setting_lookup_bool(root, "sandbox", &sandbox);
	partner->sandbox = sandbox != 0;
	config_setting_lookup_bool(root, "tls12", &tls12);
	partner->tls12 = tls12 != 0;
	return kind ? one_of(c, kind, KINDS, partner->kind, sizeof(partner->kind)) : 0;
}

static int read_partner(const struct cfg *c, const struct policy *p, const char *file,
	struct partner *partner)
{
	const config_setting_t *root = cfg_root(c);
	int r = cfg_check(c, root, PARTNER_KEYS);

	if (r == 0)
		r = read_name(c, p, root, file, partner);
	if (r == 0)
		r = cfg_country(
			c, config_setting_get_member(root, "country"), partner->country);
	if (r == 0)
		r = read_transport(
			c, p, config_setting_get_member(root, "transport"), partner);
	if (r == 0)
		r = policy_read_dated(c, p, root, partner);
	if (r == 0)
		r = read_signers(
			c, p, config_setting_get_member(root, "signers"), partner);
	if (r == 0)
		r = policy_read_issuers(c, p, root, partner);
	if (r == 0)
		r = read_types(c, config_setting_get_member(root, "types"), partner);
	if (r == 0)
		r = read_decisions(c, root, partner);
	if (r == 0)
		r = read_disclosure(c, root, partner);
	if (r == 0)
		r = policy_read_callback(c, p, root, partner);
	if (r == 0)
		r = policy_read_demands(c, root, partner);
	if (r == 0)
		r = read_asks(c, root, partner);
	if (r == 0)
		r = policy_read_quotas(c, root, partner);
	if (r == 0)
		r = policy_read_priority(c, root, partner);
	if (r == 0)
		r = read_originals(c, root, partner);
	if (r == 0)
		r = policy_read_experimental(c, root, partner);
	if (r == 0)
		r = policy_read_contacts(c, root, partner);
	if (r == 0)
		r = policy_read_language(c, root, partner);
	return r == 0 ? read_optional(c, root, partner) : r;
}

static int load_partner(struct policy *p, const struct cfg *c, const char *file)
{
	int r = policy_grow(
		(void **)&p->partners, p->partner_count, sizeof(*p->partners));

	if (r == 0)
		r = read_partner(c, p, file, &p->partners[p->partner_count]);
	p->partner_count += r == 0;
	return r;
}

int policy_load_partners(struct policy *p, const char *policies, char **ret_error)
{
	return policy_each(p, policies, "partners", load_partner, ret_error);
}
