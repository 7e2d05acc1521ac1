/* SPDX-License-Identifier: EUPL-1.2 */
/* What the tests of rules share: a file of rules, and what it finds in a document. */
#ifndef TEST_DOCUMENT_RULES_FILE_H
#define TEST_DOCUMENT_RULES_FILE_H

#include "document/rule_facts.h"
#include "document/rules.h"

#include "common/buf.h"
#include "common/durable.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct facts FACTS = { .number = "N1",
	.version = "16",
	.type_code = "851",
	.status = "70",
	.issued = 1000,
	.export_country = "KE",
	.import_country = "NL",
	.traces_reference = "IMPORT.1",
	.line_count = 3,
	.signatory_count = 2 };

static char folder[] = "/tmp/sealgate-unit-XXXXXX";
static char file[64];

static int setup(void **state)
{
	(void)state;
	xml_setup();
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(file, sizeof(file), "%s/r.sch", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

/* content: what stands within schema. */
static int load(const char *content, struct rules **ret_rules, char **ret_error)
{
	struct buf b;
	int r;

	buf_init(&b, 100000);
	buf_addf(&b,
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron'>\n"
		"<ns prefix='p' uri='urn:p'/><ns prefix='sg' uri='" RULES_NS
		"'/>\n%s</schema>",
		content);
	r = durable_write(file, buf_span(&b), 0600);
	buf_done(&b);
	assert_int_equal(r, 0);
	return rules_load(file, NULL, ret_rules, ret_error);
}

/* "id where received; ..." of what the rules find in the document. */
static void run(const char *content, const char *document, const char *expected)
{
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	xmlXPathContext *context;
	char *error = NULL;
	struct buf got;

	assert_int_equal(load(content, &rules, &error), 0);
	assert_int_equal(xml_read(span_str(document), XML_READ_EIDAS, &f, &doc), 1);
	context = rule_context(doc, 1000);
	assert_int_equal(rule_facts_use(context, &FACTS, "PHYTO", "import"), 0);
	assert_int_equal(rules_run(rules, context, &f), 0);
	xmlXPathFreeContext(context);
	buf_init(&got, 10000);
	buf_add_str(&got, "");
	for (size_t i = 0; i < f.count; i++)
		buf_addf(&got, "%s|%s|%s;", f.list[i].message, f.list[i].where,
			f.list[i].received);
	assert_string_equal(got.data, expected);
	buf_done(&got);
}

#define RULE(context, assertions)                                                        \
	"<pattern><rule context='" context "'>" assertions "</rule></pattern>"

#endif
