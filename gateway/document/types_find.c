/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/types_model.h"

#include "document/rule_facts.h"
#include "xml/schema.h"

#include <string.h>

int document_version_read(const struct document_types *t, xmlDoc *doc,
	struct facts *facts, int64_t at, struct findings *findings)
{
	return document_versions_read(t->versions, doc, facts, at, findings);
}

static bool has_code(const struct document_type *type, const char *code)
{
	for (size_t i = 0; i < type->type_code_count; i++)
		if (strcmp(type->type_codes[i], code) == 0)
			return true;
	return type->type_code_count == 0;
}

static bool fits(const struct document_type *type, const struct facts *facts)
{
	return strcmp(type->root, facts->root) == 0 && strcmp(type->ns, facts->ns) == 0 &&
	       has_code(type, facts->type_code);
}

/* For the expressions of a type; NULL without a tree or memory. */
static xmlXPathContext *context_of(const struct document_type *type, xmlDoc *doc,
	const struct facts *facts, int64_t now)
{
	_cleanup_xpath_ xmlXPathContext *context = doc ? rule_context(doc, now) : NULL;

	if (!context || rule_facts_use(context, facts, type->name, type->direction) < 0 ||
		rule_context_use(context, &type->prefixes) < 0)
		return NULL;
	return TAKE(context);
}

/* An expression that cannot be evaluated holds for nothing. */
static bool asks(const struct document_type *type, xmlDoc *doc, const struct facts *facts)
{
	_cleanup_xpath_ xmlXPathContext *context = context_of(type, doc, facts, 0);

	return context && rule_holds(context, type->when, (xmlNode *)doc) > 0;
}

void document_type_urgency(const struct document_type *type, xmlDoc *doc,
	const struct facts *facts, int64_t now, struct urgency_found *ret)
{
	struct urgency_rules none = type->urgency;
	_cleanup_xpath_ xmlXPathContext *context =
		none.count ? context_of(type, doc, facts, now) : NULL;

	if (!context)
		none.count = 0;
	urgency_of(context ? &type->urgency : &none, context, doc, facts, now, ret);
}

const struct document_type *document_type_find(const struct document_types *t,
	xmlDoc *doc, const struct facts *facts, struct findings *findings)
{
	const struct document_type *found = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct document_type *type = &t->types[i];

		if (!fits(type, facts))
			continue;
		if (type->when && asks(type, doc, facts))
			return type;
		if (!type->when && !found)
			found = type;
	}
	if (!found)
		findings_addf(findings, SEVERITY_ERROR, "doc.type-unknown", NULL,
			facts->type_code,
			"No document type has the root %s of namespace %s with type code "
			"\"%s\".",
			facts->root, facts->ns, facts->type_code);
	return found;
}

const struct document_type *document_type_named(
	const struct document_types *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->types[i].name, name) == 0)
			return &t->types[i];
		for (size_t k = 0; k < t->types[i].alias_count; k++)
			if (strcmp(t->types[i].aliases[k], name) == 0)
				return &t->types[i];
	}
	return NULL;
}

bool document_type_issued_by(const struct document_type *type, const char *kind)
{
	for (size_t i = 0; i < type->issuer_count; i++)
		if (strcmp(type->issuers[i], kind) == 0)
			return true;
	return type->issuer_count == 0;
}

int document_check_schema(const struct document_types *t, xmlDoc *doc,
	const struct facts *facts, struct findings *findings)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->types[i].root, facts->root) == 0 &&
			strcmp(t->types[i].ns, facts->ns) == 0)
			return xml_schema_validate(t->types[i].schema, doc, findings);
	return 1;
}

const char *document_type_relation(const struct document_type *type,
	const struct facts *facts, const char **ret_number)
{
	*ret_number = facts->replaces;
	for (size_t i = 0; i < type->withdraw_count; i++) {
		if (strcmp(type->withdraws[i], facts->status) != 0)
			continue;
		if (!facts->replaces[0])
			*ret_number = facts->number;
		return "withdraws";
	}
	return facts->replaces[0] ? "replaces" : "";
}
