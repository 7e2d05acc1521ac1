/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/context.h"

#include "evidence/inside.h"

#include "trust/qualify.h"
#include "verify/warm.h"
#include "xades/validate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLICIES "policies"
#define ANCHORS "policies/anchors"
#define REVOCATION "state/trust/revocation"
#define LISTS "state/trust/lists"

struct paths {
	char policies[PATH_MAX], anchors[PATH_MAX], revocation[PATH_MAX], lists[PATH_MAX];
};

static int find_paths(const struct instance *instance, struct paths *ret)
{
	int r = instance_path(instance, POLICIES, ret->policies);

	if (r == 0)
		r = instance_path(instance, ANCHORS, ret->anchors);
	if (r == 0)
		r = instance_path(instance, REVOCATION, ret->revocation);
	return r == 0 ? instance_path(instance, LISTS, ret->lists) : r;
}

uint64_t context_stamp(const struct instance *instance)
{
	struct paths p;

	if (find_paths(instance, &p) < 0)
		return 0;
	return policy_stamp(p.policies) ^ trust_store_stamp(p.anchors, p.revocation) ^
	       trust_snapshot_stamp(p.lists);
}

static void qualify(
	const void *lists, int64_t at, int64_t grace, struct xades_report *report)
{
	trust_qualify_report(lists, &(struct qualify_terms){ at, grace }, report);
}

/* When the newest of the material was made: the clock has been there. */
static int64_t known_at(const struct context *c)
{
	int64_t newest = trust_store_newest(c->trust);

	return c->lists && c->lists->at > newest ? c->lists->at : newest;
}

/* The version of the anchors alone or, with lists, of both. */
static int make_version(struct context *c)
{
	char both[2 * SHA256_TEXT_SIZE], version[SHA256_TEXT_SIZE];
	int r = 0;

	snprintf(both, sizeof(both), "%s%s", trust_store_version(c->trust),
		c->lists ? c->lists->version : "");
	if (c->lists)
		r = digest_sha256_text(span_str(both), version);
	if (r < 0)
		return r;
	c->store_version = strdup(c->lists ? version : both);
	return c->store_version ? 0 : -ENOMEM;
}

/* A store of lists is used when there is one; one that cannot be read is no reason to do
 * without. */
static int load_lists(struct context *c, const struct paths *p, char **ret_error)
{
	int r = trust_snapshot_open(p->lists, INT64_MAX, &c->lists, ret_error);

	if (r == -ENOENT) {
		free(*ret_error);
		*ret_error = NULL;
		r = 0;
	}
	return r == 0 ? make_version(c) : r;
}

static int load_trust(struct context *c, const struct paths *p, char **ret_error)
{
	int r = trust_store_open(p->anchors, p->revocation, &c->trust, ret_error);

	if (r == 0)
		r = load_lists(c, p, ret_error);
	if (r < 0)
		return r;
	c->container_material = pki_material_copy(trust_material(c->trust, TRUST_SEAL));
	return c->container_material ? pki_material_add_anchors_of(c->container_material,
					       trust_material(c->trust, TRUST_TSA))
				     : -ENOMEM;
}

/* The instance's algorithms and rules in the place of those that were compiled in. */
static int load_signature_policy(const struct paths *p, char **ret_error)
{
	static const struct {
		const char *name;
		int (*load)(const char *path, char **ret_error);
	} FILES[] = { { "signature/algorithms.cfg", xades_catalogue_load },
		{ "signature/rules.cfg", xades_rules_load } };
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		if (snprintf(path, sizeof(path), "%s/%s", p->policies, FILES[i].name) >=
			PATH_MAX)
			return -ENAMETOOLONG;
		if (access(path, F_OK) == 0 || errno != ENOENT)
			r = FILES[i].load(path, ret_error);
	}
	return r;
}

static int load(struct context *c, const struct paths *p, bool test, char **ret_error)
{
	int r = policy_load(p->policies, &c->policy, ret_error);

	if (r == 0)
		r = document_types_load(p->policies, &c->types, ret_error);
	if (r == 0)
		r = profiles_load(p->policies, &c->profiles, ret_error);
	if (r == 0)
		r = load_trust(c, p, ret_error);
	if (r == 0)
		r = load_signature_policy(p, ret_error);
	if (r == 0)
		r = xades_setup();
	if (r < 0)
		return r;
	c->admit = (struct admit_context){ .policy = c->policy,
		.types = c->types,
		.material = trust_signature_material(c->trust),
		.signers = trust_material(c->trust, TRUST_SIGNERS),
		.tsa = trust_material(c->trust, TRUST_TSA),
		.rehearsals = trust_sandbox_material(c->trust),
		.sandbox = trust_material(c->trust, TRUST_SANDBOX),
		.store_version = c->store_version,
		.lists_version = c->lists ? c->lists->version : NULL,
		.test = test,
		.qualify = c->lists ? qualify : NULL,
		.lists = c->lists,
		.known_at = known_at(c) };
	return 0;
}

int context_load(
	const struct instance *instance, struct context *ret_context, char **ret_error)
{
	struct context c = { 0 };
	struct paths p;
	uint64_t stamp = context_stamp(instance);
	int r = find_paths(instance, &p);

	*ret_error = NULL;
	if (r == 0)
		r = load(&c, &p, config_bool(instance->config, "instance.test"),
			ret_error);
	if (r == 0)
		r = warm(&c.admit);
	/* Parts of two policies must not be mixed under the digest of one. */
	if (r == 0 && context_stamp(instance) != stamp)
		r = -EAGAIN;
	if (r < 0) {
		context_done(&c);
		return r;
	}
	*ret_context = c;
	return 0;
}

void context_done(struct context *c)
{
	pki_material_free(c->container_material);
	free(c->store_version);
	trust_snapshot_free(c->lists);
	trust_store_close(c->trust);
	profiles_free(c->profiles);
	document_types_free(c->types);
	policy_free(c->policy);
	*c = (struct context){ 0 };
}

int context_verdict(const struct context *c, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict)
{
	*ret_verdict = (struct verdict){ .judged_at = request->at };
	snprintf(ret_verdict->policy_digest, sizeof(ret_verdict->policy_digest), "%s",
		policy_digest(c->policy));
	snprintf(ret_verdict->store_version, sizeof(ret_verdict->store_version), "%s",
		c->store_version);
	return digest_sha256(input, ret_verdict->sha256);
}

static int document_check_mode(const void *context, const struct verify_request *request,
	struct span input, struct verdict *ret_verdict, json_t **ret_report)
{
	const struct context *c = context;

	return admit(
		&c->admit, input, request->subject, request->at, ret_verdict, ret_report);
}

const struct mode VERIFY_MODES[] = {
	{ VERIFY_DOCUMENT, "intake", "health", LIMIT_DOCUMENT, document_check_mode },
	{ VERIFY_CONTAINER, "seal", NULL, LIMIT_CONTAINER, container_check },
	{ VERIFY_REPLY, "forward", NULL, LIMIT_REPLY, reply_check },
	{ VERIFY_INSIDE, "seal", NULL, INSIDE_ORDER_MAX, inside_order_check },
	{ VERIFY_VIEW, "admin", NULL, LIMIT_DOCUMENT, view_check },
};

const size_t VERIFY_MODE_COUNT = sizeof(VERIFY_MODES) / sizeof(VERIFY_MODES[0]);
