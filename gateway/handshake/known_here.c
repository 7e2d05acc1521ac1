/* SPDX-License-Identifier: EUPL-1.2 */
#include "handshake/known_here.h"

#include "common/log.h"

#include <errno.h>
#include <string.h>

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

static void load_authorities(struct known_here *k)
{
	_cleanup_(pki_material_freep) struct pki_material *next = pki_material_new();
	_cleanup_(freep) char *error = NULL;
	int r = next ? pki_material_load(next, PKI_CERTIFICATES, k->authorities, &error)
		     : -ENOMEM;

	if (r < 0) {
		log_event(LOG_ERR, "handshake.authorities", NULL, "%s",
			error ? error : strerror(-r));
		return;
	}
	pki_material_free(k->material);
	k->material = TAKE(next);
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
	struct stat st = { 0 };

	if (stamp != k->policy_stamp) {
		k->policy_stamp = stamp;
		load_policy(k);
		load_messages(k);
	}
	(void)stat(k->authorities, &st);
	if (!same_file(&st, &k->authorities_stat)) {
		k->authorities_stat = st;
		load_authorities(k);
	}
}

int known_here_init(struct known_here *k, const struct instance *instance)
{
	int r;

	*k = (struct known_here){ 0 };
	r = instance_path(instance, "policies", k->policies);
	if (r == 0)
		r = instance_path(instance,
			config_string(instance->config, "tls.partner_ca"),
			k->authorities);
	if (r == 0)
		known_here_look(k);
	return r;
}

const STACK_OF(X509) * known_here_authorities(const struct known_here *k)
{
	return k->material ? k->material->certificates : NULL;
}

const struct partner *known_here_partner(const struct known_here *k, const char *sha256)
{
	return k->policy ? policy_partner_by_certificate(k->policy, sha256) : NULL;
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
	pki_material_free(k->material);
	*k = (struct known_here){ 0 };
}
