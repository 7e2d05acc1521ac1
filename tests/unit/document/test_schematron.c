/* SPDX-License-Identifier: EUPL-1.2 */
/* Contexts, variables, abstract patterns and rules, includes, phases, what rules say. */
#include "rules_file.h"

static void test_contexts(void **state)
{
	static const char DOC[] =
		"<a><b k='1'><c/><c/></b><x><b><c/></b></x><!--n--></a>";
	static const char *const CASES[][2] = {
		{ "b|c", "/a/b|;/a/b/c[1]|;/a/b/c[2]|;/a/x/b|;/a/x/b/c|;" },
		{ "b/c", "/a/b/c[1]|;/a/b/c[2]|;/a/x/b/c|;" },
		{ "a/b/c", "/a/b/c[1]|;/a/b/c[2]|;" },
		{ "a//c", "/a/b/c[1]|;/a/b/c[2]|;/a/x/b/c|;" },
		{ "x//c", "/a/x/b/c|;" },
		{ "/a/b", "/a/b|;" },
		{ "//b", "/a/b|;/a/x/b|;" },
		{ "/b", "" },
		{ "b[@k]/c", "/a/b/c[1]|;/a/b/c[2]|;" },
		{ "c[2]", "/a/b/c[2]|;" },
		{ "c[last()]", "/a/b/c[2]|;/a/x/b/c|;" },
		{ "c[position() = 1]", "/a/b/c[1]|;/a/x/b/c|;" },
		{ "*[2]/b/c[1]", "/a/x/b/c|;" },
		{ "b[c[2]]", "/a/b|;" },
		{ "b[count(c)]", "/a/x/b|;" },
		{ "child::b/child::c[1]", "/a/b/c[1]|;/a/x/b/c|;" },
		{ "@k", "/a/b/@k|1;" },
		{ "b/@*", "/a/b/@k|1;" },
		{ "attribute::k", "/a/b/@k|1;" },
		{ "*", "/a|;/a/b|;/a/b/c[1]|;/a/b/c[2]|;/a/x|;/a/x/b|;/a/x/b/c|;" },
		{ "x/node()", "/a/x/b|;" },
		{ "comment()", "/a|;" },
		{ "/", "|;" },
		{ "p:b", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char rule[300], expected[600] = "";

		(void)snprintf(rule, sizeof(rule),
			RULE("%s", "<assert id='A' test='false()'>x</assert>"),
			CASES[i][0]);
		for (const char *at = CASES[i][1]; *at;) {
			size_t n = strcspn(at, ";") + 1, used = strlen(expected);

			(void)snprintf(expected + used, sizeof(expected) - used,
				"A: x|%.*s", (int)n, at);
			at += n;
		}
		run(rule, DOC, expected);
	}
}

static void test_lets(void **state)
{
	(void)state;
	run("<let name='all' value='//b'/>"
	    "<pattern><let name='n' value='count($all)'/><rule context='b'>"
	    "<let name='here' value='.'/><let name='twice' value='$here * 2'/>"
	    "<assert id='A' test='$twice = $n'>twice <value-of select='$twice'/></assert>"
	    "</rule></pattern>",
		"<a><b>1</b><b>2</b></a>", "A: twice 4|/a/b[2]|2;");
	run(RULE("b", "<assert id='A' test='../c[@of = current()/@k]'>x</assert>"),
		"<a><b k='1'/><b k='2'/><c of='2'/></a>", "A: x|/a/b[1]|;");
}

static void test_abstract(void **state)
{
	run("<pattern abstract='true' id='m'><rule context='$where'>"
	    "<assert id='A-$which' test='$has'>no <value-of select='name($where)'/>"
	    "</assert></rule></pattern>"
	    "<pattern is-a='m'><param name='where' value='b'/><param name='has' "
	    "value='@k'/><param name='which' value='1'/></pattern>"
	    "<pattern is-a='m'><param name='where' value='c'/><param name='has' "
	    "value='d'/><param name='which' value='2'/></pattern>",
		"<a><b/><c/></a>", "A-1: no|/a/b|;A-2: no|/a/c|;");
	run("<pattern><rule abstract='true' id='r'><let name='x' value='@k'/>"
	    "<assert id='A' test='$x'>k</assert></rule>"
	    "<rule context='b'><extends rule='r'/><assert id='B' test='$x = 2'>2</assert>"
	    "</rule><rule context='c'><extends rule='r'/></rule></pattern>",
		"<a><b/><b k='2'/><c/></a>", "A: k|/a/b[1]|;B: 2|/a/b[1]|;A: k|/a/c|;");
	(void)state;
}

static void test_includes(void **state)
{
	char part[80];

	(void)state;
	(void)snprintf(part, sizeof(part), "%s/part.sch", folder);
	assert_int_equal(
		durable_write(part,
			span_str(
				"<pattern xmlns='http://purl.oclc.org/dsdl/schematron'>\n"
				"<rule context='b'><assert id='A' test='c'>x</assert>"
				"</rule></pattern>"),
			0600),
		0);
	run("<include href='part.sch'/>", "<a><b/></a>", "A: x|/a/b|;");
	assert_int_equal(
		durable_write(part,
			span_str(
				"<pattern xmlns='http://purl.oclc.org/dsdl/schematron'>\n"
				"<rule context='b'><assert id='A' test='$c'>x</assert>"
				"</rule></pattern>"),
			0600),
		0);
	{
		struct rules *rules = NULL;
		char *error = NULL;

		assert_int_equal(
			load("<include href='part.sch'/>", &rules, &error), -EINVAL);
		assert_non_null(
			strstr(error, "part.sch:2: test: there is no variable: $c"));
		free(error);
	}
	{
		struct rules *rules = NULL;
		char *error = NULL;

		assert_int_equal(
			durable_write(part,
				span_str("<rule "
					 "xmlns='http://purl.oclc.org/dsdl/schematron'"
					 " context='b'><assert id='A' test='c'>x</assert>"
					 "</rule>"),
				0600),
			0);
		assert_int_equal(
			load(RULE("a", "<assert id='A' test='1'>x</assert>") "<pattern>"
									     "<include "
									     "href='part."
									     "sch'/></"
									     "pattern>",
				&rules, &error),
			-EINVAL);
		assert_non_null(
			strstr(error, "there is another assertion of this id: A"));
		free(error);
	}
	unlink(part);
}

static void test_phases(void **state)
{
	static const char TEXT[] =
		"<schema xmlns='http://purl.oclc.org/dsdl/schematron' defaultPhase='one'>"
		"<phase id='one'><active pattern='p1'/></phase>"
		"<phase id='two'><active pattern='p2'/></phase>"
		"<pattern id='p1'><rule context='a'><assert id='A' test='0'>x</assert>"
		"</rule></pattern>"
		"<pattern id='p2'><rule context='a'><assert id='B' test='0'>x</assert>"
		"<assert id='C' test='0'>x</assert></rule></pattern></schema>";
	static const struct {
		const char *phase;
		size_t count;
		const char *first;
	} CASES[] = { { NULL, 1, "A" }, { "one", 1, "A" }, { "two", 2, "B" },
		{ "#ALL", 3, "A" } };
	struct rules *rules = NULL;
	char *error = NULL;

	(void)state;
	assert_int_equal(durable_write(file, span_str(TEXT), 0600), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(rules_load(file, CASES[i].phase, &rules, &error), 0);
		assert_int_equal(rules_count(rules), CASES[i].count);
		assert_string_equal(rules_id(rules, 0), CASES[i].first);
		assert_null(rules_id(rules, CASES[i].count));
		rules_free(rules);
	}
	assert_int_equal(rules_load(file, "three", &rules, &error), -EINVAL);
	assert_non_null(strstr(error, "there is no phase: three"));
	free(error);
}

static void test_what_a_rule_says_for_itself(void **state)
{
	_cleanup_(rules_freep) struct rules *rules = NULL;
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	xmlXPathContext *context;
	char *error = NULL;

	(void)state;
	assert_int_equal(
		load("<pattern see='C 1' role='warning'><rule context='a'>"
		     "<assert id='A' test='0' diagnostics='d'>x</assert>"
		     "<assert id='B' test='0' see='C 2' role='error'><emph>y</emph> in "
		     "<name/></assert></rule></pattern>"
		     "<diagnostics><diagnostic id='d'>Give <value-of select='count(b)'/>."
		     "</diagnostic></diagnostics>",
			&rules, &error),
		0);
	assert_int_equal(xml_read(span_str("<a><b/></a>"), XML_READ_EIDAS, &f, &doc), 1);
	context = rule_context(doc, 0);
	assert_int_equal(rules_run(rules, context, &f), 0);
	xmlXPathFreeContext(context);
	assert_int_equal(f.count, 2);
	assert_string_equal(f.list[0].rule, "A");
	assert_string_equal(f.list[0].clause, "C 1");
	assert_string_equal(f.list[0].fix, "Give 1.");
	assert_int_equal(f.list[0].severity, SEVERITY_WARNING);
	assert_string_equal(f.list[1].clause, "C 2");
	assert_null(f.list[1].fix);
	assert_int_equal(f.list[1].severity, SEVERITY_ERROR);
	assert_string_equal(f.list[1].message, "B: y in a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_lets),
		cmocka_unit_test(test_abstract),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_phases),
		cmocka_unit_test(test_what_a_rule_says_for_itself),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
