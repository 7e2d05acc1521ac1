/* SPDX-License-Identifier: EUPL-1.2 */
/* Quick tests answer as XPath does, and know which they cannot answer. */
#include "document/quick.h"

#include "xml/node.h"
#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char TEXT[] =
	"<r xmlns:p='urn:p' xmlns:q='urn:q' k='1' p:k='2' e=''>"
	"<a>x</a><a>y</a><p:a>z</p:a><b> \n</b><b>v</b><c/><d><e>1</e><e>2</e></d>"
	"<n>01.0</n><n>2</n><m>two</m><s>a<!-- c -->b</s><t><![CDATA[x]]></t>"
	"<u>&#xa0;</u><q:a>w</q:a></r>";

static const char *const QUICK[] = { "a", "p:a", "z", "q:z", "p:b", "@k", "@p:k", "@z",
	"@e", "a = 'x'", "a = 'y'", "a = \"z\"", "p:a = 'z'", "q:a='z'", "@k = '1'",
	"@p:k = '1'", "@e = ''", "@z = ''", "c = ''", "z = ''", "d = '12'", "s = 'ab'",
	"t = 'x'", ". = 'x'", "normalize-space(a) != ''", "normalize-space(b) != ''",
	"normalize-space(c) != ''", "normalize-space(z) != ''",
	"normalize-space(@e) != ''", "normalize-space(@k) != ''",
	"normalize-space(.) != ''", "normalize-space(u) != ''",
	"normalize-space(d) != ''", "z or a", "z or y", "z = '1' or b = 'v'", "n = 1",
	"n = 2", "n = 3", "n != 1", "n != 7", "m = 1", "m != 1", "z != 1", "c != 0",
	"c = 0", "@k = 1", "@k != 1", "@z != 1", "@e != 0",
	"b = 'v' or normalize-space(b) != ''" };

static const char *const SLOW[] = { "1", "a = b", "a != 'x'", "not(a)", "a and b", "a/b",
	"a[1]", "*", "p:*", "..", "normalize-space(a) = ''", "normalize-space(a) != 'x'",
	"normalize-space(a)", ".", "x:a", "text()", "a or", "count(a) = 1", "a = -1",
	"a > 1", "(a)", "'x' = a", "a or b or c or d or e or f or g or h or i", "",
	"a = 'x", "a | b", "child::a", "$v = 'x'" };

static void test_answers_as_xpath(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct prefixes prefixes = { 0 };
	struct rule_compiler *c;
	xmlXPathContext *context;

	(void)state;
	xml_setup();
	prefixes_add(&prefixes, "p", "urn:p");
	prefixes_add(&prefixes, "q", "urn:q");
	c = rule_compiler_new(&prefixes);
	assert_int_equal(xml_read(span_str(TEXT), XML_READ_EIDAS, &f, &doc), 1);
	context = rule_context(doc, 0);
	assert_int_equal(rule_context_use(context, &prefixes), 0);
	for (size_t i = 0; i < sizeof(QUICK) / sizeof(QUICK[0]); i++) {
		const char *why;
		struct test t = { 0 };

		assert_true(test_compile(c, QUICK[i], WANT_VALUE, &t, &why));
		assert_non_null(t.quick);
		for (xmlNode *n = xmlDocGetRootElement(doc), *next; n; n = next) {
			next = n->children ? n->children : n->next;
			while (!next && n->parent &&
				n->parent->type == XML_ELEMENT_NODE) {
				n = n->parent;
				next = n->next;
			}
			if (!next || next->type != XML_ELEMENT_NODE)
				continue;
			if (test_holds(&t, context, next) !=
				rule_holds(context, t.expression, next))
				fail_msg("%s at %s", QUICK[i], (const char *)next->name);
		}
		if (test_holds(&t, context, xmlDocGetRootElement(doc)) !=
			rule_holds(context, t.expression, xmlDocGetRootElement(doc)))
			fail_msg("%s at the root", QUICK[i]);
		test_done(&t);
	}
	xmlXPathFreeContext(context);
	rule_compiler_free(c);
	prefixes_done(&prefixes);
}

static void test_knows_its_limits(void **state)
{
	struct prefixes prefixes = { 0 };

	(void)state;
	prefixes_add(&prefixes, "p", "urn:p");
	for (size_t i = 0; i < sizeof(SLOW) / sizeof(SLOW[0]); i++) {
		struct quick *q = quick_compile(SLOW[i], &prefixes);

		if (q)
			fail_msg("%s is taken for a quick one", SLOW[i]);
	}
	prefixes_done(&prefixes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_as_xpath),
		cmocka_unit_test(test_knows_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
