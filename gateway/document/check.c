/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/types.h"

#include "document/codes.h"
#include "document/rule_facts.h"
#include "document/rules.h"
#include "xml/node.h"
#include "xml/schema.h"

#include <errno.h>
#include <string.h>

#define DS "http://www.w3.org/2000/09/xmldsig#"

static void check_status(const struct document_type *type, const struct facts *facts,
	struct findings *findings)
{
	if (!facts->status[0])
		return; /* facts_read has said so */
	for (size_t i = 0; i < type->status_count; i++)
		if (strcmp(type->statuses[i], facts->status) == 0)
			return;
	findings_addf(findings, SEVERITY_ERROR, "doc.status", NULL, facts->status,
		"Status %s is not admitted for %s.", facts->status, type->name);
}

static int check_rules(const struct document_type *type, xmlDoc *doc,
	const struct facts *facts, int64_t at, struct findings *findings)
{
	/* Codes are those of the day on which the document was issued. */
	int64_t date = facts->issued ? facts->issued : at;
	_cleanup_xpath_ xmlXPathContext *context = rule_context(doc, at);
	int r = context ? rule_facts_use(context, facts, type->name, type->direction)
			: -ENOMEM;

	for (size_t i = 0; r == 0 && i < type->code_count; i++)
		r = code_checks_run(type->codes[i], context, date, findings);
	for (size_t i = 0; r == 0 && i < type->rule_count; i++)
		r = rules_run(type->rules[i], context, findings);
	if (r == -EDOM) {
		/* The rules evaluated when they were loaded: only their amount of work
		 * depends on the document. */
		findings_add(findings, "limit.resource", NULL, NULL, NULL);
		r = 0;
	}
	return r;
}

/* What the facts miss and the destination fills in. */
static void soften(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		struct finding *f = &findings->list[i];

		if (strcmp(f->reason->code, "doc.missing") == 0 &&
			f->severity == SEVERITY_ERROR) {
			f->severity = SEVERITY_WARNING;
			findings->errors--;
		}
	}
}

int document_check(const struct document_types *t, const struct document_type *type,
	xmlDoc *doc, const struct facts *facts, int64_t at, struct findings *findings)
{
	size_t before;
	int r;

	(void)t;
	if (type->lenient)
		soften(findings);
	before = findings->errors;
	if (!type->schema)
		return -EINVAL;
	r = xml_schema_validate(type->schema, doc, findings);
	if (r < 0)
		return r;
	check_status(type, facts, findings);
	if (type->sunset && at >= type->sunset)
		findings_add(findings, "doc.sunset", NULL, type->name, NULL);
	r = check_rules(type, doc, facts, at, findings);
	if (r == 0)
		r = attachments_check(&type->attachments, doc, findings);
	if (r < 0)
		return r;
	if (findings->out_of_memory)
		return -ENOMEM;
	return findings->errors == before ? 1 : 0;
}

size_t document_strip_signatures(xmlDoc *doc)
{
	xmlNode *node = xml_child(xmlDocGetRootElement(doc), DS, "Signature");
	size_t n = 0;

	while (node) {
		xmlNode *next = xml_next(node, DS, "Signature");

		xmlUnlinkNode(node);
		xmlFreeNode(node);
		node = next;
		n++;
	}
	return n;
}
