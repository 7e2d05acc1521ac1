/* SPDX-License-Identifier: EUPL-1.2 */
#include "document/experimental.h"

#include "document/sps.h"
#include "document/types_model.h"
#include "xml/node.h"

struct experimental document_experimental(const struct document_types *t,
	const struct document_type *type, const struct facts *facts)
{
	return (struct experimental){ .type = type && type->experimental,
		.version = document_version_experimental(t->versions, facts->version) };
}

/* Return: what says of which type a document is; the caller frees. */
static char *place_of_type(xmlDoc *doc)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *code = sps_child(sps_child(root, "SPSExchangedDocument"), "TypeCode");

	return xml_path_of(code ? code : root);
}

static void say_type(const struct document_type *type, const char *where,
	const char *sender, struct findings *findings)
{
	if (sender)
		findings_addf(findings, SEVERITY_ERROR, "doc.experimental", where,
			type->name,
			"Documents of type %s are experimental (there was no public "
			"sample to test the type with), and policy does not let %s send "
			"them.",
			type->name, sender);
	else
		findings_addf(findings, SEVERITY_WARNING, "doc.experimental", where,
			type->name,
			"Documents of type %s are experimental (there was no public "
			"sample to test the type with): in production they are refused "
			"unless policy lets the partner send them.",
			type->name);
}

static void say_version(const char *version, const char *where, const char *sender,
	struct findings *findings)
{
	if (sender)
		findings_addf(findings, SEVERITY_ERROR, "doc.version-experimental", where,
			version,
			"Version %s of the schema is experimental (there was no public "
			"sample to test it with), and policy does not let %s send it.",
			version, sender);
	else
		findings_addf(findings, SEVERITY_WARNING, "doc.version-experimental",
			where, version,
			"Version %s of the schema is experimental (there was no public "
			"sample to test it with): in production it is refused unless "
			"policy lets the partner send it.",
			version);
}

void document_experimental_say(struct experimental what, const struct document_type *type,
	const struct facts *facts, xmlDoc *doc, const char *sender,
	struct findings *findings)
{
	if (what.version) {
		_cleanup_(freep) char *root = xml_path_of(xmlDocGetRootElement(doc));

		say_version(facts->version, root, sender, findings);
	}
	if (what.type) {
		_cleanup_(freep) char *code = place_of_type(doc);

		say_type(type, code, sender, findings);
	}
}
