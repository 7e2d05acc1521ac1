/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * CPU of schema, codes, facts and rules of a document's type against libxml2's bare schema
 * validation of the same tree.
 *
 *   bench_document POLICIES SCHEMA RULES AT FILE...
 *
 * RULES is a file of rules to time alone, on a context of its own. A line of JSON a file.
 * All sides get a tree that is already parsed; each figure is the least of the rounds,
 * which is what a machine that does other things too can repeat.
 */
#include "common/clock.h"
#include "common/durable.h"
#include "document/rule_facts.h"
#include "document/rules.h"
#include "document/types.h"
#include "xml/reader.h"

#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 9
#define REPEATS 40

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what)
{
	fprintf(stderr, "bench_document: %s\n", what);
	exit(1);
}

static void quiet(void *context, const char *message, ...)
{
	(void)context;
	(void)message;
}

struct bench {
	struct document_types *types;
	xmlSchema *schema;
	struct rules *rules;
	xmlDoc *doc;
	int64_t at;
	size_t findings;
};

static void whole(struct bench *b)
{
	struct findings findings = { 0 };
	const struct document_type *type;
	struct facts facts;

	if (facts_read(b->doc, &facts, &findings) < 0)
		fail("facts");
	if (document_version_read(b->types, b->doc, &facts, b->at, &findings) < 0)
		fail("the version");
	type = document_type_find(b->types, b->doc, &facts, &findings);
	if (!type || document_check(b->types, type, b->doc, &facts, b->at, &findings) < 0)
		fail("the check");
	b->findings = findings.count;
	findings_done(&findings);
}

static void rules_alone(struct bench *b)
{
	struct findings findings = { 0 };
	xmlXPathContext *context = rule_context(b->doc, b->at);
	static const struct facts NONE;

	if (!context || rule_facts_use(context, &NONE, "", "") < 0 ||
		rules_run(b->rules, context, &findings) < 0)
		fail("the rules");
	xmlXPathFreeContext(context);
	findings_done(&findings);
}

static void bare(struct bench *b)
{
	xmlSchemaValidCtxt *v = xmlSchemaNewValidCtxt(b->schema);

	xmlSchemaSetValidErrors(v, quiet, quiet, NULL);
	(void)xmlSchemaValidateDoc(v, b->doc);
	xmlSchemaFreeValidCtxt(v);
}

static double least(struct bench *b, void (*once)(struct bench *))
{
	double best = 1e12;

	for (int i = 0; i < ROUNDS; i++) {
		double t = cpu_us();

		for (int k = 0; k < REPEATS; k++)
			once(b);
		t = (cpu_us() - t) / REPEATS;
		best = t < best ? t : best;
	}
	return best;
}

static void run(struct bench *b, const char *path)
{
	struct findings none = { 0 };
	uint8_t *data;
	size_t len;
	double all, floor, rules;

	if (file_read(path, LIMIT_DOCUMENT, &data, &len) < 0 ||
		xml_read(span_of(data, len), XML_READ_EIDAS, &none, &b->doc) != 1)
		fail(path);
	document_strip_signatures(b->doc);
	all = least(b, whole);
	floor = least(b, bare);
	rules = least(b, rules_alone);
	printf("{\"file\":\"%s\",\"octets\":%zu,\"gate_us\":%.1f,\"schema_us\":%.1f,"
	       "\"rules_us\":%.1f,\"findings\":%zu}\n",
		path, len, all, floor, rules, b->findings);
	xmlFreeDoc(b->doc);
	free(data);
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	xmlSchemaParserCtxt *p;
	char *error = NULL;

	if (argc < 6 || clock_parse(argv[4], &b.at) < 0)
		fail("usage: bench_document POLICIES SCHEMA RULES AT FILE...");
	p = xmlSchemaNewParserCtxt(argv[2]);
	b.schema = xmlSchemaParse(p);
	xmlSchemaFreeParserCtxt(p);
	if (!b.schema || document_types_load(argv[1], &b.types, &error) < 0)
		fail(error ? error : "the schema");
	xml_setup();
	if (rules_load(argv[3], NULL, &b.rules, &error) < 0)
		fail(error ? error : "the rules");
	for (int i = 5; i < argc; i++)
		run(&b, argv[i]);
	rules_free(b.rules);
	document_types_free(b.types);
	return 0;
}
