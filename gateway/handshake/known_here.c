/* SPDX-License-Identifier: EUPL-1.2 */
#include "handshake/known_here.h"

#include "common/log.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *text, *key;
} OF_LISTENER[LISTENERS] = {
	[LISTENER_PARTNERS] = { "partners", "tls.partner_ca" },
	[LISTENER_CUSTOMS] = { "customs", "tls.customs_ca" },
	[LISTENER_OPERATORS] = { "operators", "tls.operator_ca" },
};

const char *listener_text(enum listener l)
{
	return OF_LISTENER[l].text;
}

enum listener listener_find(const char *text)
{
	enum listener l = LISTENER_OPERATORS;

	while (l > LISTENER_PARTNERS && strcmp(OF_LISTENER[l].text, text) != 0)
		l--;
	return l;
}

static void load_policy(struct known_here *k)
{
	_cleanup_(freep) char *error = NULL;
	struct policy *next = NULL;
	int r = policy_load(k->policies, &next, &error);

	if (r < 0) {
		log_event(LOG_ERR, "handshake.policy", NULL, "%s",
			error ? error : strerror(-r));
		return;
	}
	policy_free(k->policy);
	k->policy = next;
}

static void load_messages(struct known_here *k)
{
	_cleanup_(freep) char *error = NULL;
	struct messages *next = NULL;
	int r = messages_load(k->policies, &next, &error);

	if (r < 0) {
		log_event(LOG_ERR, "handshake.policy", NULL, "%s",
			error ? error : strerror(-r));
		return;
	}
	messages_free(k->messages);
	k->messages = next;
}

static void load_authorities(struct known_here *k, enum listener l)
{
	_cleanup_(pki_material_freep) struct pki_material *next = pki_material_new();
	_cleanup_(freep) char *error = NULL;
	int r = next ? pki_material_load(
			       next, PKI_CERTIFICATES, k->authorities[l], &error)
		     : -ENOMEM;

	if (r < 0) {
		log_event(LOG_ERR, "handshake.authorities", NULL, "%s",
			error ? error : strerror(-r));
		return;
	}
	pki_material_free(k->material[l]);
	k->material[l] = TAKE(next);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void known_here_look(struct known_here *k)
{
	uint64_t stamp = policy_stamp(k->policies);

	if (stamp != k->policy_stamp) {
		k->policy_stamp = stamp;
		load_policy(k);
		load_messages(k);
	}
	for (enum listener l = LISTENER_PARTNERS; l < LISTENERS; l++) {
		struct stat st = { 0 };

		(void)stat(k->authorities[l], &st);
		if (!same_file(&st, &k->authorities_stat[l])) {
			k->authorities_stat[l] = st;
			load_authorities(k, l);
		}
	}
}

int known_here_init(struct known_here *k, const struct instance *instance)
{
	int r;

	*k = (struct known_here){ 0 };
	r = instance_path(instance, "policies", k->policies);
	for (enum listener l = LISTENER_PARTNERS; r == 0 && l < LISTENERS; l++)
		r = instance_path(instance,
			config_string(instance->config, OF_LISTENER[l].key),
			k->authorities[l]);
	if (r == 0)
		known_here_look(k);
	return r;
}

const STACK_OF(X509) * known_here_authorities(const struct known_here *k, enum listener l)
{
	return k->material[l] ? k->material[l]->certificates : NULL;
}

struct enrolled_here known_here_enrolled(
	const struct known_here *k, enum listener l, const char *sha256)
{
	const struct customs_office *office;
	const struct operator_person *person;
	const struct partner *partner;

	if (!k->policy)
		return (struct enrolled_here){ 0 };
	if (l == LISTENER_CUSTOMS) {
		office = policy_customs_by_certificate(k->policy, sha256);
		return office ? (struct enrolled_here){ office->name, office->suspended }
			      : (struct enrolled_here){ 0 };
	}
	if (l == LISTENER_OPERATORS) {
		person = policy_operator_by_certificate(k->policy, sha256);
		return (struct enrolled_here){ person ? person->name : NULL, false };
	}
	partner = policy_partner_by_certificate(k->policy, sha256);
	return partner ? (struct enrolled_here){ partner->name, partner->suspended }
		       : (struct enrolled_here){ 0 };
}

const struct partner *known_here_claimed(const struct known_here *k, X509 *certificate)
{
	const struct partner *p, *found = NULL;
	char country[COUNTRY_SIZE + 1];

	if (!k->policy ||
		X509_NAME_get_text_by_NID(X509_get_subject_name(certificate),
			NID_countryName, country, sizeof(country)) != COUNTRY_SIZE - 1)
		return NULL;
	for (size_t i = 0; (p = policy_partner_at(k->policy, i)) != NULL; i++) {
		if (strcmp(p->country, country) != 0)
			continue;
		if (found)
			return NULL;
		found = p;
	}
	return found;
}

void known_here_done(struct known_here *k)
{
	policy_free(k->policy);
	messages_free(k->messages);
	for (size_t l = 0; l < LISTENERS; l++)
		pki_material_free(k->material[l]);
	*k = (struct known_here){ 0 };
}
