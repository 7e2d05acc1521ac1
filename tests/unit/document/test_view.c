/* SPDX-License-Identifier: EUPL-1.2 */
/* What people are shown: everything in its place, bounded, and never markup. */
#include "document/render.h"
#include "document/view.h"

#include "common/json.h"
#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOT "xmlns='urn:un:unece:uncefact:data:standard:SPSCertificate:17'"

static json_t *view_of(const char *inner)
{
	static const char *const FORM = "<SPSCertificate " ROOT ">%s</SPSCertificate>";
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct findings findings = { 0 };
	size_t size = strlen(FORM) + strlen(inner) + 1;
	char *text = malloc(size);
	json_t *view;

	assert_non_null(text);
	(void)snprintf(text, size, FORM, inner);
	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, &findings, &doc), 1);
	view = view_read(doc);
	findings_done(&findings);
	free(text);
	assert_non_null(view);
	return view;
}

static void test_own_reference(void **state)
{
	json_t *view =
		view_of("<SPSExchangedDocument><ID>1</ID>"
			"<ReferenceSPSReferencedDocument><RelationshipTypeCode>ZZZ"
			"</RelationshipTypeCode><ID>other</ID>"
			"</ReferenceSPSReferencedDocument>"
			"<ReferenceSPSReferencedDocument><RelationshipTypeCode>CAW"
			"</RelationshipTypeCode><ID>CHEDP.NL.1</ID>"
			"</ReferenceSPSReferencedDocument></SPSExchangedDocument>");

	(void)state;
	assert_string_equal(json_string_of(view, "traces_reference"), "CHEDP.NL.1");
	assert_int_equal(json_array_size(json_object_get(view, "references")), 2);
	assert_null(json_object_get(view, "cut"));
	json_decref(view);
}

static void test_nothing(void **state)
{
	json_t *view = view_of("");

	(void)state;
	assert_int_equal(json_object_size(view), 0);
	json_decref(view);
}

/* Markup stays text; what would steer a terminal or turn the direction is gone. */
static void test_hostile(void **state)
{
	json_t *view = view_of("<SPSExchangedDocument><ID>&lt;script&gt;\"&amp;'</ID>"
			       "<Name>a&#x9b;b&#x202e;c&#x2066;d&#9;e\xc3\xa9</Name>"
			       "</SPSExchangedDocument>");
	_cleanup_buf_ struct buf text, html;

	(void)state;
	buf_init(&text, RENDER_MAX);
	buf_init(&html, RENDER_MAX);
	assert_int_equal(render_text(view, &text), 0);
	assert_int_equal(render_html(view, &html), 0);
	assert_non_null(strstr(text.data, "Title: a b c d e\xc3\xa9\n"));
	assert_non_null(strstr(text.data, "Number: <script>\"&'\n"));
	assert_null(strstr(html.data, "<script"));
	assert_non_null(strstr(html.data, "&lt;script&gt;"));
	assert_null(strstr(html.data, "\xe2\x80\xae"));
	json_decref(view);
}

/* Long texts, many lines, much text: each is cut, and it is said. */
static void test_bounds(void **state)
{
	_cleanup_buf_ struct buf b;
	json_t *view;
	size_t lines;

	(void)state;
	buf_init(&b, 8u * 1024 * 1024);
	buf_add_str(&b, "<SPSExchangedDocument><ID>");
	for (int i = 0; i < VIEW_TEXT_MAX; i++)
		buf_add_str(&b, "\xc3\xa9");
	buf_add_str(&b, "</ID></SPSExchangedDocument>");
	view = view_of(b.data);
	assert_true(json_is_true(json_object_get(view, "cut")));
	assert_int_equal(strlen(json_string_of(view, "number")), VIEW_TEXT_MAX);
	json_decref(view);
	b.len = 0;
	buf_add_str(&b, "<SPSConsignment><IncludedSPSConsignmentItem>");
	for (int i = 0; i < VIEW_LIST_MAX + 5; i++)
		buf_add_str(&b, "<IncludedSPSTradeLineItem><SequenceNumeric>1"
				"</SequenceNumeric></IncludedSPSTradeLineItem>");
	buf_add_str(&b, "</IncludedSPSConsignmentItem></SPSConsignment>");
	view = view_of(b.data);
	lines = json_array_size(json_object_get(view, "lines"));
	assert_int_equal(lines, VIEW_LIST_MAX);
	assert_true(json_is_true(json_object_get(view, "cut")));
	json_decref(view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_reference),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_bounds),
	};

	xml_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
