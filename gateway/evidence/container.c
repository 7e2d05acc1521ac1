/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/container.h"

#include "common/limits.h"
#include "evidence/asic.h"
#include "evidence/seal_policy.h"
#include "xades/create.h"

#include <errno.h>
#include <stdio.h>

#define HEADERS_MAX (64u * 1024) /* of the files, and those that are always the same */

struct container {
	struct asic parts; /* without the signatures */
	struct xades_draft *seal;
};

static int check_sizes(const struct asic *a)
{
	for (int i = 0; i < ASIC_SIGNATURES; i++)
		if (a->parts[i].len > asic_limit((enum asic_part)i))
			return -E2BIG;
	return 0;
}

static int prepare_seal(const struct container_plan *plan, struct container *c,
	uint8_t ret_digest[64], size_t *ret_digest_len, char **ret_reason)
{
	const struct seal_policy *policy = seal_policy_current();
	_cleanup_(freep) char *role =
		seal_role(plan->instance, plan->test, plan->level_b);
	struct xades_object objects[ASIC_SIGNATURES];
	_cleanup_(freep) char *id = NULL;
	size_t count = 0;

	if (!role || asprintf(&id, SEAL_ID_PREFIX "%s", plan->document_id) < 0)
		return -ENOMEM;
	for (int i = 0; i < ASIC_SIGNATURES; i++)
		if (asic_has(&c->parts, (enum asic_part)i))
			objects[count++] = (struct xades_object){
				.name = asic_name((enum asic_part)i),
				.mime_type = asic_media_type((enum asic_part)i),
				.data = c->parts.parts[i]
			};
	return xades_prepare(&(struct xades_plan){ .place = XADES_DETACHED,
				     .objects = objects,
				     .object_count = count,
				     .signer = plan->signer,
				     .chain = plan->chain,
				     .chain_count = plan->chain_count,
				     .signature_method = plan->mechanism,
				     .signing_time = plan->signing_time,
				     .id = id,
				     .commitment = SEAL_COMMITMENT,
				     .policy_id = policy->id,
				     .policy_sha256 = policy->sha256,
				     .claimed_role = role },
		&c->seal, ret_digest, ret_digest_len, ret_reason);
}

int container_prepare(const struct container_plan *plan, struct container **ret_container,
	uint8_t ret_digest[64], size_t *ret_digest_len, char **ret_reason)
{
	struct container *c = calloc(1, sizeof(*c));
	int r;

	*ret_reason = NULL;
	if (!c)
		return -ENOMEM;
	c->parts = (struct asic){ { plan->document, plan->report, plan->receipt,
		plan->record, plan->parallel, plan->counter } };
	r = check_sizes(&c->parts);
	if (r == 0)
		r = prepare_seal(plan, c, ret_digest, ret_digest_len, ret_reason);
	if (r < 0) {
		container_free(c);
		return r;
	}
	*ret_container = c;
	return 0;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	xades_draft_free(c->seal);
	free(c);
}

int container_set_value(struct container *c, struct span value)
{
	return xades_set_value(c->seal, value);
}

int container_timestamp_octets(const struct container *c, struct buf *ret)
{
	return xades_timestamp_octets(c->seal, ret);
}

int container_add_timestamp(struct container *c, struct span token)
{
	return xades_add_timestamp(c->seal, token);
}

bool container_fits(size_t octets)
{
	return octets <= LIMIT_CONTAINER - asic_limit(ASIC_SIGNATURES) - HEADERS_MAX;
}

int container_finish(const struct container *c, struct buf *ret)
{
	_cleanup_buf_ struct buf signatures;
	struct asic a = c->parts;
	int r;

	buf_init(&signatures, asic_limit(ASIC_SIGNATURES));
	r = xades_write(c->seal, &signatures);
	if (r < 0)
		return r;
	a.parts[ASIC_SIGNATURES] = buf_span(&signatures);
	return asic_write(&a, ret);
}
