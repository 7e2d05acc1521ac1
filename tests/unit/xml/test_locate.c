/* SPDX-License-Identifier: EUPL-1.2 */
/* Line and column of the places that findings name. */
#include "xml/locate.h"

#include "xml/node.h"
#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char TEXT[] = "<?xml version=\"1.0\"?>\n"
			   "<!-- <p:a/> -->\n"
			   "<p:a xmlns:p='urn:p' t='>'\n"
			   "  u=\"&lt;a>\"><b/><b x='1'/>\n"
			   "\xc3\xa9\xc3\xa9<c><![CDATA[<b/>]]><b></b><b>1</b></c><b>\n"
			   "<d\n/></b>\r\n"
			   "\t<c><b/></c></p:a>\n";

static void expect(const char *path, unsigned int line, unsigned int column)
{
	_cleanup_findings_ struct findings f = { 0 };

	/* Others beside it must not matter. */
	findings_add(&f, "doc.rule", "/p:a/b[2]/@x", NULL, NULL);
	findings_add(&f, "doc.rule", path, NULL, NULL);
	findings_add(&f, "doc.rule", "/p:a/c[2]/b", NULL, NULL);
	xml_locate(span_str(TEXT), &f);
	if (f.list[1].line != line || f.list[1].column != column)
		fail_msg("%s: %u:%u", path, f.list[1].line, f.list[1].column);
	assert_int_equal(f.list[0].line, 4);
	assert_int_equal(f.list[2].column, 5);
}

static void test_places(void **state)
{
	(void)state;
	expect("/p:a", 3, 1);
	expect("/p:a/b[1]", 4, 14);
	expect("/p:a/b[2]", 4, 18);
	expect("/p:a/b[2]/@x", 4, 18);
	expect("/p:a/c[1]", 5, 3);
	expect("/p:a/c[1]/b[1]", 5, 22);
	expect("/p:a/c[1]/b[2]", 5, 29);
	expect("/p:a/b[3]", 5, 41);
	expect("/p:a/b[3]/d", 6, 1);
	expect("/p:a/c[2]", 8, 2);
	expect("/p:a/c[2]/b", 8, 5);
}

static void test_nowhere(void **state)
{
	static const char *const PATHS[] = { "", "1:2", "/", "/@x", "/p:a/b[4]", "/a",
		"/p:a/b[0]", "/p:a/b[x]", "/p:a/b[1", "/p:a/e/f", "//b", "/p:a[2]" };

	(void)state;
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++)
		expect(PATHS[i], 0, 0);
}

static void test_cut_off(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof(TEXT) - 1; n++) {
		_cleanup_findings_ struct findings f = { 0 };
		_cleanup_(freep) char *part = malloc(n + 1);

		memcpy(part, TEXT, n);
		findings_add(&f, "doc.rule", "/p:a/b[3]/d", NULL, NULL);
		xml_locate(span_of(part, n), &f);
		assert_true(f.list[0].line == 0 || f.list[0].line == 6);
	}
}

/* Every element of a parsed document is found where its tag begins. */
static void test_agrees_with_the_tree(void **state)
{
	_cleanup_findings_ struct findings f = { 0 }, none = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	long lines[32];
	size_t n = 0;

	(void)state;
	xml_setup();
	assert_int_equal(xml_read(span_str(TEXT), XML_READ_EIDAS, &none, &doc), 1);
	for (xmlNode *node = xmlDocGetRootElement(doc), *up; node; node = up) {
		_cleanup_(freep) char *path = xml_path_of(node);

		lines[n++] = xmlGetLineNo(node);
		findings_add(&f, "doc.rule", path, NULL, NULL);
		up = xml_child(node, NULL, NULL);
		while (node && !up) {
			up = xml_next(node, NULL, NULL);
			node = node->parent;
		}
	}
	assert_int_equal(n, 10);
	xml_locate(span_str(TEXT), &f);
	/* The parser counts the line in which a start tag ends. */
	for (size_t i = 0; i < n; i++)
		assert_true(f.list[i].line && lines[i] - (long)f.list[i].line <= 1 &&
			    lines[i] >= (long)f.list[i].line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_agrees_with_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
