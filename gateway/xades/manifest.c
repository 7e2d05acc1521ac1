/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

/* Signed itself, or by a reference over its ds:Object. */
static bool is_signed(const struct sig *s, const xmlNode *manifest)
{
	for (size_t i = 0; i < s->reference_count; i++)
		if (s->references[i].target == TARGET_ELEMENT &&
			(s->references[i].element == manifest ||
				s->references[i].element == manifest->parent))
			return true;
	return false;
}

static int check_entries(struct sig_context *c, struct sig *s, const xmlNode *manifest)
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
			int r;

			if (!is_signed(s, m)) {
				sig_malformed(c, s, m,
					"There is a ds:Manifest that is not signed.");
				return 0;
			}
			r = check_entries(c, s, m);
			if (r < 0)
				return r;
		}
	return 0;
}
