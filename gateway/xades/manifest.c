/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "xades/catalogue.h"

#include <errno.h>

/* Signed itself, or by a reference over its ds:Object. */
static const struct sig_reference *signed_by(const struct sig *s, const xmlNode *manifest)
{
	for (size_t i = 0; i < s->reference_count; i++)
		if (s->references[i].target == TARGET_ELEMENT &&
			(s->references[i].element == manifest ||
				s->references[i].element == manifest->parent))
			return &s->references[i];
	return NULL;
}

/* Only a reference that says it is about a manifest makes the signer answer for what the
 * manifest lists (XML Signature 1.1, 5.1), and one over its text alone has no names. */
static bool vouches(const struct sig_reference *r)
{
	for (size_t i = 0; i < r->step_count; i++)
		if (r->steps[i].kind == STEP_BASE64)
			return false;
	return r->type && strcmp(r->type, NS_DS "Manifest") == 0;
}

/* Its digest is worth something at the time of validation. */
static bool covers(const struct sig_context *c, const struct sig_reference *entry)
{
	return entry->intact && entry->detached &&
	       catalogue_digest(c->options->profile, entry->digest->name, c->options->at);
}

static int note_listed(
	const struct sig_context *c, struct sig *s, const struct sig_reference *entry)
{
	const struct xades_options *o = c->options;

	if (!s->listed)
		s->listed = calloc(o->detached_count, sizeof(*s->listed));
	if (!s->listed)
		return -ENOMEM;
	s->listed[entry->detached - o->detached] = true;
	return 0;
}

static int check_entries(struct sig_context *c, struct sig *s, const xmlNode *manifest,
	const struct sig_reference *signer)
{
	struct sig_reference *list = NULL;
	size_t count = 0;
	int r = sig_references_read(c, s, manifest, &list, &count);

	s->in_manifest = true;
	for (size_t i = 0; r == 0 && i < count; i++) {
		sig_reference_resolve(c, s, &list[i]);
		r = sig_reference_check(c, s, &list[i]);
		if (list[i].target != TARGET_NONE && !list[i].intact)
			s->manifest_broken = true;
		if (r == 0 && covers(c, &list[i]) && vouches(signer))
			r = note_listed(c, s, &list[i]);
	}
	s->in_manifest = false;
	sig_references_free(list, count);
	return r;
}

int sig_manifests_check(struct sig_context *c, struct sig *s)
{
	for (const xmlNode *o = xml_child(s->node, NS_DS, "Object"); o;
		o = xml_next(o, NS_DS, "Object"))
		for (const xmlNode *m = xml_child(o, NS_DS, "Manifest"); m;
			m = xml_next(m, NS_DS, "Manifest")) {
			const struct sig_reference *signer = signed_by(s, m);
			int r;

			if (!signer) {
				sig_malformed(c, s, m,
					"There is a ds:Manifest that is not signed.");
				return 0;
			}
			r = check_entries(c, s, m, signer);
			if (r < 0)
				return r;
		}
	return 0;
}
