/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the parts of the policy loader share; never included outside gateway/policy/.
 */
#ifndef SEALGATE_POLICY_LOAD_H
#define SEALGATE_POLICY_LOAD_H

#include "policy/cfg.h"
#include "policy/policy.h"

#include <limits.h>

#define POLICY_VERB_SIZE 24
#define POLICY_VERBS_MAX 32
#define POLICY_ROLES 5

struct route_rule {
	char types[POLICY_LIST_MAX][DOCUMENT_TYPE_SIZE];
	size_t type_count;
	char import_countries[POLICY_LIST_MAX][COUNTRY_SIZE];
	size_t import_count;
	char destinations[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
	size_t destination_count;
};

struct role_verbs {
	char verbs[POLICY_VERBS_MAX][POLICY_VERB_SIZE];
	size_t count;
};

/* policies/types/NAME.cfg: until when the type is taken, "" without an end. */
struct type_sunset {
	char type[DOCUMENT_TYPE_SIZE];
	char at[40];
	bool experimental;
};

/* policies/versions/NAME.cfg: versions of the schema that are taken. */
struct version_sunset {
	char name[16];
	char root[160]; /* namespace */
	char at[40];
	bool experimental;
};

/* policies/types/NAME.cfg: systems that the type, by any of its names, never goes to. */
struct type_barred {
	char type[DOCUMENT_TYPE_SIZE];
	char system[32];
};

struct policy {
	char digest[SHA256_TEXT_SIZE];
	struct partner *partners;
	size_t partner_count;
	struct route_rule *rules;
	size_t rule_count;
	struct operator_person *people;
	size_t person_count;
	struct role_verbs roles[POLICY_ROLES]; /* by index of policy_role_index */
	struct role_verbs four_eyes;	       /* verbs that take two people */
	bool reviewers[POLICY_ROLES];	       /* roles that confirm a release */
	int review_hours;		       /* 0: a release takes one person */
	struct degraded_rule degraded[DEGRADED_DEPENDENCIES];
	char (*callbacks)[CALLBACK_SIZE]; /* host:port that partners may be called at */
	size_t callback_count;
	struct customs_office *offices;
	size_t office_count;
	struct type_sunset *sunsets;
	size_t sunset_count;
	struct version_sunset *versions;
	size_t version_count;
	struct type_barred *barred;
	size_t barred_count;
	struct policy_retention retention;
};

/* Index of a role's name, or -1. */
int policy_role_index(const char *role);

/* Each reads its part of policies/ into p. Return: 0, -EINVAL with *ret_error, -errno. */
int policy_load_partners(struct policy *p, const char *policies, char **ret_error);
int policy_load_customs(struct policy *p, const char *policies, char **ret_error);
int policy_load_routes(struct policy *p, const char *policies, char **ret_error);
int policy_load_operators(struct policy *p, const char *policies, char **ret_error);
int policy_load_barred(struct policy *p, const char *policies, char **ret_error);
int policy_load_sunsets(struct policy *p, const char *policies, char **ret_error);
int policy_load_retention(struct policy *p, const char *policies, char **ret_error);
int policy_load_degraded(struct policy *p, const char *policies, char **ret_error);

/* No type of a rule goes to a destination, of routes/destinations in folder, whose system
 * it is barred from. Return: 0, -EINVAL with the error set, -errno. */
int policy_check_barred(const struct policy *p, const struct cfg *c,
	const config_setting_t *at, const char *folder, const struct route_rule *rule);

/* The lists `issuers` and `removed` of a partner's file. Return: as below. */
int policy_read_issuers(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, struct partner *partner);

/* Is a transport certificate another partner's, or this one's already? */
bool policy_transport_taken(
	const struct policy *p, const struct partner *partner, const char *sha256);

/* `transport_dated`, `contacts` and `language` of a partner's file. Return: as below. */
int policy_read_dated(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, struct partner *partner);
int policy_read_contacts(
	const struct cfg *c, const config_setting_t *root, struct partner *partner);
int policy_read_language(
	const struct cfg *c, const config_setting_t *root, struct partner *partner);

/* The group `qualification` of a partner's file. Return: 0, -EINVAL with the error set.
 */
int policy_read_demands(
	const struct cfg *c, const config_setting_t *root, struct partner *partner);

/* The group `quotas` of a partner's file. Return: as above. */
int policy_read_quotas(
	const struct cfg *c, const config_setting_t *root, struct partner *partner);

/* The group `experimental` of a partner's file. Return: as above. */
int policy_read_experimental(
	const struct cfg *c, const config_setting_t *root, struct partner *partner);

/* The setting `priority`, 1 without it. Return: as above. */
int policy_read_priority(
	const struct cfg *c, const config_setting_t *root, struct partner *partner);

/* policies/callbacks.cfg, before the partners; the setting `callback` of one. */
int policy_load_callbacks(struct policy *p, const char *policies, char **ret_error);
int policy_read_callback(const struct cfg *c, const struct policy *p,
	const config_setting_t *root, struct partner *partner);

/* No more partners than LIMIT_CALLERS are called back. Return: as above. */
int policy_check_callers(const struct policy *p, const char *policies, char **ret_error);

/* See policy_digest. Return: 0, -EINVAL, -errno, with *ret_error. */
int policy_tree_digest(
	const char *policies, char ret_digest[SHA256_TEXT_SIZE], char **ret_error);

/* Join folder and name. Return: 0 or -ENAMETOOLONG. */
int policy_join(char ret_path[PATH_MAX], const char *folder, const char *name);

/* One line "WHAT: error text" into *ret_error. Return: error. */
int policy_fail(char **ret_error, int error, const char *what);

/* Have `read` read every file of a folder of the policy, by name; file is its name.
 * Return: 0, or negative with *ret_error. */
int policy_each(struct policy *p, const char *policies, const char *folder,
	int (*read)(struct policy *p, const struct cfg *c, const char *file),
	char **ret_error);

/* Make room for one more element of size octets; the new one is zeroed. Grows by
 * doubling. Return: 0 or -ENOMEM. */
int policy_grow(void **list, size_t count, size_t size);

#endif
