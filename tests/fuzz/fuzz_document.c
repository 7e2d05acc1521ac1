/* SPDX-License-Identifier: EUPL-1.2 */
/* Facts, schema, code lists and rules of the shipped packs over anything that the reader
 * lets through: a document is clean or there are findings, and never undecided. */
#include "document/types.h"
#include "tests/fuzz/target.h"
#include "xml/locate.h"
#include "xml/reader.h"

#define AT 1781000000 /* 2026-06-09 */

static const struct document_types *packs(void)
{
	static struct document_types *types;
	char *error = NULL;

	if (!types) {
		check(document_types_load("policies", &types, &error) == 0);
		xml_setup();
	}
	return types;
}

static void check_texts(const struct facts *f)
{
	json_t *json = facts_to_json(f);

	check(json != NULL);
	check(strlen(f->number) < sizeof(f->number));
	check(strlen(f->export_country) == 0 || strlen(f->export_country) == 2);
	json_decref(json);
}

static void judge(
	const struct document_types *types, xmlDoc *doc, struct findings *findings)
{
	const struct document_type *type;
	struct facts facts;
	int complete, clean;

	document_strip_signatures(doc);
	complete = facts_read(doc, &facts, findings);
	check(complete == 1 || (complete == 0 && findings->errors > 0));
	check_texts(&facts);
	type = document_type_find(types, doc, &facts, findings);
	if (!type) {
		check(findings->errors > 0);
		check(document_check_schema(types, doc, &facts, findings) >= 0);
		type = document_type_named(types, "PHYTO");
	}
	clean = document_check(types, type, doc, &facts, AT, findings);
	check(clean == 1 || (clean == 0 && findings->errors > 0));
	check(!findings_have(findings, "internal.reason"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct document_types *types = packs();
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	if (xml_read(span_of(data, size), XML_READ_GATE, &findings, &doc) == 1)
		judge(types, doc, &findings);
	xml_locate(span_of(data, size), &findings);
	return 0;
}
