/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/in_use.h"

#include "common/cleanup.h"
#include "common/json.h"
#include "evidence/published.h"
#include "pki/errors.h"
#include "pki/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADS "audit-head"

static const char *const STANDINGS[] = { "", "good", "wanting", "bad" };

/* All of it is what paths are built of; *ret_own is the first. */
static int read_chain(struct span der, struct pki_material *set, X509 **ret_own)
{
	const unsigned char *p = der.data, *end = der.data + der.len;

	while (p < end) {
		const unsigned char *start = p;
		X509 *x = d2i_X509(NULL, &p, end - p);

		if (!x || pki_material_add_certificate(
				  set, span_of(start, (size_t)(p - start))) < 0) {
			X509_free(x);
			pki_errors_clear();
			return -EINVAL;
		}
		if (!*ret_own)
			*ret_own = x;
		else
			X509_free(x);
	}
	return *ret_own ? 0 : -EINVAL;
}

static enum in_use_standing standing_of(enum pki_outcome outcome)
{
	if (outcome == PKI_PASSED)
		return IN_USE_GOOD;
	return pki_outcome_wanting(outcome) ? IN_USE_WANTING : IN_USE_BAD;
}

int in_use_judge(struct span der, const struct pki_material *material, int64_t at,
	struct in_use *ret)
{
	_cleanup_(pki_material_freep) struct pki_material *set =
		pki_material_copy(material);
	_cleanup_(X509_freep) X509 *own = NULL;
	struct pki_path_request q = { .at = at, .purpose = PKI_DOCUMENTS };
	struct pki_path_result path = { 0 };
	int r = set ? read_chain(der, set, &own) : -ENOMEM;

	if (r < 0)
		return r;
	q.target = own;
	q.material = set;
	r = pki_path_validate(&q, &path);
	if (r < 0)
		return r;
	*ret = (struct in_use){ .standing = standing_of(path.outcome) };
	if (ret->standing != IN_USE_GOOD)
		(void)snprintf(ret->reason, sizeof(ret->reason), "%s",
			path.reason ? path.reason : pki_outcome_text(path.outcome));
	pki_path_result_done(&path);
	return 0;
}

/* Return: 0 or negative. */
static int add_role(json_t *list, const char *role, in_use_ask ask, void *context,
	const struct pki_material *material, int64_t at)
{
	_cleanup_(freep) uint8_t *der = NULL;
	struct in_use found = { 0 };
	size_t len = 0;
	int r = ask(context, role, &der, &len);

	if (r <= 0)
		return r;
	r = in_use_judge(span_of(der, len), material, at, &found);
	if (r < 0)
		return r;
	return json_array_append_new(list,
		json_pack("{s:s, s:s, s:o}", "role", role, "standing",
			STANDINGS[found.standing], "reason", json_text(found.reason)));
}

json_t *in_use_report(
	in_use_ask ask, void *context, const struct pki_material *material, int64_t at)
{
	_cleanup_json_ json_t *list = material ? json_array() : NULL;

	for (size_t i = 0; list && i < PUBLISHED_ROLES; i++)
		if (add_role(list, PUBLISHED_ROLE[i], ask, context, material, at) < 0)
			return NULL;
	return json_incref(list);
}

bool in_use_fails(const json_t *one)
{
	const char *role = json_string_of(one, "role");
	const char *standing = json_string_of(one, "standing");

	if (!role || !standing || strcmp(standing, STANDINGS[IN_USE_GOOD]) == 0)
		return false;
	return strcmp(role, HEADS) != 0 ||
	       strcmp(standing, STANDINGS[IN_USE_WANTING]) != 0;
}

int in_use_warn(json_t *list, const json_t *report)
{
	const json_t *one;
	size_t i;

	json_array_foreach(report, i, one)
	{
		const char *reason = json_string_of(one, "reason");

		if (reason && *reason &&
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:o}", "code", "certificate",
					"destination", "", "message",
					json_sprintf("the certificate of the role "
						     "%s: %s",
						json_string_of(one, "role"), reason))) <
				0)
			return -ENOMEM;
	}
	return 0;
}
