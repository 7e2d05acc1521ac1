/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Of a partner's file: transport certificates that count from a day to another, signers
 * by their key, whom to tell, and in which language.
 */
#include "policy/issuers.h"
#include "policy/load.h"

#include "common/clock.h"

#include <errno.h>
#include <string.h>

static const struct cfg_key DATED_KEYS[] = {
	{ "sha256", CFG_STRING, true },
	{ "from", CFG_STRING, false },
	{ "until", CFG_STRING, false },
	{ 0 },
};

static const struct cfg_key CONTACT_KEYS[] = {
	{ "name", CFG_STRING, true },
	{ "purpose", CFG_STRING, false },
	{ "email", CFG_STRING, false },
	{ "phone", CFG_STRING, false },
	{ 0 },
};

static int read_time(const struct cfg *c, const config_setting_t *group, const char *name,
	int64_t *ret)
{
	const config_setting_t *s = config_setting_get_member(group, name);

	*ret = 0;
	if (s && clock_parse(config_setting_get_string(s), ret) < 0)
		return cfg_fail(c, s, "%s is a time of RFC 3339", name);
	return 0;
}

/* One more transport certificate; its time is found by its place in the list. */
static int read_dated(const struct cfg *c, const struct policy *p,
	const config_setting_t *group, struct partner *partner)
{
	struct transport_time *t = &partner->transport_times[partner->transport_count];
	const config_setting_t *s;
	char sha256[SHA256_TEXT_SIZE];
	int r = cfg_check(c, group, DATED_KEYS);

	if (r < 0)
		return r;
	s = config_setting_get_member(group, "sha256");
	r = cfg_sha256(c, s, sha256);
	if (r == 0 && policy_transport_taken(p, partner, sha256))
		r = cfg_fail(c, s, "transport certificate %s is enrolled twice", sha256);
	if (r == 0)
		r = read_time(c, group, "from", &t->from);
	if (r == 0)
		r = read_time(c, group, "until", &t->until);
	if (r == 0 && !t->from && !t->until)
		r = cfg_fail(c, group,
			"from, until or both are needed; without them it belongs into "
			"transport");
	if (r == 0 && t->until && t->from >= t->until)
		r = cfg_fail(c, group, "from is not before until");
	if (r == 0)
		memcpy(partner->transport[partner->transport_count++], sha256,
			sizeof(sha256));
	return r;
}

int policy_read_dated(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *list = config_setting_get_member(root, "transport_dated");
	int count = list ? config_setting_length(list) : 0, r = 0;

	if (partner->transport_count + (size_t)count > POLICY_LIST_MAX)
		return cfg_fail(
			c, list, "more than %d transport certificates", POLICY_LIST_MAX);
	for (int i = 0; r == 0 && i < count; i++)
		r = read_dated(
			c, p, config_setting_get_elem(list, (unsigned int)i), partner);
	return r;
}

const struct transport_time *policy_transport_time(
	const struct partner *partner, const char *sha256)
{
	for (size_t i = 0; i < partner->transport_count; i++)
		if (strcmp(partner->transport[i], sha256) == 0)
			return &partner->transport_times[i];
	return NULL;
}

const struct partner_signer *policy_signer_by_key(
	const struct partner *partner, const char *key)
{
	for (size_t i = 0; i < partner->signer_count; i++)
		if (strcmp(partner->signers[i].key, key) == 0)
			return &partner->signers[i];
	return NULL;
}

bool policy_enrolled_elsewhere(const struct policy *p, const struct partner *partner,
	const char *sha256, const char *key)
{
	const struct partner *other;

	for (size_t i = 0; (other = policy_partner_at(p, i)); i++)
		if (strcmp(other->name, partner->name) != 0 &&
			!policy_removed(other, sha256) && !policy_removed(other, key) &&
			(policy_signer(other, sha256) ||
				policy_signer_by_key(other, key)))
			return true;
	return false;
}

static int read_contact(const struct cfg *c, const config_setting_t *group,
	struct partner_contact *ret_contact)
{
	static const struct {
		const char *name;
		size_t at, size;
	} TEXTS[] = {
		{ "name", offsetof(struct partner_contact, name),
			sizeof(ret_contact->name) },
		{ "purpose", offsetof(struct partner_contact, purpose),
			sizeof(ret_contact->purpose) },
		{ "email", offsetof(struct partner_contact, email),
			sizeof(ret_contact->email) },
		{ "phone", offsetof(struct partner_contact, phone),
			sizeof(ret_contact->phone) },
	};
	int r = cfg_check(c, group, CONTACT_KEYS);

	for (size_t i = 0; r == 0 && i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		if (config_setting_get_member(group, TEXTS[i].name))
			r = cfg_member_text(c, group, TEXTS[i].name,
				(char *)ret_contact + TEXTS[i].at, TEXTS[i].size);
	if (r == 0 && !*ret_contact->email && !*ret_contact->phone)
		r = cfg_fail(c, group, "a contact has an email or a phone");
	return r;
}

int policy_read_contacts(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *list = config_setting_get_member(root, "contacts");
	int count = list ? config_setting_length(list) : 0, r = 0;

	if (count > PARTNER_CONTACTS_MAX)
		return cfg_fail(c, list, "more than %d contacts", PARTNER_CONTACTS_MAX);
	for (int i = 0; r == 0 && i < count; i++)
		r = read_contact(c, config_setting_get_elem(list, (unsigned int)i),
			&partner->contacts[partner->contact_count++]);
	return r;
}

/* As a catalogue of policies/messages/ is named, or "en". */
int policy_read_language(
	const struct cfg *c, const config_setting_t *root, struct partner *partner)
{
	const config_setting_t *s = config_setting_get_member(root, "language");
	int r = s ? cfg_text(c, s, partner->language, sizeof(partner->language)) : 0;

	if (s && r == 0 &&
		strspn(partner->language, "abcdefghijklmnopqrstuvwxyz") !=
			strlen(partner->language))
		r = cfg_fail(c, s, "language is a word like \"fr\"");
	return r;
}
