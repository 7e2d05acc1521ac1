/* SPDX-License-Identifier: EUPL-1.2 */
/* Our canonical forms octet by octet against libxml2's: every element of made documents
 * as apex, every algorithm, with prefix lists and omissions. */
#include "tests/unit/xml/c14n_oracle.h"
#include "xml/node.h"
#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DOCUMENTS 60
#define DEPTH 5

static uint32_t seed = 20261127;

static unsigned int roll(unsigned int sides)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 12) % sides;
}

static const char *pick(const char *const *list, unsigned int n)
{
	return list[roll(n)];
}
#define PICK(...)                                                                        \
	pick((const char *const[]){ __VA_ARGS__ },                                       \
		sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

static int setup(void **state)
{
	(void)state;
	xml_setup();
	return 0;
}

/* Declarations and attributes; prefixes p and q are bound at the root. */
static void make_tag(struct buf *b)
{
	static const char *const ATTRIBUTES[] = { " z='1'",
		" a='&lt;&#9;&#13;&quot;&gt;'", " xml:lang='en'", " xml:space='preserve'",
		" xml:base='x/y/'" };

	buf_add_str(b, PICK("", "", "", " xmlns='u:d'", " xmlns=''"));
	buf_add_str(b, PICK("", "", "", " xmlns:p='u:1'", " xmlns:p='u:2'"));
	buf_add_str(b, PICK("", "", "", " xmlns:q='u:1'", " xmlns:unused='u:3'"));
	for (unsigned int i = 0; i < 5; i++)
		if (roll(4) == 0)
			buf_add_str(b, ATTRIBUTES[i]);
	if (roll(4) == 0)
		buf_add_str(b, " q:m='1'");
	if (roll(4) == 0)
		buf_add_str(b, " p:z='2'");
}

static void make_element(struct buf *b, int depth)
{
	const char *name = PICK("a", "p:a", "q:b", "c");
	unsigned int children = depth > 0 ? roll(4) : 0;

	buf_addf(b, "<%s", name);
	make_tag(b);
	buf_add_str(b, ">");
	for (unsigned int i = 0; i < children; i++) {
		buf_add_str(b, PICK("", "text &amp; &#13;\n", "<!-- c -->",
				       "<![CDATA[<&>]]>", "\r\n", ""));
		make_element(b, depth - 1);
	}
	buf_addf(b, "%s</%s>", PICK("", "]]&gt;", "é"), name);
}

static void compare(xmlDoc *doc, const xmlNode *apex, const xmlNode *omit, int algorithm,
	const char *const *prefixes)
{
	struct buf ours, theirs;
	int r, expected;

	buf_init(&ours, 1 << 20);
	buf_init(&theirs, 1 << 20);
	r = xml_canonicalize(doc, apex, &omit, omit ? 1 : 0, (enum xml_c14n)algorithm,
		prefixes, &ours);
	expected = oracle_canonicalize(
		doc, apex, omit, (enum xml_c14n)algorithm, prefixes, &theirs);
	assert_int_equal(r < 0, expected < 0);
	if (r == 0)
		assert_string_equal(ours.data, theirs.data);
	buf_done(&ours);
	buf_done(&theirs);
}

static size_t compare_all(xmlDoc *doc, const xmlNode *apex, const xmlNode *omit)
{
	static const char *const NAMED[] = { "p", "#default", "unused", "none", NULL };
	size_t n = 0;

	for (int a = XML_C14N_10; a <= XML_C14N_EXCLUSIVE_COMMENTS; a++, n++)
		compare(doc, apex, omit, a, NULL);
	compare(doc, apex, omit, XML_C14N_EXCLUSIVE, NAMED);
	return n + 1;
}

/* Each element as apex, without its first child element, and within what
 * is left out altogether. */
static size_t each_apex(xmlDoc *doc, const xmlNode *node)
{
	size_t n = 0;

	for (; node; node = node->next) {
		const xmlNode *child;

		if (node->type != XML_ELEMENT_NODE)
			continue;
		child = xml_child(node, NULL, NULL);
		n += compare_all(doc, node, NULL);
		n += compare_all(doc, node, child);
		if (node->parent->type == XML_ELEMENT_NODE)
			n += compare_all(doc, node, node->parent);
		n += each_apex(doc, node->children);
	}
	return n;
}

static void made_documents(void **state)
{
	size_t compared = 0;

	(void)state;
	printf("seed %u\n", seed);
	for (int i = 0; i < DOCUMENTS; i++) {
		_cleanup_findings_ struct findings f = { 0 };
		_cleanup_xml_doc_ xmlDoc *doc = NULL;
		_cleanup_buf_ struct buf text;
		const xmlNode *root;

		buf_init(&text, 1 << 20);
		buf_add_str(&text, "<!-- 1 -->\n<?pi a b?>"
				   "<root xmlns:p='u:p' xmlns:q='u:q' xmlns='u:root' "
				   "xml:base='http://h/a/b'>");
		make_element(&text, DEPTH);
		make_element(&text, DEPTH);
		buf_add_str(&text, "</root><?end?><!-- 2 -->");
		assert_int_equal(xml_read(buf_span(&text), XML_READ_EIDAS, &f, &doc), 1);
		root = xmlDocGetRootElement(doc);
		compared += compare_all(doc, NULL, NULL);
		compared += compare_all(doc, NULL, xml_child(root, NULL, NULL));
		compared += each_apex(doc, root);
	}
	printf("%zu canonical forms compared\n", compared);
	assert_true(compared > 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_documents),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
