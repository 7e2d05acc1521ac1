/* SPDX-License-Identifier: EUPL-1.2 */
/* What a type may say about attachments, what it may not, and what is found in a document
 * that breaks it. */
#include "document/attachments.h"

#include "common/buf.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NS                                                                               \
	"urn:un:unece:uncefact:data:standard:"                                           \
	"ReusableAggregateBusinessInformationEntity:21"
#define A(attributes, text)                                                              \
	"<AttachmentBinaryObject filename='a' " attributes ">" text                      \
	"</AttachmentBinaryObject>"

static int settings(const char *text, struct attachments *ret)
{
	const char *why = "";
	config_t config;
	int r;

	*ret = (struct attachments){ 0 };
	config_init(&config);
	assert_true(config_read_string(&config, text));
	r = attachments_read(config_lookup(&config, "a"), ret, &why);
	config_destroy(&config);
	assert_true(r == 0 || *why);
	return r;
}

/* The codes that are found, with the first message and what was received. */
static void expect(const char *limits, const char *content, const char *codes)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	_cleanup_buf_ struct buf text = { 0 }, got = { 0 };
	struct attachments a;

	buf_init(&text, 10000);
	buf_init(&got, 10000);
	buf_addf(&text, "<D xmlns='" NS "'><R>%s</R></D>", content);
	assert_int_equal(settings(limits, &a), 0);
	assert_int_equal(
		xml_read(span_str(text.data), XML_READ_GATE, &findings, &doc), 1);
	assert_int_equal(attachments_check(&a, doc, &findings), 0);
	for (size_t i = 0; i < findings.count; i++) {
		assert_int_equal(findings.list[i].severity, SEVERITY_ERROR);
		assert_non_null(strstr(findings.list[i].where, "/R/Attach"));
		assert_string_equal(findings.list[i].received, "a");
		buf_addf(&got, "%s%s", i ? " " : "",
			findings.list[i].reason->code + strlen("doc.attachment-"));
	}
	assert_string_equal(got.data ? got.data : "", codes);
}

static void test_settings(void **state)
{
	struct attachments a;

	(void)state;
	assert_int_equal(settings("a = { mode = \"referenced\"; count = 3; octets = 10; "
				  "total = 20; kinds = true; };",
				 &a),
		0);
	assert_int_equal(a.mode, ATTACHMENTS_REFERENCED);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.octets, 10);
	assert_int_equal(a.total, 20);
	assert_true(a.kinds);
	assert_int_equal(settings("a = { mode = \"maybe\"; };", &a), -EINVAL);
	assert_int_equal(settings("a = { mode = 1; };", &a), -EINVAL);
	assert_int_equal(settings("a = { count = 0; };", &a), -EINVAL);
	assert_int_equal(settings("a = { count = -1; };", &a), -EINVAL);
	assert_int_equal(settings("a = { octets = \"10\"; };", &a), -EINVAL);
	assert_int_equal(settings("a = { total = 4000000000L; };", &a), -EINVAL);
	assert_int_equal(settings("a = { kinds = 1; };", &a), -EINVAL);
	assert_int_equal(settings("a = { sizes = 1; };", &a), -EINVAL);
	assert_int_equal(settings("a = \"refused\";", &a), -EINVAL);
}

static void test_modes(void **state)
{
	(void)state;
	expect("a = { };", A("", "AAAA") A("uri='u'", ""), "");
	expect("a = { mode = \"any\"; };", A("", "AAAA") A("uri='u'", ""), "");
	expect("a = { mode = \"embedded\"; };", A("", "AAAA") A("uri='u'", ""),
		"referenced");
	expect("a = { mode = \"referenced\"; };", A("uri='u'", "AA==") A("uri='u'", ""),
		"embedded");
	expect("a = { mode = \"refused\"; };", A("uri='u'", ""), "refused");
}

/* A limit is what is still taken; each is said once. */
static void test_limits(void **state)
{
	(void)state;
	expect("a = { count = 2; };", A("", "AAAA") A("", "AAAA"), "");
	expect("a = { count = 2; };",
		A("", "AAAA") A("", "AAAA") A("", "AAAA") A("", "AAAA"), "count");
	expect("a = { octets = 3; };", A("", "AA\nAA") A("", "AAA=") A("", "AA=="), "");
	expect("a = { octets = 3; };", A("", "AAAAAA==") A("", "AAAAAAA="), "size size");
	expect("a = { octets = 4; };", A("", "AAAAAA==") A("", "AAAAAAA="), "size");
	expect("a = { total = 6; };", A("", "AAAA") A("", "AAAA"), "");
	expect("a = { total = 5; };", A("", "AAAA") A("", "AAAA") A("", "AAAA"), "size");
}

static void test_kinds(void **state)
{
	(void)state;
	expect("a = { kinds = true; };",
		A("mimeCode='application/pdf'", "JVBERi0=") A("mimeCode='image/png'",
			"iVBORw0KGgo=") A("mimeCode='image/jpeg'", "/9j/4AAQ")
			A("mimeCode='image/tiff'", "SUkqAA==") A("mimeCode='image/tiff'",
				"TU0AKg==") A("mimeCode='text/plain'", "AAAA")
				A("mimeCode='application/pdf' uri='u'", "") A("", "AAAA"),
		"");
	expect("a = { kinds = true; };",
		A("mimeCode='application/pdf'", "iVBORw0KGgo=") A("mimeCode='image/png'",
			"JVBERi0=") A("mimeCode='application/pdf'", "JVBE"),
		"kind kind kind");
	expect("a = { kinds = false; };", A("mimeCode='image/png'", "JVBERi0="), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_settings),
		cmocka_unit_test(test_modes), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_kinds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
