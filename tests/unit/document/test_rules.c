/* SPDX-License-Identifier: EUPL-1.2 */
/* The Schematron subset: what it evaluates, and what it refuses to load. */
#include "rules_file.h"

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

static void test_facts(void **state)
{
	(void)state;
	run(RULE("a",
		    "<report id='A' test='$sg:type = \"PHYTO\" and $sg:direction = "
		    "\"import\" and $sg:version = 16'>of <value-of select='$sg:number'/> "
		    "<value-of select='$sg:type_code'/> <value-of "
		    "select='$sg:status'/></report>"
		    "<report id='B' test='$sg:issued = $now'><value-of "
		    "select='concat($sg:export_country, $sg:import_country)'/></report>"
		    "<report id='C' test='$sg:lines = 3 and $sg:signatories = 2'>"
		    "<value-of select='$sg:traces_reference'/></report>"
		    "<report id='D' test='$sg:departure = $sg:departure or "
		    "$sg:authenticated &lt; 1 or $sg:replaces != \"\"'>is "
		    "there</report>"),
		"<a/>", "A: of N1 851 70|/a|;B: KENL|/a|;C: IMPORT.1|/a|;");
	/* In a context's predicate as well. */
	run(RULE("b[. = $sg:number]", "<report id='A' test='true()'>x</report>"),
		"<a><b>N2</b><b>N1</b></a>", "A: x|/a/b[2]|N1;");
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

static const char *const REFUSED[] = {
	"<let name='x'/>",
	"<let value='1'/>",
	"<let name='x' value='['/>",
	"<let name='now' value='1'/>",
	"<let name='x' value='$x'/>",
	"<let name='x' value='1'/><let name='x' value='2'/>",
	"<pattern><let name='x' value='$y'/></pattern>",
	"<phase/>",
	"<phase id='p' x='y'/>",
	"<phase id='p'><active pattern='none'/></phase>",
	"<phase id='p'><let name='x' value='1'/></phase>",
	"<include/>",
	"<include href='/etc/passwd'/>",
	"<include href='../x.sch'/>",
	"<include href='file:x.sch'/>",
	"<include href='r.sch'/>",
	"<diagnostics><diagnostic/></diagnostics>",
	"<diagnostics><x/></diagnostics>",
	"<pattern is-a='x'/>",
	"<pattern id='m' abstract='true'/><pattern is-a='m'><rule/></pattern>",
	"<pattern abstract='true' id='m'><rule context='$c'>"
	"<assert id='A' test='$t'>x</assert></rule></pattern>"
	"<pattern is-a='m'><param name='c' value='a'/></pattern>",
	"<key name='x'/>",
	"<pattern documents='x'/>",
	"<pattern><rule abstract='true' id='r' context='a'/></pattern>",
	"<pattern><rule abstract='true' id='r'><extends "
	"rule='r'/></rule></pattern>",
	"<pattern><rule abstract='true'><assert id='A' test='$x'>x</assert>"
	"</rule></pattern>",
	"<pattern><rule><assert id='A' test='1'>x</assert></rule></pattern>",
	RULE("a|", "<assert id='A' test='1'>x</assert>"),
	RULE("a/text()", "<assert id='A' test='1'>x</assert>"),
	RULE("a[current()]", "<assert id='A' test='1'>x</assert>"),
	RULE("@a[1]", "<assert id='A' test='1'>x</assert>"),
	RULE("..", "<assert id='A' test='1'>x</assert>"),
	RULE("parent::a", "<assert id='A' test='1'>x</assert>"),
	RULE("a/", "<assert id='A' test='1'>x</assert>"),
	RULE("a b", "<assert id='A' test='1'>x</assert>"),
	RULE("id(1)", "<assert id='A' test='1'>x</assert>"),
	RULE("a//b//c//d//e", "<assert id='A' test='1'>x</assert>"),
	RULE("q:*", "<assert id='A' test='1'>x</assert>"),
	RULE("a", "<assert id='A' test='position() = 1'>x</assert>"),
	RULE("a", "<assert id='A' test='not(x[key(1, 2)])'>x</assert>"),
	RULE("a", "<assert id='A' test='b[sg:other(.)]'>x</assert>"),
	RULE("a", "<assert id='A' test='b[p:time(.)]'>x</assert>"),
	RULE("a", "<assert id='A' test='b[$c]'>x</assert>"),
	RULE("a", "<assert id='A' test='b[$sg:nonsense]'>x</assert>"),
	RULE("a", "<assert id='A' test='b[$p:number]'>x</assert>"),
	RULE("a", "<assert id='A' test='b[$q:number]'>x</assert>"),
	RULE("a", "<assert id='A' test=\"'\">x</assert>"),
	RULE("a", "<assert id='A' test='1' diagnostics='none'>x</assert>"),
	RULE("a", "<let name='x' value='1'/><let name='x' value='1'/>"),
	RULE("a", "<let name='x' value='1'/>")
		RULE("a", "<assert id='A' test='$x'>x</assert>"),
	RULE("a", "<assert id='A' test='1'><x/></assert>"),
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
	RULE("a", "<assert id='A' test='$other'>x</assert>"),
	RULE("a", "<assert id='A' test='true() or q:b'>x</assert>"),
	RULE("a", "<assert id='A' test='1' role='fatal'>x</assert>"),
	RULE("a", "<assert id='A' test='1' flag='x'>x</assert>"),
	RULE("a", "<assert id='A' test='1' subject='['>x</assert>"),
	RULE("a", "<assert id='A' test='1'><value-of select='['/></assert>"),
	RULE("a", "<assert id='A' test='sg:time()'>x</assert>"),
	"<ns prefix='x'/>",
	"<x xmlns='urn:other'/>",
};

static void test_refused(void **state)
{

	(void)state;
	for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
		struct rules *rules = NULL;
		char *error = NULL;

		if (load(REFUSED[i], &rules, &error) != -EINVAL)
			fail_msg("loaded: %s", REFUSED[i]);
		assert_null(rules);
		/* FILE:LINE: what */
		if (!error || !strstr(error, "r.sch:3: "))
			fail_msg("%s: %s", REFUSED[i], error ? error : "no message");
		free(error);
	}
}

static void test_refused_files(void **state)
{
	static const char *const BAD[] = { "", "<schema/>", "<!DOCTYPE x><x/>",
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron' "
		"queryBinding='xslt2'/>",
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron' defaultPhase='x'/>",
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron' fpi='x'/>" };
	struct rules *rules = NULL;
	char *error = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(durable_write(file, span_str(BAD[i]), 0600), 0);
		assert_int_equal(rules_load(file, NULL, &rules, &error), -EINVAL);
		assert_non_null(error);
		free(error);
	}
	assert_int_equal(rules_load("/nonexistent/x", NULL, &rules, &error), -ENOENT);
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
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_severity),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_work_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
