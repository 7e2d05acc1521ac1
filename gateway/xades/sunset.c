/* SPDX-License-Identifier: EUPL-1.2 */
/* Anchors that count until a time only (EN 319 102-1 5.2.6.4, sunset date): what they
 * vouch for must be proven to have existed before. */
#include "xades/signature.h"

#include <errno.h>

static bool has_set(const struct sig_context *c, int64_t at)
{
	for (size_t i = 0; i < c->options->sunset_count; i++)
		if (c->options->sunsets[i].at <= at)
			return true;
	return false;
}

int sig_anchors_at(struct sig_context *c, int64_t at, struct pki_material **ret_own)
{
	struct pki_material *own;

	*ret_own = NULL;
	if (!has_set(c, at))
		return 0;
	own = pki_material_copy(c->material);
	if (!own)
		return -ENOMEM;
	for (size_t i = 0; i < c->options->sunset_count; i++)
		if (c->options->sunsets[i].at <= at &&
			pki_material_drop_anchor(own, c->options->sunsets[i].anchor) <
				0) {
			pki_material_free(own);
			return -ENOMEM;
		}
	*ret_own = own;
	return 0;
}
