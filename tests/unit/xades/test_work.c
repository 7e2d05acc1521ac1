/* SPDX-License-Identifier: EUPL-1.2 */
/* What a document may cost: beyond the budget it is refused whole, by name; within it
 * nothing changes. */
#include "tests/unit/xades/zip_house.h"

#include "common/limits.h"
#include "xml/c14n.h"
#include "xml/reader.h"

#include <errno.h>

#define TRANSFORM(a) "<ds:Transform Algorithm=\"" a "\"/>"
#define BASE64 "http://www.w3.org/2000/09/xmldsig#base64"
#define INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"

/* A signature with many references of one kind over an element with this content. */
static struct buf document(const char *content, size_t times, const char *uri,
	const char *transform, size_t references)
{
	struct buf b;

	buf_init(&b, LIMIT_DOCUMENT);
	buf_add_str(&b, "<r><a Id=\"x\">");
	for (size_t i = 0; i < times; i++)
		buf_add_str(&b, content);
	buf_add_str(&b, "</a><ds:Signature "
			"xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>"
			"<ds:CanonicalizationMethod "
			"Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"
			"<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/"
			"xmldsig-more#ecdsa-sha256\"/>");
	for (size_t i = 0; i < references; i++)
		buf_addf(&b,
			"<ds:Reference URI=\"%s\"><ds:Transforms>%s</ds:Transforms>"
			"<ds:DigestMethod "
			"Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>"
			"<ds:DigestValue>QUJD</ds:DigestValue></ds:Reference>",
			uri, transform);
	buf_add_str(&b, "</ds:SignedInfo><ds:SignatureValue>QUJD</ds:SignatureValue>"
			"</ds:Signature></r>");
	assert_int_equal(b.error, 0);
	return b;
}

static bool refused(struct span octets)
{
	struct xades_options options = {
		.profile = XADES_EIDAS, .at = when(NOW), .material = h.m
	};
	struct xades_report *r = NULL;
	bool refused;

	assert_int_equal(xades_validate(octets, &options, &r), 0);
	refused = findings_have(&r->findings, "limit.resource");
	if (refused) {
		assert_int_equal(r->indication, XADES_TOTAL_FAILED);
		assert_string_equal(r->sub_indication, "FORMAT_FAILURE");
		assert_int_equal(r->count, 0);
	}
	xades_report_free(r);
	return refused;
}

/* Each kind of reference: a few are looked at, thousands are refused. */
static void references(void **state)
{
	static const struct {
		const char *content, *uri, *transform;
	} CASES[] = {
		{ "some text ", "#x", TRANSFORM(INCLUSIVE) },
		{ "<b/>", "#x", TRANSFORM(INCLUSIVE) },
		{ "<b/>", "",
			TRANSFORM("http://www.w3.org/2000/09/"
				  "xmldsig#enveloped-signature") },
		{ "QUFB", "#x", TRANSFORM(BASE64) },
		{ "<b/>", "#x", TRANSFORM(BASE64) },
		{ "<b xmlns:n=\"urn:n\"/>", "#x", TRANSFORM(INCLUSIVE) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buf few = document(
			CASES[i].content, 20000, CASES[i].uri, CASES[i].transform, 3);
		struct buf many = document(
			CASES[i].content, 20000, CASES[i].uri, CASES[i].transform, 4000);

		assert_false(refused(buf_span(&few)));
		if (!refused(buf_span(&many)))
			fail_msg("case %zu", i);
		buf_done(&few);
		buf_done(&many);
	}
}

/* All signature files of a container share one budget. */
static void container(void **state)
{
	struct buf half = document("<b/>", 20000, "#x", TRANSFORM(INCLUSIVE), 200);
	struct pack p[ZIP_FILES] = { { .name = "mimetype", .data = span_str("x") } };
	static const char *const NAMES[] = { "META-INF/signatures0.xml",
		"META-INF/signatures1.xml", "META-INF/signatures2.xml",
		"META-INF/signatures3.xml", "META-INF/signatures4.xml",
		"META-INF/signatures5.xml" };
	struct xades_options options = {
		.profile = XADES_EIDAS, .at = when(NOW), .material = h.m
	};
	struct xades_report *r = NULL;
	struct buf zip;

	(void)state;
	assert_false(refused(buf_span(&half)));
	for (size_t i = 0; i < 6; i++)
		p[i + 1] = (struct pack){ .name = NAMES[i], .data = buf_span(&half) };
	zip = zip_of(p);
	assert_int_equal(xades_validate_container(buf_span(&zip), &options, &r), 0);
	assert_true(findings_have(&r->findings, "limit.resource"));
	assert_true(r->count > 0 && r->count < 6);
	assert_int_equal(r->indication, XADES_TOTAL_FAILED);
	xades_report_free(r);
	buf_done(&zip);
	buf_done(&half);
}

/* More certificates named than a signature can have. */
static void signing_certificates(void **state)
{
	char *text = plain();
	char *start = strstr(text, "<xades:Cert>"), *end = strstr(text, "</xades:Cert>");
	char *one = strndup(start, (size_t)(end - start) + strlen("</xades:Cert>"));
	char *other = swap(strdup(one), "<ds:DigestValue>", "<ds:DigestValue>AAAA");
	struct buf many;

	(void)state;
	buf_init(&many, LIMIT_DOCUMENT);
	for (size_t i = 0; i < 65; i++)
		buf_add_str(&many, other);
	text = swap(text, one, many.data);
	expect(&h, text, XADES_EIDAS, XADES_TOTAL_FAILED, "FORMAT_FAILURE");
	buf_done(&many);
	free(one);
	free(other);
}

/* The budget itself: what is spent is what is missing, and nothing is left at the end. */
static void budget(void **state)
{
	struct buf text = document("<b/>", 1000, "#x", TRANSFORM(INCLUSIVE), 1), out;
	_cleanup_findings_ struct findings f = { 0 };
	uint64_t left = 1u << 30, spent;
	xmlDoc *doc = NULL;

	(void)state;
	assert_int_equal(xml_read(buf_span(&text), XML_READ_EIDAS, &f, &doc), 1);
	buf_init(&out, LIMIT_DOCUMENT);
	assert_int_equal(xml_canonicalize_within(
				 doc, NULL, NULL, 0, XML_C14N_10, NULL, &left, &out),
		0);
	spent = (1u << 30) - left;
	assert_true(spent > out.len);
	left = spent;
	assert_int_equal(xml_canonicalize_within(
				 doc, NULL, NULL, 0, XML_C14N_10, NULL, &left, &out),
		0);
	assert_int_equal(left, 0);
	left = spent - 1;
	assert_int_equal(xml_canonicalize_within(
				 doc, NULL, NULL, 0, XML_C14N_10, NULL, &left, &out),
		-EDQUOT);
	assert_int_equal(left, 0);
	buf_done(&out);
	buf_done(&text);
	xmlFreeDoc(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references),
		cmocka_unit_test(container),
		cmocka_unit_test(signing_certificates),
		cmocka_unit_test(budget),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
