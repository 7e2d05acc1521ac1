/* SPDX-License-Identifier: EUPL-1.2 */
/* The Schematron subset: what it evaluates, and what it refuses to load. */
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
	return rules_load(file, ret_rules, ret_error);
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

static void test_assert_and_report(void **state)
{
	(void)state;
	run(RULE("b", "<assert id='A' test='. = 1'>is one</assert>"),
		"<a><b>1</b><b>2</b></a>", "A: is one|/a/b[2]|2;");
	run(RULE("b", "<report id='R' test='. = 1'>is one</report>"),
		"<a><b>1</b><b>2</b></a>", "R: is one|/a/b[1]|1;");
	run(RULE("/a/b", "<assert id='A' test='c'>\n   has\n\t c  </assert>"
			 "<assert id='B' test='d'>has d</assert>"),
		"<a><b><d/></b><x><b/></x></a>", "A: has c|/a/b|;");
	run(RULE("p:b", "<assert id='A' test='false()'>x</assert>"),
		"<a><b/><b xmlns='urn:p'/></a>", "A: x|/a/b|;");
}

static void test_value_of_and_subject(void **state)
{
	(void)state;
	run(RULE("b", "<assert id='A' test='false()' subject='@k'>k is <value-of "
		      "select='@k'/> of "
		      "<value-of select='count(../b)'/>.</assert>"),
		"<a><b k='7'/></a>", "A: k is 7 of 1.|/a/b/@k|7;");
	run(RULE("b", "<assert id='A' test='false()' subject='x'>none</assert>"),
		"<a><b>t</b></a>", "A: none|/a/b|t;");
}

static void test_first_rule_of_a_pattern(void **state)
{
	static const char TWO[] =
		"<pattern><title>t</title>"
		"<rule context='b[. = 1]'><assert id='A' test='false()'>a</assert></rule>"
		"<rule context='b'><assert id='B' test='false()'>b</assert></rule>"
		"</pattern>";

	(void)state;
	run(TWO, "<a><b>1</b><b>2</b></a>", "A: a|/a/b[1]|1;B: b|/a/b[2]|2;");
	/* Another pattern starts anew. */
	run(RULE("b", "<assert id='A' test='false()'>a</assert>")
			RULE("b", "<assert id='B' test='false()'>b</assert>"),
		"<a><b/></a>", "A: a|/a/b|;B: b|/a/b|;");
}

static void test_now_and_time(void **state)
{
	(void)state;
	run(RULE("b", "<assert id='A' test='sg:time(.) &lt;= $now'>past</assert>"),
		"<a><b>1970-01-01T00:16:40Z</b><b>1970-01-01T00:16:41Z</b><b>never</b></"
		"a>",
		"A: past|/a/b[2]|1970-01-01T00:16:41Z;A: past|/a/b[3]|never;");
	run(RULE("a", "<assert id='A' test='sg:time(c) != sg:time(c)'>absent is no "
		      "number</assert>"),
		"<a/>", "");
	run(RULE("a", "<assert id='A' test='sg:time(\"1970-01-01\") = 0'>text</assert>"),
		"<a/>", "");
}

static void test_severity(void **state)
{
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	xmlXPathContext *context;
	char *error = NULL;

	(void)state;
	assert_int_equal(
		load(RULE("a", "<assert id='A' test='false()' role='warning'>x</assert>"
			       "<assert id='B' test='false()' role='info'>x</assert>"
			       "<assert id='C' test='false()' role='error'>x</assert>"),
			&rules, &error),
		0);
	assert_int_equal(xml_read(span_str("<a/>"), XML_READ_EIDAS, &f, &doc), 1);
	context = rule_context(doc, 0);
	assert_int_equal(rules_run(rules, context, &f), 0);
	/* A second run finds the same: marks of the first are gone. */
	assert_int_equal(rules_run(rules, context, &f), 0);
	xmlXPathFreeContext(context);
	assert_int_equal(f.count, 6);
	assert_int_equal(f.errors, 2);
	assert_int_equal(f.list[0].severity, SEVERITY_WARNING);
	assert_int_equal(f.list[1].severity, SEVERITY_INFO);
}

static void test_refused(void **state)
{
	static const char *const BAD[] = {
		"<let name='x' value='1'/>",
		"<pattern><let name='x' value='1'/></pattern>",
		"<phase id='p'/>",
		"<include href='x'/>",
		"<diagnostics/>",
		"<pattern is-a='x'/>",
		"<pattern abstract='true'/>",
		"<pattern><rule><assert id='A' test='1'>x</assert></rule></pattern>",
		"<pattern><rule context='a' abstract='true'/></pattern>",
		RULE("a|b", "<assert id='A' test='1'>x</assert>"),
		RULE("a[", "<assert id='A' test='1'>x</assert>"),
		RULE("/a = 1", "<assert id='A' test='1'>x</assert>"),
		RULE("a", "<assert id='A' test='1' subject='1'>x</assert>"),
		RULE("q:a", "<assert id='A' test='1'>x</assert>"),
		RULE("a", "<extends rule='x'/>"),
		RULE("a", "<assert test='1'>x</assert>"),
		RULE("a", "<assert id='' test='1'>x</assert>"),
		RULE("a", "<assert id='A'>x</assert>"),
		RULE("a", "<assert id='A' test='1'/>"),
		RULE("a", "<assert id='A' test='1 +'>x</assert>"),
		RULE("a", "<assert id='A' test='document(\"x\")'>x</assert>"),
		RULE("a", "<assert id='A' test='current()'>x</assert>"),
		RULE("a", "<assert id='A' test='$other'>x</assert>"),
		RULE("a", "<assert id='A' test='true() or q:b'>x</assert>"),
		RULE("a", "<assert id='A' test='1' role='fatal'>x</assert>"),
		RULE("a", "<assert id='A' test='1' flag='x'>x</assert>"),
		RULE("a", "<assert id='A' test='1' subject='['>x</assert>"),
		RULE("a", "<assert id='A' test='1'><name/></assert>"),
		RULE("a", "<assert id='A' test='1'><value-of select='['/></assert>"),
		RULE("a", "<assert id='A' test='sg:time()'>x</assert>"),
		"<ns prefix='x'/>",
		"<x xmlns='urn:other'/>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct rules *rules = NULL;
		char *error = NULL;

		if (load(BAD[i], &rules, &error) != -EINVAL)
			fail_msg("loaded: %s", BAD[i]);
		assert_null(rules);
		assert_non_null(error);
		/* FILE:LINE: what */
		assert_non_null(strstr(error, "r.sch:3: "));
		free(error);
	}
}

static void test_refused_files(void **state)
{
	static const char *const BAD[] = {
		"", "<schema/>", "<!DOCTYPE x><x/>",
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron' "
		"queryBinding='xslt2'/>",
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron' defaultPhase='x'/>"
	};
	struct rules *rules = NULL;
	char *error = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(durable_write(file, span_str(BAD[i]), 0600), 0);
		assert_int_equal(rules_load(file, &rules, &error), -EINVAL);
		assert_non_null(error);
		free(error);
	}
	assert_int_equal(rules_load("/nonexistent/x", &rules, &error), -ENOENT);
	free(error);
}

/* A rule that takes too much work over a hostile document ends instead of running on. */
static void test_work_is_bounded(void **state)
{
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	xmlXPathContext *context;
	char *error = NULL;
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	buf_add_str(&b, "<a>");
	for (int i = 0; i < 20000; i++)
		buf_add_str(&b, "<b>1</b>");
	buf_add_str(&b, "</a>");
	assert_int_equal(
		load(RULE("b",
			     "<assert id='A' test='not(. = preceding::b/c)'>x</assert>"),
			&rules, &error),
		0);
	assert_int_equal(xml_read(buf_span(&b), XML_READ_GATE, &f, &doc), 1);
	context = rule_context(doc, 0);
	assert_int_equal(rules_run(rules, context, &f), -EDOM);
	xmlXPathFreeContext(context);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_assert_and_report),
		cmocka_unit_test(test_value_of_and_subject),
		cmocka_unit_test(test_first_rule_of_a_pattern),
		cmocka_unit_test(test_now_and_time),
		cmocka_unit_test(test_severity),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_work_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
