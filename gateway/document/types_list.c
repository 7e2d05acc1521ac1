/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/types_model.h"

#include "document/codes.h"
#include "document/rules.h"
#include "xml/schema.h"

#include <stdlib.h>

const struct document_type *document_type_at(const struct document_types *t, size_t index)
{
	return index < t->count ? &t->types[index] : NULL;
}

int document_types_watch(struct document_types *t)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->shared_count; i++) {
		if (t->shared[i].codes)
			code_checks_watch(t->shared[i].codes);
		if (t->shared[i].rules)
			r = rules_watch(t->shared[i].rules);
	}
	return r;
}

bool document_types_rule(
	const struct document_types *t, size_t index, struct document_rule *ret_rule)
{
	for (size_t i = 0; i < t->shared_count; i++) {
		const struct shared *s = &t->shared[i];
		size_t n = s->codes   ? code_checks_count(s->codes)
			   : s->rules ? rules_count(s->rules)
				      : 0;

		if (index >= n) {
			index -= n;
			continue;
		}
		if (s->codes)
			*ret_rule =
				(struct document_rule){ code_checks_id(s->codes, index),
					true, code_checks_looked(s->codes, index),
					code_checks_optional(s->codes, index) };
		else
			*ret_rule = (struct document_rule){ rules_id(s->rules, index),
				rules_clause(s->rules, index) != NULL,
				rules_looked(s->rules, index), false };
		return true;
	}
	return false;
}

char *document_types_text(const struct document_types *t, size_t index, bool fix)
{
	for (size_t i = 0; i < t->shared_count; i++) {
		const struct shared *s = &t->shared[i];
		size_t n = s->codes   ? code_checks_count(s->codes)
			   : s->rules ? rules_count(s->rules)
				      : 0;

		if (index < n)
			return s->rules ? rules_text(s->rules, index, fix) : NULL;
		index -= n;
	}
	return NULL;
}

void document_types_free(struct document_types *t)
{
	if (!t)
		return;
	/* One more than count: the type whose loading failed. */
	for (size_t i = 0; i < TYPES_MAX && i <= t->count; i++) {
		prefixes_done(&t->types[i].prefixes);
		xmlXPathFreeCompExpr(t->types[i].when);
		urgency_done(&t->types[i].urgency);
	}
	for (size_t i = 0; i < t->shared_count; i++) {
		free(t->shared[i].path);
		xml_schema_close(t->shared[i].schema);
		code_checks_free(t->shared[i].codes);
		rules_free(t->shared[i].rules);
	}
	document_versions_free(t->versions);
	attachment_kinds_free(t->kinds);
	free(t);
}
