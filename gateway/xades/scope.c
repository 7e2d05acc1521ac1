/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include <stdio.h>

/* What counts as signed data: not the signature's own properties and key. */
static bool is_data(const struct sig *s, const struct sig_reference *r)
{
	return !r->is_properties && (!r->element || r->element != s->key_info);
}

static bool over_document(const struct sig_reference *r)
{
	return r->target == TARGET_DOCUMENT ||
	       (r->target == TARGET_ELEMENT &&
		       r->element == xmlDocGetRootElement(r->node->doc));
}

/* What is outside and was not given would have been all of it, too. */
static const char *scope_outside(const struct sig_reference *r)
{
	return r->detached && r->detached->digest_algorithm ? "digest" : "full";
}

static const char *scope_of(const struct sig *s)
{
	const char *scope = "";

	if (s->counter)
		return "counter-signature";
	for (size_t i = 0; i < s->reference_count; i++) {
		const struct sig_reference *r = &s->references[i];

		if (!is_data(s, r))
			continue;
		if (over_document(r))
			return "full";
		if (r->target == TARGET_ELEMENT)
			scope = *scope ? scope : "partial";
		else if (!r->uri || r->uri[0] != '#')
			scope = scope_outside(r);
	}
	return *scope ? scope : "partial";
}

void sig_scope(struct sig *s, struct xades_signature *ret)
{
	(void)snprintf(ret->scope, sizeof(ret->scope), "%s", scope_of(s));
	if (!s->whole || s->counter)
		return;
	ret->signed_octets = TAKE(s->whole_octets);
	ret->signed_len = s->whole_len;
}
