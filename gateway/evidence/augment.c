/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/augment.h"

#include "common/limits.h"
#include "evidence/asic.h"
#include "evidence/seal_check.h"
#include "evidence/verify.h"
#include "xades/augment.h"

#include <errno.h>

struct evidence_archive {
	struct evidence_augment_plan plan;
	struct asic parts;
	struct xades_detached detached[ASIC_SIGNATURES];
	struct xades_options options;
	char *id; /* of the seal */
	struct evidence_paths paths;
	struct xades_stamp *stamp;
};

static int say(char **ret_reason, const char *what)
{
	*ret_reason = strdup(what);
	return *ret_reason ? 0 : -ENOMEM;
}

static char *first_error(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].severity == SEVERITY_ERROR)
			return strdup(f->list[i].message);
	return strdup("The container is not valid.");
}

/* A container must be valid before and after. *ret_id (may be NULL): the seal's. */
static int check(struct span container, const struct evidence_context *context,
	char **ret_id, char **ret_reason)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_json_ json_t *report = NULL;
	const json_t *seal;
	const char *id;
	int r = evidence_verify(container, context, &findings, &report);

	if (r < 0)
		return r;
	if (r == 0) {
		*ret_reason = first_error(&findings);
		return *ret_reason ? 0 : -ENOMEM;
	}
	seal = json_array_get(json_object_get(report, "signatures"), 0);
	id = json_string_of(seal, "id");
	if (ret_id && (!id || !(*ret_id = strdup(id))))
		return -ENOMEM;
	return 1;
}

static int open_container(struct evidence_archive *a,
	const struct evidence_augment_plan *plan, char **ret_reason)
{
	_cleanup_findings_ struct findings findings = { 0 };
	int r;

	*a = (struct evidence_archive){ .plan = *plan };
	*ret_reason = NULL;
	r = check(plan->container,
		&(struct evidence_context){ .material = plan->material,
			.at = plan->at,
			.released = plan->released,
			.paths = &a->paths },
		&a->id, ret_reason);
	if (r > 0 && asic_read(plan->container, &findings, &a->parts) != 1)
		r = say(ret_reason, "The container is not of the form.");
	a->options = (struct xades_options){ .profile = XADES_EIDAS,
		.at = plan->at,
		.material = plan->material,
		.detached = a->detached,
		.detached_count = seal_detached(&a->parts, a->detached) };
	return r;
}

static void archive_done(struct evidence_archive *a)
{
	xades_stamp_free(a->stamp);
	evidence_paths_done(&a->paths);
	free(a->id);
}

static struct xades_augment_plan seal_of(const struct evidence_archive *a)
{
	return (struct xades_augment_plan){ .file = a->parts.parts[ASIC_SIGNATURES],
		.options = &a->options,
		.id = a->id,
		.others = a->paths.list,
		.other_count = a->paths.count };
}

/* The container with another signature file, which must be valid. */
static int rewrite(const struct evidence_archive *a, struct span signatures, int64_t at,
	struct buf *ret, char **ret_reason)
{
	_cleanup_buf_ struct buf container;
	struct asic parts = a->parts;
	int r;

	parts.parts[ASIC_SIGNATURES] = signatures;
	buf_init(&container, LIMIT_CONTAINER);
	r = asic_write(&parts, &container);
	if (r == -E2BIG)
		return say(ret_reason, "The container would be over its limit.");
	if (r < 0)
		return r;
	r = check(buf_span(&container),
		&(struct evidence_context){ .material = a->plan.material,
			.at = at,
			.released = a->plan.released },
		NULL, ret_reason);
	if (r > 0 && buf_add_span(ret, buf_span(&container)) < 0)
		return ret->error;
	return r;
}

int evidence_add_validation_data(
	const struct evidence_augment_plan *plan, struct buf *ret, char **ret_reason)
{
	_cleanup_(archive_done) struct evidence_archive a;
	_cleanup_buf_ struct buf signatures;
	struct xades_augment_plan seal;
	int r = open_container(&a, plan, ret_reason);

	buf_init(&signatures, LIMIT_CONTAINER);
	seal = seal_of(&a);
	if (r > 0)
		r = xades_add_validation_data(&seal, &signatures, ret_reason);
	return r > 0 ? rewrite(&a, buf_span(&signatures), plan->at, ret, ret_reason) : r;
}

static int prepare(const struct evidence_augment_plan *plan, enum xades_stamp_kind kind,
	struct evidence_archive **ret_archive, struct buf *ret_octets, char **ret_reason)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *a =
		calloc(1, sizeof(*a));
	struct xades_augment_plan seal;
	int r = a ? open_container(a, plan, ret_reason) : -ENOMEM;

	if (r <= 0)
		return r;
	seal = seal_of(a);
	r = xades_stamp_prepare(&seal, kind, &a->stamp, ret_octets, ret_reason);
	if (r > 0)
		*ret_archive = TAKE(a);
	return r;
}

int evidence_time_stamp_prepare(const struct evidence_augment_plan *plan,
	struct evidence_archive **ret_archive, struct buf *ret_octets, char **ret_reason)
{
	return prepare(plan, XADES_STAMP_SIGNATURE, ret_archive, ret_octets, ret_reason);
}

int evidence_archive_prepare(const struct evidence_augment_plan *plan,
	struct evidence_archive **ret_archive, struct buf *ret_octets, char **ret_reason)
{
	return prepare(plan, XADES_STAMP_ARCHIVE, ret_archive, ret_octets, ret_reason);
}

int evidence_archive_finish(struct evidence_archive *a, struct span token, int64_t at,
	struct buf *ret, char **ret_reason)
{
	_cleanup_buf_ struct buf signatures;
	int r;

	buf_init(&signatures, LIMIT_CONTAINER);
	r = xades_stamp_finish(a->stamp, token, at, &signatures, ret_reason);
	return r > 0 ? rewrite(a, buf_span(&signatures), at, ret, ret_reason) : r;
}

void evidence_archive_free(struct evidence_archive *a)
{
	if (!a)
		return;
	archive_done(a);
	free(a);
}
