/* SPDX-License-Identifier: EUPL-1.2 */
#include "policy/load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int policy_join(char ret_path[PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(ret_path, PATH_MAX, "%s/%s", folder, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int policy_fail(char **ret_error, int error, const char *what)
{
	if (asprintf(ret_error, "%s: %s", what, strerror(-error)) < 0)
		*ret_error = NULL;
	return error;
}

static int read_file(struct policy *p, const char *folder, const char *file,
	int (*read)(struct policy *p, const struct cfg *c, const char *file),
	char **ret_error)
{
	_cleanup_cfg_ struct cfg c = { 0 };
	char path[PATH_MAX];
	int r = policy_join(path, folder, file);

	if (r == 0)
		r = cfg_open(path, &c, ret_error);
	return r == 0 ? read(p, &c, file) : r;
}

int policy_each(struct policy *p, const char *policies, const char *folder,
	int (*read)(struct policy *p, const struct cfg *c, const char *file),
	char **ret_error)
{
	char path[PATH_MAX];
	char **names = NULL;
	int count, r = policy_join(path, policies, folder);

	if (r < 0)
		return r;
	count = cfg_files(path, &names);
	if (count < 0)
		return policy_fail(ret_error, count, path);
	for (int i = 0; r == 0 && i < count; i++)
		r = read_file(p, path, names[i], read, ret_error);
	cfg_names_free(names, (size_t)count);
	return r;
}

int policy_grow(void **list, size_t count, size_t size)
{
	void *more;

	if (count && (count & (count - 1)))
		goto clear;
	more = reallocarray(*list, count ? count * 2 : 1, size);
	if (!more)
		return -ENOMEM;
	*list = more;
clear:
	memset((char *)*list + count * size, 0, size);
	return 0;
}

static int load_parts(struct policy *p, const char *policies, char **ret_error)
{
	int r = policy_tree_digest(policies, p->digest, ret_error);

	if (r == 0)
		r = policy_load_callbacks(p, policies, ret_error);
	if (r == 0)
		r = policy_load_partners(p, policies, ret_error);
	if (r == 0)
		r = policy_check_callers(p, policies, ret_error);
	if (r == 0)
		r = policy_load_customs(p, policies, ret_error);
	if (r == 0)
		r = policy_load_barred(p, policies, ret_error);
	if (r == 0)
		r = policy_load_routes(p, policies, ret_error);
	if (r == 0)
		r = policy_load_operators(p, policies, ret_error);
	if (r == 0)
		r = policy_load_degraded(p, policies, ret_error);
	if (r == 0)
		r = policy_load_sunsets(p, policies, ret_error);
	if (r == 0)
		r = policy_load_retention(p, policies, ret_error);
	return r;
}

/* A file that changed while it was read would be judged by under a digest that is not its
 * own: the tree is digested again at the end and must be the same. */
static int check_unchanged(const struct policy *p, const char *policies, char **ret_error)
{
	char digest[SHA256_TEXT_SIZE];
	int r = policy_tree_digest(policies, digest, ret_error);

	if (r < 0)
		return r;
	return strcmp(digest, p->digest) == 0
		       ? 0
		       : policy_fail(ret_error, -EAGAIN,
				 "policies changed while they were read");
}

int policy_load(const char *policies, struct policy **ret_policy, char **ret_error)
{
	struct policy *p;
	int r;

	*ret_error = NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	r = load_parts(p, policies, ret_error);
	if (r == 0)
		r = check_unchanged(p, policies, ret_error);
	if (r < 0) {
		policy_free(p);
		return r;
	}
	*ret_policy = p;
	return 0;
}

int policy_load_people(const char *policies, struct policy **ret_policy, char **ret_error)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r;

	*ret_error = NULL;
	if (!p)
		return -ENOMEM;
	r = policy_load_operators(p, policies, ret_error);
	if (r < 0) {
		policy_free(p);
		return r;
	}
	*ret_policy = p;
	return 0;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	free(p->partners);
	free(p->rules);
	free(p->people);
	free(p->callbacks);
	free(p->offices);
	free(p->sunsets);
	free(p->versions);
	free(p->barred);
	free(p);
}

const char *policy_digest(const struct policy *p)
{
	return p->digest;
}

const struct partner *policy_partner_at(const struct policy *p, size_t index)
{
	return index < p->partner_count ? &p->partners[index] : NULL;
}

const struct operator_person *policy_operator_at(const struct policy *p, size_t index)
{
	return index < p->person_count ? &p->people[index] : NULL;
}

const struct partner *policy_partner(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->partner_count; i++)
		if (strcmp(p->partners[i].name, name) == 0)
			return &p->partners[i];
	return NULL;
}

const struct partner *policy_partner_by_certificate(
	const struct policy *p, const char *sha256)
{
	for (size_t i = 0; i < p->partner_count; i++)
		for (size_t j = 0; j < p->partners[i].transport_count; j++)
			if (strcmp(p->partners[i].transport[j], sha256) == 0)
				return &p->partners[i];
	return NULL;
}

const struct partner_signer *policy_signer(
	const struct partner *partner, const char *sha256)
{
	for (size_t i = 0; i < partner->signer_count; i++)
		if (strcmp(partner->signers[i].sha256, sha256) == 0)
			return &partner->signers[i];
	return NULL;
}

bool policy_partner_may_send(const struct partner *partner, const char *type)
{
	for (size_t i = 0; i < partner->type_count; i++)
		if (strcmp(partner->types[i], type) == 0)
			return true;
	return false;
}

bool policy_partner_is_told(const struct partner *partner, const char *destination)
{
	size_t len = strcspn(destination, "/"); /* behind it: what else is done there */

	for (size_t i = 0; i < partner->decision_count; i++)
		if (strlen(partner->decisions[i]) == len &&
			memcmp(partner->decisions[i], destination, len) == 0)
			return true;
	return !partner->limited;
}

const struct operator_person *policy_operator_by_certificate(
	const struct policy *p, const char *sha256)
{
	for (size_t i = 0; i < p->person_count; i++)
		if (strcmp(p->people[i].sha256, sha256) == 0)
			return &p->people[i];
	return NULL;
}

const struct operator_person *policy_operator(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->person_count; i++)
		if (strcmp(p->people[i].name, name) == 0)
			return &p->people[i];
	return NULL;
}

static bool has_verb(const struct role_verbs *list, const char *verb)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->verbs[i], verb) == 0)
			return true;
	return false;
}

bool policy_role_may(const struct policy *p, const char *role, const char *verb)
{
	int index = policy_role_index(role);

	return index >= 0 && has_verb(&p->roles[index], verb);
}

bool policy_needs_two(const struct policy *p, const char *verb)
{
	return has_verb(&p->four_eyes, verb);
}

int64_t policy_review_seconds(const struct policy *p)
{
	return p->review_hours * INT64_C(3600);
}

bool policy_may_review(const struct policy *p, const char *role)
{
	int index = policy_role_index(role);

	return index >= 0 && p->review_hours > 0 && p->reviewers[index];
}

const struct degraded_rule *policy_degraded(
	const struct policy *p, enum degraded_dependency dependency)
{
	return &p->degraded[dependency];
}
