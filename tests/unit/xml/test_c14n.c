/* SPDX-License-Identifier: EUPL-1.2 */
/* Canonical forms by the examples' ideas of their specifications, subtrees and omissions,
 * and failures that must never look like an empty success. */
#include "xml/c14n.h"

#include "xml/node.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	xml_setup();
	return 0;
}

static xmlDoc *read_text(const char *text)
{
	_cleanup_findings_ struct findings f = { 0 };
	xmlDoc *doc = NULL;

	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, &f, &doc), 1);
	return doc;
}

/* The n-th element of that name, in document order from 0. */
static xmlNode *element(xmlNode *node, const char *name, int *n)
{
	for (; node; node = xml_next(node, NULL, NULL)) {
		xmlNode *found;

		if (strcmp((const char *)node->name, name) == 0 && (*n)-- == 0)
			return node;
		found = element(xml_child(node, NULL, NULL), name, n);
		if (found)
			return found;
	}
	return NULL;
}

static void expect_with(const char *text, const char *apex, const char *omit,
	enum xml_c14n algorithm, const char *const *prefixes, const char *expected)
{
	_cleanup_xml_doc_ xmlDoc *doc = read_text(text);
	xmlNode *root = xmlDocGetRootElement(doc);
	const xmlNode *from = apex ? element(root, apex, &(int){ 0 }) : NULL;
	const xmlNode *omitted = omit ? element(root, omit, &(int){ 0 }) : NULL;
	struct buf b;
	int r;

	buf_init(&b, 10000);
	r = xml_canonicalize(
		doc, from, &omitted, omitted ? 1 : 0, algorithm, prefixes, &b);
	assert_int_equal(r, expected ? 0 : -EINVAL);
	if (expected)
		assert_string_equal(b.data, expected);
	buf_done(&b);
}

static void expect(
	const char *text, const char *apex, enum xml_c14n algorithm, const char *expected)
{
	expect_with(text, apex, NULL, algorithm, NULL, expected);
}

static void test_uris(void **state)
{
	(void)state;
	for (int a = XML_C14N_10; a <= XML_C14N_EXCLUSIVE_COMMENTS; a++)
		assert_int_equal(xml_c14n_find(xml_c14n_uri((enum xml_c14n)a)), a);
	assert_int_equal(xml_c14n_find("http://www.w3.org/TR/1999/REC-xslt-19991116"),
		XML_C14N_NONE);
	assert_int_equal(xml_c14n_find(""), XML_C14N_NONE);
	assert_int_equal(xml_c14n_find(NULL), XML_C14N_NONE);
	assert_null(xml_c14n_uri(XML_C14N_NONE));
	assert_null(xml_c14n_uri((enum xml_c14n)99));
}

static void test_whole_document(void **state)
{
	static const char TEXT[] =
		"<?xml version=\"1.0\"?>\n<!-- before -->\n<?pi x?>\n"
		"<a  c = '2' b=\"1\" ><e/><!-- in --><![CDATA[<&]]>&#13;\t</a  >\n"
		"<!-- after -->\n";

	(void)state;
	expect(TEXT, NULL, XML_C14N_10,
		"<?pi x?>\n<a b=\"1\" c=\"2\"><e></e>&lt;&amp;&#xD;\t</a>");
	expect(TEXT, NULL, XML_C14N_10_COMMENTS,
		"<!-- before -->\n<?pi x?>\n<a b=\"1\" c=\"2\"><e></e><!-- in "
		"-->&lt;&amp;&#xD;\t</a>"
		"\n<!-- after -->");
	expect(TEXT, NULL, XML_C14N_EXCLUSIVE,
		"<?pi x?>\n<a b=\"1\" c=\"2\"><e></e>&lt;&amp;&#xD;\t</a>");
	expect("<a b='&#9;&#10;&#13;&lt;&quot;&gt;'>&gt;\"</a>", NULL, XML_C14N_10,
		"<a b=\"&#x9;&#xA;&#xD;&lt;&quot;>\">&gt;\"</a>");
}

static void test_namespaces(void **state)
{
	static const char TEXT[] =
		"<n0:a xmlns:n0='u:0' xmlns:n1='u:1' xmlns='u:d' xml:lang='en'>"
		"<n0:b xmlns:n2='u:2' n2:x='1' n1:y='2' z='3'><c "
		"xmlns=''/></n0:b></n0:a>";

	(void)state;
	expect(TEXT, "b", XML_C14N_10,
		"<n0:b xmlns=\"u:d\" xmlns:n0=\"u:0\" xmlns:n1=\"u:1\" xmlns:n2=\"u:2\" "
		"z=\"3\" "
		"xml:lang=\"en\" n1:y=\"2\" n2:x=\"1\"><c xmlns=\"\"></c></n0:b>");
	expect(TEXT, "b", XML_C14N_11,
		"<n0:b xmlns=\"u:d\" xmlns:n0=\"u:0\" xmlns:n1=\"u:1\" xmlns:n2=\"u:2\" "
		"z=\"3\" "
		"xml:lang=\"en\" n1:y=\"2\" n2:x=\"1\"><c xmlns=\"\"></c></n0:b>");
	expect(TEXT, "b", XML_C14N_EXCLUSIVE,
		"<n0:b xmlns:n0=\"u:0\" xmlns:n1=\"u:1\" xmlns:n2=\"u:2\" z=\"3\" "
		"n1:y=\"2\" "
		"n2:x=\"1\"><c></c></n0:b>");
	expect_with(TEXT, "b", NULL, XML_C14N_EXCLUSIVE,
		(const char *[]){ "#default", NULL },
		"<n0:b xmlns=\"u:d\" xmlns:n0=\"u:0\" xmlns:n1=\"u:1\" xmlns:n2=\"u:2\" "
		"z=\"3\" "
		"n1:y=\"2\" n2:x=\"1\"><c xmlns=\"\"></c></n0:b>");
	expect_with("<a xmlns:p='u:p' xmlns:q='u:q'><b/></a>", "b", NULL,
		XML_C14N_EXCLUSIVE, (const char *[]){ "q", "none", NULL },
		"<b xmlns:q=\"u:q\"></b>");
}

/* xml:id and xml:base are inherited by 1.0 and not (id) or joined (base) by 1.1. */
static void test_xml_attributes(void **state)
{
	static const char TEXT[] = "<a xml:id='i' xml:base='http://x/y/' "
				   "xml:space='preserve'><b><c xml:base='z/'/></b></a>";

	(void)state;
	expect(TEXT, "c", XML_C14N_10,
		"<c xml:base=\"z/\" xml:id=\"i\" xml:space=\"preserve\"></c>");
	expect(TEXT, "c", XML_C14N_11,
		"<c xml:base=\"http://x/y/z/\" xml:space=\"preserve\"></c>");
	expect(TEXT, "c", XML_C14N_EXCLUSIVE, "<c xml:base=\"z/\"></c>");
}

static void test_subtree(void **state)
{
	static const char TEXT[] =
		"<!-- c --><a><b>1</b><b>2</b> t <c><!-- in --><d/></c> t <e/></a>";

	(void)state;
	expect(TEXT, "c", XML_C14N_10, "<c><d></d></c>");
	expect(TEXT, "c", XML_C14N_10_COMMENTS, "<c><!-- in --><d></d></c>");
	expect(TEXT, "a", XML_C14N_EXCLUSIVE_COMMENTS,
		"<a><b>1</b><b>2</b> t <c><!-- in --><d></d></c> t <e></e></a>");
	/* The tree is as it was: the rest of the siblings is still there. */
	expect_with(TEXT, NULL, "c", XML_C14N_10, NULL,
		"<a><b>1</b><b>2</b> t  t <e></e></a>");
}

static void test_tree_is_unchanged(void **state)
{
	_cleanup_xml_doc_ xmlDoc *doc = read_text("<a><b/><c/></a>");
	xmlNode *b = xml_child(xmlDocGetRootElement(doc), NULL, NULL);
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	assert_int_equal(xml_canonicalize(doc, b, NULL, 0, XML_C14N_10, NULL, &buf), 0);
	assert_non_null(b->next);
	assert_string_equal(buf.data, "<b></b>");
	/* A second result is appended. */
	assert_int_equal(
		xml_canonicalize(doc, b->next, NULL, 0, XML_C14N_10, NULL, &buf), 0);
	assert_string_equal(buf.data, "<b></b><c></c>");
	buf_done(&buf);
}

static void test_omit(void **state)
{
	static const char TEXT[] =
		"<a xmlns:p='u:p'><p:s><x><y/></x></p:s>t<b><p:s><z/></p:s></b></a>";
	_cleanup_xml_doc_ xmlDoc *doc = read_text(TEXT);
	xmlNode *root = xmlDocGetRootElement(doc);
	const xmlNode *both[] = { element(root, "s", &(int){ 0 }),
		element(root, "s", &(int){ 1 }) };
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	assert_int_equal(xml_canonicalize(doc, NULL, both, 2, XML_C14N_10, NULL, &b), 0);
	assert_string_equal(b.data, "<a xmlns:p=\"u:p\">t<b></b></a>");
	buf_done(&b);
	buf_init(&b, 1000);
	assert_int_equal(
		xml_canonicalize(doc, root, both, 1, XML_C14N_EXCLUSIVE, NULL, &b), 0);
	assert_string_equal(b.data, "<a>t<b><p:s xmlns:p=\"u:p\"><z></z></p:s></b></a>");
	buf_done(&b);
	expect_with(TEXT, "b", "z", XML_C14N_EXCLUSIVE, NULL,
		"<b><p:s xmlns:p=\"u:p\"></p:s></b>");
}

static void test_failures(void **state)
{
	(void)state;
	/* A relative namespace name has no canonical form, wherever it is in scope. */
	expect("<a xmlns='rel'><b/></a>", NULL, XML_C14N_10, NULL);
	expect("<a xmlns='rel'><b/></a>", "b", XML_C14N_10, NULL);
	expect("<a xmlns:p='rel'><b xmlns='u:b'/></a>", "b", XML_C14N_EXCLUSIVE, NULL);
	expect("<a><b xmlns='../x'/></a>", "b", XML_C14N_EXCLUSIVE, NULL);
	/* Nothing left is an error, never an empty text. */
	expect_with("<a/>", NULL, "a", XML_C14N_10, NULL, NULL);
	expect_with("<a><b/></a>", "b", "b", XML_C14N_10, NULL, NULL);
	expect_with("<a><b><c/></b></a>", "c", "c", XML_C14N_EXCLUSIVE, NULL, NULL);
	expect("<a/>", NULL, XML_C14N_NONE, NULL);
	expect("<a/>", NULL, (enum xml_c14n)99, NULL);
}

static void test_maximum(void **state)
{
	_cleanup_xml_doc_ xmlDoc *doc = read_text("<a>0123456789</a>");
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(
		xml_canonicalize(doc, NULL, NULL, 0, XML_C14N_10, NULL, &b), -E2BIG);
	buf_done(&b);
	buf_init(&b, 17);
	assert_int_equal(xml_canonicalize(doc, NULL, NULL, 0, XML_C14N_10, NULL, &b), 0);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uris),
		cmocka_unit_test(test_whole_document),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_xml_attributes),
		cmocka_unit_test(test_subtree),
		cmocka_unit_test(test_tree_is_unchanged),
		cmocka_unit_test(test_omit),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_maximum),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
