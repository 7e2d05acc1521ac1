/* SPDX-License-Identifier: EUPL-1.2 */
/* Questions to a tree. */
#include "xml/node.h"

#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static xmlDoc *doc;

static int setup(void **state)
{
	static const char TEXT[] = "<p:a xmlns:p='urn:p' xmlns='urn:d' xmlns:q='urn:q' "
				   "i=' v ' q:i='w' e=''>\n"
				   " <b> one <!-- x -->two<![CDATA[ &]]> </b>\n"
				   " <b><c/></b> <q:b/> <n xmlns=''>&#x20;</n><empty/>\n"
				   "</p:a>";
	struct findings f = { 0 };

	(void)state;
	xml_setup();
	return xml_read(span_str(TEXT), XML_READ_EIDAS, &f, &doc) == 1 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	xmlFreeDoc(doc);
	return 0;
}

static void test_is(void **state)
{
	const xmlNode *a = xmlDocGetRootElement(doc);

	(void)state;
	assert_true(xml_is(a, "urn:p", "a"));
	assert_false(xml_is(a, "urn:d", "a"));
	assert_false(xml_is(a, NULL, "a"));
	assert_false(xml_is(a, "urn:p", "b"));
	assert_false(xml_is(a->children, "urn:p", "a"));
	assert_false(xml_is(NULL, "urn:p", "a"));
	assert_true(xml_is(xml_child(a, NULL, "n"), NULL, "n"));
}

static void test_children(void **state)
{
	const xmlNode *a = xmlDocGetRootElement(doc), *b = xml_child(a, "urn:d", "b");

	(void)state;
	assert_ptr_equal(xml_child(a, NULL, NULL), b);
	assert_ptr_equal(xml_child((const xmlNode *)doc, NULL, NULL), a);
	assert_true(xml_is(xml_next(b, NULL, NULL), "urn:d", "b"));
	assert_true(xml_is(xml_next(b, "urn:q", "b"), "urn:q", "b"));
	assert_null(xml_next(xml_next(b, "urn:d", "b"), "urn:d", "b"));
	assert_null(xml_child(a, "urn:d", "x"));
	assert_null(xml_child(NULL, NULL, NULL));
	assert_null(xml_next(NULL, NULL, NULL));
	assert_null(xml_child(a->children, NULL, NULL));
	assert_int_equal(xml_count(a, "urn:d", "b"), 2);
	assert_int_equal(xml_count(a, NULL, NULL), 5);
	assert_int_equal(xml_count(a, "urn:d", "x"), 0);
}

static void test_text(void **state)
{
	const xmlNode *a = xmlDocGetRootElement(doc), *b = xml_child(a, "urn:d", "b");
	char *text = xml_text(b);

	(void)state;
	assert_string_equal(text, "one two &");
	free(text);
	assert_null(xml_text(xml_next(b, NULL, NULL))); /* it has an element */
	assert_null(xml_text(NULL));
	assert_null(xml_text(b->children));
	text = xml_text(xml_child(a, NULL, "n"));
	assert_string_equal(text, "");
	free(text);
	text = xml_text(xml_child(a, "urn:d", "empty"));
	assert_string_equal(text, "");
	free(text);
}

static void test_attribute(void **state)
{
	const xmlNode *a = xmlDocGetRootElement(doc);
	char *value = xml_attribute(a, "i");

	(void)state;
	assert_string_equal(value, " v ");
	free(value);
	value = xml_attribute(a, "e");
	assert_string_equal(value, "");
	free(value);
	assert_null(xml_attribute(a, "x"));
	assert_null(xml_attribute(NULL, "i"));
	assert_null(xml_attribute(a->children, "i"));
}

static void expect_path(const xmlNode *node, const char *expected)
{
	char *path = xml_path_of(node);

	assert_string_equal(path, expected);
	free(path);
}

static void test_path(void **state)
{
	const xmlNode *a = xmlDocGetRootElement(doc), *b = xml_child(a, "urn:d", "b");

	(void)state;
	expect_path(a, "/p:a");
	expect_path(b, "/p:a/b[1]");
	expect_path(b->children, "/p:a/b[1]");
	expect_path(xml_child(xml_next(b, NULL, NULL), NULL, NULL), "/p:a/b[2]/c");
	expect_path(xml_child(a, "urn:q", "b"), "/p:a/q:b");
	expect_path((const xmlNode *)a->properties, "/p:a/@i");
	expect_path((const xmlNode *)a->properties->next, "/p:a/@q:i");
	expect_path((const xmlNode *)doc, "");
	expect_path(NULL, "");
}

static void test_long_path_is_cut(void **state)
{
	struct findings f = { 0 };
	xmlDoc *deep = NULL;
	const xmlNode *node;
	struct buf b;
	char *path;

	(void)state;
	buf_init(&b, 10000);
	for (int i = 0; i < 200; i++)
		buf_add_str(&b, "<abcdef>");
	for (int i = 0; i < 200; i++)
		buf_add_str(&b, "</abcdef>");
	assert_int_equal(xml_read(buf_span(&b), XML_READ_GATE, &f, &deep), 1);
	for (node = xmlDocGetRootElement(deep); xml_child(node, NULL, NULL);)
		node = xml_child(node, NULL, NULL);
	path = xml_path_of(node);
	assert_true(strlen(path) <= 500 && strlen(path) > 480);
	free(path);
	xmlFreeDoc(deep);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_children),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_long_path_is_cut),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
