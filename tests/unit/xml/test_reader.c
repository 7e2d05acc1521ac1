/* SPDX-License-Identifier: EUPL-1.2 */
/* The hostile-XML reader: each limit at its edge, each refusal by its code and place. */
#include "xml/reader.h"

#include "common/buf.h"
#include "common/limits.h"
#include "xml/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	xml_setup();
	xml_setup();
	return 0;
}

/* Read; *ret_code: the first finding's code and place, "code where", or "". */
static int read_span(
	struct span data, enum xml_profile profile, char *ret_code, size_t size)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	int r = xml_read(data, profile, &f, &doc);

	ret_code[0] = '\0';
	if (f.count)
		(void)snprintf(
			ret_code, size, "%s %s", f.list[0].reason->code, f.list[0].where);
	assert_true(r == 0 || r == 1);
	assert_true((r == 1) == (doc != NULL));
	assert_true((r == 0) == (f.errors > 0));
	assert_false(findings_have(&f, "internal.reason"));
	return r;
}

static void expect(enum xml_profile profile, struct span data, const char *code)
{
	char got[200];

	read_span(data, profile, got, sizeof(got));
	if (strcmp(got, code) != 0)
		fail_msg("%.60s: got \"%s\", expected \"%s\"", (const char *)data.data,
			got, code);
}

/* The same answer in both profiles. */
#define BOTH(text, code)                                                                 \
	do {                                                                             \
		expect(XML_READ_GATE, span_of(text, sizeof(text) - 1), code);            \
		expect(XML_READ_EIDAS, span_of(text, sizeof(text) - 1), code);           \
	} while (0)

#define GATE(text, code) expect(XML_READ_GATE, span_of(text, sizeof(text) - 1), code)
#define EIDAS(text, code) expect(XML_READ_EIDAS, span_of(text, sizeof(text) - 1), code)

static void test_plain(void **state)
{
	(void)state;
	BOTH("<a/>", "");
	BOTH("<a>text</a>\n", "");
	BOTH("\xef\xbb\xbf<a/>", "");
	BOTH("\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<a/>", "");
	BOTH("<a>\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x91</a>", "");
	BOTH("<a b='>' c=\"/>\">x</a>", "");
	BOTH("<a><![CDATA[<!DOCTYPE <b> & ]]></a>", "");
	BOTH("<!-- <!DOCTYPE x> --><a/><!-- after -->", "");
	BOTH("<a>&lt;&gt;&amp;&quot;&apos;&#x20AC;&#8364;</a>", "");
	BOTH("<a xmlns='urn:x' xmlns:p='urn:y' p:b='1'><p:c/></a>", "");
}

static void test_declaration(void **state)
{
	(void)state;
	BOTH("<?xml version=\"1.0\"?><a/>", "");
	BOTH("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\" ?><a/>", "");
	BOTH("<?xml\tversion = '1.0'\r\nencoding\n=\n'Utf-8'?><a/>", "");
	BOTH("<?xml version=\"1.1\"?><a/>", "xml.version 1:1");
	BOTH("<?xml version=\"2.0\" encoding=\"UTF-8\"?><a/>", "xml.version 1:1");
	BOTH("<?xml version=\"1.0 \"?><a/>", "xml.version 1:1");
	BOTH("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>", "xml.encoding 1:1");
	BOTH("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", "xml.encoding 1:1");
	BOTH("<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>", "xml.encoding 1:1");
	BOTH("<?xml version=\"1.0\" encoding=\"UTF-8 \"?><a/>", "xml.encoding 1:1");
	BOTH("<?xml encoding=\"UTF-8\"?><a/>", "xml.not-wellformed 1:1");
	BOTH("<?xml encoding=\"UTF-8\" version=\"1.0\"?><a/>", "xml.not-wellformed 1:1");
	BOTH("<?xml version=\"1.0\" standalone=\"maybe\"?><a/>",
		"xml.not-wellformed 1:1");
	BOTH("<?xml version=\"1.0\" other=\"x\"?><a/>", "xml.not-wellformed 1:1");
	BOTH("<?xml version=\"1.0?><a/>", "xml.not-wellformed 1:1");
	BOTH("<?xml version=\"1.0\"", "xml.not-wellformed 1:1");
	BOTH("<?xml ?><a/>", "xml.not-wellformed 1:1");
	EIDAS(" <?xml version=\"1.0\"?><a/>", "xml.not-wellformed 1:7");
	EIDAS("<a><?xml version=\"1.0\"?></a>", "xml.not-wellformed 1:9");
}

static void test_octets(void **state)
{
	(void)state;
	BOTH("", "xml.empty ");
	BOTH(" \n", "xml.not-wellformed 2:1");
	BOTH("<a/>\0<evil/>", "xml.nul 1:5");
	BOTH("<a>\n\xc3\xa9\xff</a>", "xml.encoding 2:2");
	BOTH("<a>\xc0\xaf</a>", "xml.encoding 1:4");
	BOTH("<a>\xe0\x80\xaf</a>", "xml.encoding 1:4");
	BOTH("<a>\xf0\x80\x80\xaf</a>", "xml.encoding 1:4");
	BOTH("<a>\xed\xa0\x80</a>", "xml.encoding 1:4");
	BOTH("<a>\xf4\x90\x80\x80</a>", "xml.encoding 1:4");
	BOTH("<a>\xf8\x88\x80\x80\x80</a>", "xml.encoding 1:4");
	BOTH("<a>\x80</a>", "xml.encoding 1:4");
	BOTH("<a>\xe2\x82", "xml.encoding 1:4");
	BOTH("<a>\xc3\0</a>", "xml.encoding 1:4");
	BOTH("\xff\xfe<\0a\0/\0>\0", "xml.encoding 1:1");
	BOTH("\xfe\xff\0<\0a\0/\0>", "xml.encoding 1:1");
	BOTH("<\0a\0/\0>\0", "xml.nul 1:2");
	/* The same in the middle of long plain text, where octets are looked at in
	 * blocks. */
	BOTH("<a>0123456789012345678901234567890123456789\xff "
	     "0123456789012345678901234567890</a>",
		"xml.encoding 1:44");
	BOTH("<a>0123456789012345678901234567890123456789\0 "
	     "0123456789012345678901234567890</a>",
		"xml.nul 1:44");
	BOTH("<a>\x01</a>", "xml.not-wellformed 1:4");
	BOTH("<a>\xef\xbf\xbf</a>", "xml.not-wellformed 1:4");
	BOTH("\xef\xbb\xbf\xef\xbb\xbf<a/>", "xml.not-wellformed 1:1");
}

/* Plain text is looked at in blocks: a bad octet is seen wherever in a block it is. */
static void test_every_place_of_a_block(void **state)
{
	char text[120], code[40];

	(void)state;
	for (int i = 3; i < 100; i++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, "<a>", 3);
		memcpy(text + 100, "</a>", 5);
		text[i] = (char)0xff;
		(void)snprintf(code, sizeof(code), "xml.encoding 1:%d", i + 1);
		expect(XML_READ_GATE, span_of(text, 104), code);
		text[i] = '\0';
		(void)snprintf(code, sizeof(code), "xml.nul 1:%d", i + 1);
		expect(XML_READ_GATE, span_of(text, 104), code);
	}
}

static void test_doctype(void **state)
{
	(void)state;
	BOTH("<!DOCTYPE a><a/>", "xml.doctype 1:1");
	BOTH("<?xml version='1.0'?>\n <!DOCTYPE a SYSTEM 'http://127.0.0.1:9/x'><a/>",
		"xml.doctype 2:2");
	BOTH("<!-- x --><!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "xml.doctype 1:11");
	BOTH("<a/><!DOCTYPE a>", "xml.doctype 1:5");
	BOTH("<!ENTITY e 'x'><a/>", "xml.not-wellformed 1:1");
	BOTH("<!doctype a><a/>", "xml.not-wellformed 1:1");
	BOTH("<a>&e;</a>", "xml.not-wellformed 1:7");
}

static void test_not_wellformed(void **state)
{
	(void)state;
	BOTH("{\"a\":1}", "xml.not-wellformed 1:1");
	BOTH("<a>", "xml.not-wellformed 1:4");
	BOTH("<a", "xml.not-wellformed 1:1");
	BOTH("<", "xml.not-wellformed 1:1");
	BOTH("<a b='", "xml.not-wellformed 1:1");
	BOTH("</a>", "xml.not-wellformed 1:1");
	BOTH("<a></b>", "xml.not-wellformed 1:8");
	BOTH("<a/><b/>", "xml.not-wellformed 1:5");
	BOTH("<a/>text", "xml.not-wellformed 1:5");
	BOTH("<a b=1/>", "xml.not-wellformed 1:6");
	BOTH("<a b='1' b='2'/>", "xml.not-wellformed 1:15");
	BOTH("<!-- ", "xml.not-wellformed 1:1");
	BOTH("<a><![CDATA[ </a>", "xml.not-wellformed 1:4");
	BOTH("<a><!-- a -- b --></a>", "xml.not-wellformed 1:11");
	BOTH("<a>&#0;</a>", "xml.not-wellformed 1:8");
	BOTH("<a>&#x110000;</a>", "xml.not-wellformed 1:14");
	BOTH("<a>&#xD800;</a>", "xml.not-wellformed 1:12");
}

static void test_namespaces(void **state)
{
	(void)state;
	BOTH("<p:a/>", "xml.namespace 1:5");
	BOTH("<a p:b='1'/>", "xml.namespace 1:11");
	BOTH("<a xmlns:p='urn:u' xmlns:q='urn:u' p:b='1' q:b='2'/>",
		"xml.namespace 1:51");
	BOTH("<a xmlns:xml='urn:other'/>", "xml.namespace 1:25");
	BOTH("<a xmlns:p=''/>", "xml.namespace 1:14");
	BOTH("<a xmlns:p='%%%'/>", "xml.namespace 1:17");
	GATE("<a xmlns='relative'/>", "xml.namespace 1:20");
	EIDAS("<a xmlns='relative'/>", "");
	BOTH("<a:b:c xmlns:a='urn:x'/>", "xml.namespace 1:5");
}

static void test_instructions_and_comments(void **state)
{
	(void)state;
	GATE("<?x y?><a/>", "xml.pi 1:1");
	GATE("<a><b/><?x y?></a>", "xml.pi 1:8");
	EIDAS("<?x y?><a><b/><?x y?></a>", "");
	GATE("<a>1<?x y?>2</a>", "xml.pi 1:5");
	EIDAS("<a>1<?x y?>2</a>", "xml.pi 1:13");
	EIDAS("<a><b>  <?x y?>  </b></a>", "");
	GATE("<a>1<!-- x -->2</a>", "xml.comment 1:16");
	GATE("<a><!-- x -->2</a>", "xml.comment 1:15");
	GATE("<a><![CDATA[1]]><!-- x --></a>", "xml.comment 1:27");
	EIDAS("<a>1<!-- x -->2</a>", "");
	BOTH("<a> <!-- x --> <b>1</b> <!-- y --> </a><!-- z -->", "");
	BOTH("<a><!-- only --></a>", "");
}

/* The profile's refusals are all shown, not only the first. */
static void test_all_refusals_of_the_profile(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	xmlDoc *doc = NULL;

	(void)state;
	assert_int_equal(
		xml_read(span_str("<a><?x?><b>1<!-- --></b><c>2<!-- --></c></a>"),
			XML_READ_GATE, &f, &doc),
		0);
	assert_int_equal(f.count, 3);
	assert_string_equal(f.list[2].where, "1:37");
}

static void test_gate_only(void **state)
{
	(void)state;
	GATE("<a xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='x'/></a>",
		"xml.inclusion /a/i:include");
	GATE("<a xmlns:x='http://www.w3.org/2001/XMLSchema-instance' x:type='b'/>",
		"xml.schema-instance /a");
	GATE("<a xmlns:x='http://www.w3.org/2001/XMLSchema-instance'><b "
	     "x:nil='true'/></a>",
		"xml.schema-instance /a/b");
	GATE("<a xmlns:x='http://www.w3.org/2001/XMLSchema-instance' x:schemaLocation='u "
	     "v'/>",
		"");
	GATE("<a>a\xe2\x80\xae"
	     "b</a>",
		"xml.direction 1:5");
	GATE("<a>a\xe2\x81\xa6"
	     "b</a>",
		"xml.direction 1:5");
	GATE("<a>a\xe2\x80\x8f"
	     "b</a>",
		"");
	GATE("<a><b>a&#x202E;b</b></a>", "xml.direction /a/b");
	GATE("<a><b c='&#8294;'/></a>", "xml.direction /a/b");
	EIDAS("<a><b>a&#x202E;b</b></a>", "");
	EIDAS("<a xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='x'/></a>",
		"");
}

static void test_duplicate_identifiers(void **state)
{
	(void)state;
	GATE("<a Id='x'><b Id='y'/><c Id='x'/></a>", "xml.duplicate-id /a/c");
	GATE("<a Id='x'><b ID='x'/></a>", "xml.duplicate-id /a/b");
	GATE("<a id='x'><b/><b xml:id='x'/></a>", "xml.duplicate-id /a/b[2]");
	GATE("<a xmlns:p='urn:p' p:Id='x' Id='x'><b p:id='x' iD='x' schemeID='x'/></a>",
		"");
	EIDAS("<a Id='x'><b Id='x'/></a>",
		""); /* whoever resolves a reference must see to it */
	BOTH("<a><b xml:id='x'/><c xml:id='x'/></a>", "xml.duplicate-id 1:32");
}

/* before, then middle n times, then after n times or once. */
static char *repeat(const char *before, const char *middle, size_t n, const char *after,
	bool after_too, size_t *ret_len)
{
	struct buf b;

	buf_init(&b, LIMIT_DOCUMENT * 2);
	buf_add_str(&b, before);
	for (size_t i = 0; i < n; i++)
		buf_add_str(&b, middle);
	for (size_t i = 0; i < (after_too ? n : 1); i++)
		buf_add_str(&b, after);
	return buf_take(&b, ret_len);
}

static void expect_repeat(const char *before, const char *middle, size_t n,
	const char *after, bool after_too, const char *code)
{
	size_t len;
	_cleanup_(freep) char *text = repeat(before, middle, n, after, after_too, &len);

	assert_non_null(text);
	expect(XML_READ_GATE, span_of(text, len), code);
	expect(XML_READ_EIDAS, span_of(text, len), code);
}

static void test_depth(void **state)
{
	(void)state;
	expect_repeat("", "<a>", SCAN_DEPTH_MAX, "</a>", true, "");
	expect_repeat("", "<a>", SCAN_DEPTH_MAX + 1, "</a>", true, "xml.depth 1:769");
	/* An empty element counts too. */
	expect_repeat("<a>", "<a>", SCAN_DEPTH_MAX - 1, "<b/>", false, "xml.depth 1:769");
	expect_repeat("", "<a>", 100000, "", false, "xml.depth 1:769");
}

static void test_attributes(void **state)
{
	struct buf b;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		buf_init(&b, 20000);
		buf_add_str(&b, "<r><a");
		for (size_t i = 0; i < SCAN_ATTRIBUTES_MAX + extra; i++)
			buf_addf(&b, i % 2 ? " a%zu = '='" : " xmlns:a%zu=\"urn:=\"", i);
		buf_add_str(&b, "/></r>");
		expect(XML_READ_EIDAS, buf_span(&b), extra ? "xml.attributes 1:4" : "");
		buf_done(&b);
	}
}

static void test_namespaces_in_scope(void **state)
{
	(void)state;
	expect_repeat("<r>", "<a xmlns='u:1' xmlns:b='u:2'>", SCAN_NAMESPACES_MAX / 2,
		"</a>", true, "xml.not-wellformed 1:1060");
	expect_repeat("<r>", "<a xmlns='u:1' xmlns:b='u:2'>", SCAN_NAMESPACES_MAX / 2 + 1,
		"</a>", true, "xml.attributes 1:932");
	/* Many elements below a few are as much work as a few below many. */
	expect_repeat("<r xmlns='u:1' xmlns:b='u:2' xmlns:c='u:3' xmlns:d='u:4'>", "<e/>",
		499990, "</r>", false, "");
	expect_repeat(
		"<r xmlns='u:1' xmlns:b='u:2' xmlns:c='u:3' xmlns:d='u:4' xmlns:e='u:5' "
		"xmlns:f='u:6' xmlns:g='u:7' xmlns:h='u:8' xmlns:i='u:9' xmlns:j='u:10' "
		"xmlns:k='u:11' xmlns:l='u:12' xmlns:m='u:13' xmlns:n='u:14' "
		"xmlns:o='u:15' "
		"xmlns:p='u:16' xmlns:q='u:17' xmlns:s='u:18' xmlns:t='u:19' "
		"xmlns:u='u:20' "
		"xmlns:v='u:21' xmlns:w='u:22' xmlns:x='u:23' xmlns:y='u:24' "
		"xmlns:z='u:25'>",
		"<e/>", 499990, "</r>", false, "xml.attributes 1:1846516");
	/* Those that were left do not count. */
	expect_repeat(
		"<r>", "<a xmlns='u:1' xmlns:b='u:2'></a>", 1000, "</r>", false, "");
	expect_repeat("<r>", "<a xmlns='u:1' xmlns:b='u:2'/>", 1000, "</r>", false, "");
}

static void test_tag_size(void **state)
{
	(void)state;
	expect_repeat("<a b='", "x", SCAN_TAG_MAX - 9, "'/>", false, "");
	expect_repeat("<a b='", "x", SCAN_TAG_MAX - 8, "'/>", false, "xml.tag-size 1:1");
	expect_repeat("<", "a", SCAN_TAG_MAX, "/>", false, "xml.tag-size 1:1");
	expect_repeat("<a b='", ">", SCAN_TAG_MAX, "'/>", false, "xml.tag-size 1:1");
	expect_repeat("<a b='", " c='", 100000, "", false, "xml.tag-size 1:1");
}

static void test_comments(void **state)
{
	(void)state;
	expect_repeat("<a/>", "<!-- -->", SCAN_COMMENTS_MAX, "", false, "");
	expect_repeat("<a/>", "<!-- -->", SCAN_COMMENTS_MAX + 1, "", false,
		"xml.comment 1:16005");
	expect_repeat("<!--", "x", SCAN_COMMENT_MAX - 7, "--><a/>", false, "");
	expect_repeat(
		"<!--", "x", SCAN_COMMENT_MAX - 6, "--><a/>", false, "xml.comment 1:1");
}

static void test_nodes(void **state)
{
	size_t len;
	_cleanup_(freep) char *good =
		repeat("<a>", "<b/>", SCAN_NODES_MAX - 1, "</a>", false, &len);
	size_t len2;
	_cleanup_(freep) char *bad =
		repeat("<a>", "<b/>", SCAN_NODES_MAX, "</a>", false, &len2);

	(void)state;
	expect(XML_READ_EIDAS, span_of(good, len), "");
	expect(XML_READ_EIDAS, span_of(bad, len2), "xml.nodes 1:2000000");
}

static void test_size(void **state)
{
	size_t len;
	_cleanup_(freep) char *text = repeat(
		"<a>", "0123456789abcde\n", LIMIT_DOCUMENT / 16, "</a>", false, &len);
	size_t extra = len - LIMIT_DOCUMENT;

	(void)state;
	expect(XML_READ_EIDAS, span_of(text, len), "xml.size 1:1");
	memmove(text + 3, text + 3 + extra, len - extra - 3);
	expect(XML_READ_EIDAS, span_of(text, len - extra), "");
}

/* What follows a refusal is not looked at, and nothing is kept: a finding names the
 * place. */
static void test_received(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	xmlDoc *doc = NULL;

	(void)state;
	assert_int_equal(
		xml_read(span_str("<!DOCTYPE a><a/>"), XML_READ_GATE, &f, &doc), 0);
	assert_null(doc);
	assert_string_equal(f.list[0].received, "<!DOCTYPE a><a/>");
	assert_int_equal(f.list[0].reason->http_status, 422);
}

/* Random damage to a document never crashes and never gives both a tree and a finding. */
static void test_damage(void **state)
{
	static const char TEXT[] =
		"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n<!-- c -->"
		"<a xmlns='urn:a' xmlns:b=\"urn:b\" b:c='&lt;'><b:d>1&#x41;</b:d>"
		"<![CDATA[x]]><e/></a>\n";
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char copy[sizeof(TEXT)], code[200];

		memcpy(copy, TEXT, sizeof(TEXT));
		for (int k = 0; k < 1 + round % 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			copy[seed % (sizeof(TEXT) - 1)] = "<>&'\"/!?-[]= \0\xff\xe2"
							  "a:x"[(seed >> 16) % 19];
		}
		read_span(span_of(copy, sizeof(TEXT) - 1),
			round % 2 ? XML_READ_GATE : XML_READ_EIDAS, code, sizeof(code));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_declaration),
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_every_place_of_a_block),
		cmocka_unit_test(test_doctype),
		cmocka_unit_test(test_not_wellformed),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_instructions_and_comments),
		cmocka_unit_test(test_all_refusals_of_the_profile),
		cmocka_unit_test(test_gate_only),
		cmocka_unit_test(test_duplicate_identifiers),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_namespaces_in_scope),
		cmocka_unit_test(test_tag_size),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
