/* SPDX-License-Identifier: EUPL-1.2 */
/* Versions of the schema side by side: what a file of one says, what cannot be one, and a
 * document read as the version that types are written for. */
#include "document/versions.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define OLD                                                                              \
	"name = \"1\";\n"                                                                \
	"namespaces = ( { of = \"urn:r1\"; as = \"urn:r2\"; },\n"                        \
	" { of = \"urn:a1\"; as = \"urn:a2\"; }, { of = \"urn:b1\"; as = \"urn:a2\"; } " \
	");\n"                                                                           \
	"lists = { of = \"D1\"; as = \"D2\"; };\n"                                       \
	"schema = \"s.xsd\";\n"                                                          \
	"sunset = \"2027-01-01T00:00:00Z\"; experimental = true;\n"
#define NEW                                                                              \
	"name = \"2\"; namespaces = ( { of = \"urn:r2\"; as = \"urn:r2\"; } );\n"        \
	"sunset = \"2030-01-01T00:00:00Z\"; experimental = false;\n"

static char folder[] = "/tmp/sealgate-unit-XXXXXX";

static const char *at(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(durable_write(at(name), span_str(text), 0600), 0);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || mkdir(at("versions"), 0700) < 0)
		return -1;
	put("s.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' "
		     "targetNamespace='urn:r1'><xs:element name='T'/></xs:schema>");
	put("versions/1.cfg", OLD);
	put("versions/2.cfg", NEW);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(at("s.xsd"));
	unlink(at("versions/1.cfg"));
	unlink(at("versions/2.cfg"));
	rmdir(at("versions"));
	return rmdir(folder);
}

/* What is found in a document at a time, and what becomes of it. */
struct reading {
	struct findings findings;
	struct facts facts;
	xmlDoc *doc;
	int result;
};

static void read_at(struct reading *r, const char *text, const char *time)
{
	struct document_versions *v = NULL;
	char *error = NULL;
	int64_t t;

	*r = (struct reading){ 0 };
	assert_int_equal(clock_parse(time, &t), 0);
	assert_int_equal(document_versions_load(folder, &v, &error), 0);
	assert_int_equal(
		xml_read(span_str(text), XML_READ_GATE, &r->findings, &r->doc), 1);
	(void)snprintf(r->facts.ns, sizeof(r->facts.ns), "%s",
		(const char *)xmlDocGetRootElement(r->doc)->ns->href);
	r->result = document_versions_read(v, r->doc, &r->facts, t, &r->findings);
	document_versions_free(v);
}

static void reading_done(struct reading *r)
{
	findings_done(&r->findings);
	xmlFreeDoc(r->doc);
}

static void expect_text(struct reading *r, const char *text)
{
	xmlChar *got = NULL;
	int len;

	xmlDocDumpMemory(r->doc, &got, &len);
	assert_non_null(strstr((const char *)got, text));
	xmlFree(got);
}

#define BEFORE "2026-12-31T23:59:59Z"

static void test_read_as(void **state)
{
	struct reading r;

	(void)state;
	read_at(&r,
		"<T xmlns='urn:r1'><b:A xmlns:b='urn:a1' listVersionID='D1'/>"
		"<b:A xmlns:b='urn:a1' listVersionID='D7'/><c:A xmlns:c='urn:c'/></T>",
		BEFORE);
	assert_int_equal(r.result, 1);
	assert_string_equal(r.facts.version, "1");
	assert_string_equal(r.facts.ns, "urn:r2");
	expect_text(&r,
		"<T xmlns=\"urn:r2\"><b:A xmlns:b=\"urn:a2\" listVersionID=\"D2\"/>"
		"<b:A xmlns:b=\"urn:a2\" listVersionID=\"D7\"/>"
		"<c:A xmlns:c=\"urn:c\"/></T>");
	reading_done(&r);
	/* What is already of that version stays as it is; so does what nobody knows. */
	read_at(&r, "<T xmlns='urn:r2' xmlns:b='urn:a1'/>", BEFORE);
	assert_int_equal(r.result, 1);
	assert_string_equal(r.facts.version, "2");
	expect_text(&r, "<T xmlns=\"urn:r2\" xmlns:b=\"urn:a1\"/>");
	reading_done(&r);
	read_at(&r, "<T xmlns='urn:r3'/>", BEFORE);
	assert_int_equal(r.result, 1);
	assert_string_equal(r.facts.version, "");
	assert_string_equal(r.facts.ns, "urn:r3");
	reading_done(&r);
}

static void expect_finding(
	const char *text, const char *time, const char *code, const char *received)
{
	struct reading r;

	read_at(&r, text, time);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.findings.count, 1);
	assert_string_equal(r.findings.list[0].reason->code, code);
	assert_string_equal(r.findings.list[0].received, received);
	reading_done(&r);
}

static void test_findings(void **state)
{
	(void)state;
	expect_finding(
		"<T xmlns='urn:r1'/>", "2027-01-01T00:00:00Z", "doc.version-sunset", "1");
	expect_finding("<T xmlns='urn:r1'><A xmlns='urn:a2'/><A xmlns='urn:a2'/></T>",
		BEFORE, "doc.version-mixed", "urn:a2");
	/* Two editions of one: each of those who read it would see but its own part. */
	expect_finding("<T xmlns='urn:r1'><A xmlns='urn:a1'/><A xmlns='urn:b1'/></T>",
		BEFORE, "doc.version-mixed", "urn:b1");
	/* The version's own schema sees the document as it came. */
	expect_finding("<U xmlns='urn:r1'/>", BEFORE, "doc.schema", "U");
}

static void expect_error(const char *from, const char *to, const char *part)
{
	const char *place = strstr(OLD, from);
	struct document_versions *v = NULL;
	char *error = NULL;
	struct buf b;

	assert_non_null(place);
	buf_init(&b, 10000);
	buf_add(&b, OLD, (size_t)(place - OLD));
	buf_addf(&b, "%s%s", to, place + strlen(from));
	put("versions/1.cfg", b.data);
	buf_done(&b);
	assert_true(document_versions_load(folder, &v, &error) < 0);
	if (!error || !strstr(error, part))
		fail_msg("%s -> %s: \"%s\"", from, to, error ? error : "");
	free(error);
	document_versions_free(v);
	put("versions/1.cfg", OLD);
}

static void test_errors(void **state)
{
	(void)state;
	expect_error("name = \"1\";", "", "name is missing");
	expect_error("name =", "other = 1; name =", "1.cfg:1: an unknown key");
	expect_error("\"urn:a1\"", "\"urn:r1\"", "1.cfg:3: a namespace is there twice");
	expect_error("as = \"urn:a2\";", "", "1.cfg:3: a renaming is");
	expect_error("\"urn:a2\"", "\"\"", "a renaming is");
	expect_error("lists = {", "lists = { also = 1;", "a renaming is");
	expect_error("\"2027-01-01T00:00:00Z\"", "\"soon\"", "RFC 3339");
	expect_error("sunset = \"2027-01-01T00:00:00Z\";", "", "RFC 3339");
	expect_error("\"s.xsd\"", "\"../s.xsd\"", "below it");
	expect_error("\"s.xsd\"", "\"none.xsd\"", "none.xsd");
	expect_error("\"urn:r1\"", "\"urn:r2\"", "2.cfg:1: another version has");
	expect_error("name = \"1\";", "name = ;", "1.cfg:1: syntax error");
	expect_error("name =", "@include \"x\"\nname =", "@include");
}

static void test_none(void **state)
{
	struct document_versions *v = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(document_versions_load("/nonexistent", &v, &error), 0);
	assert_null(v);
	document_versions_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_read_as),
		cmocka_unit_test(test_findings), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_none) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
