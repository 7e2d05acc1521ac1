/* SPDX-License-Identifier: EUPL-1.2 */
/* What a type may say about attachments, what it may not, and what is found in a document
 * that breaks it. */
#include "document/attachments.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/limits.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

/* What policies ship, and a kind that nobody can tell. */
#define TABLE                                                                            \
	"code,begins\napplication/pdf,255044462d\nimage/jpeg,ffd8ff\n"                   \
	"image/png,89504e470d0a1a0a\nimage/tiff,49492a00 4d4d002a\ntext/plain,text\n"    \
	"text/xml,xml\napplication/zip,\n"

static char folder[] = "/tmp/sealgate-unit-XXXXXX";

static const char *at(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *text)
{
	assert_int_equal(
		durable_write(at("codes/attachments.csv"), span_str(text), 0600), 0);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || mkdir(at("codes"), 0700) < 0)
		return -1;
	put(TABLE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(at("codes/attachments.csv"));
	rmdir(at("codes"));
	return rmdir(folder);
}

#define NS                                                                               \
	"urn:un:unece:uncefact:data:standard:"                                           \
	"ReusableAggregateBusinessInformationEntity:21"
#define A(attributes, text)                                                              \
	"<AttachmentBinaryObject filename='a' " attributes ">" text                      \
	"</AttachmentBinaryObject>"

static struct attachment_kinds *kinds;

static int settings(const char *text, struct attachments *ret)
{
	const char *why = "";
	config_t config;
	char *error = NULL;
	int r;

	*ret = (struct attachments){ 0 };
	config_init(&config);
	assert_true(config_read_string(&config, text));
	r = attachments_read(
		config_lookup(&config, "a"), at(""), &kinds, ret, &why, &error);
	config_destroy(&config);
	assert_null(error);
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
	attachment_kinds_free(kinds);
	kinds = NULL;
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
	assert_int_equal(
		settings("a = { kinds = true; opaque = [ \"application/zip\" ]; };", &a),
		0);
	assert_int_equal(a.opaque_count, 1);
	/* what is recognised, what is not in the table, where it is not asked, no list */
	assert_int_equal(
		settings("a = { kinds = true; opaque = [ \"image/png\" ]; };", &a),
		-EINVAL);
	assert_int_equal(
		settings("a = { kinds = true; opaque = [ \"x/y\" ]; };", &a), -EINVAL);
	assert_int_equal(
		settings("a = { opaque = [ \"application/zip\" ]; };", &a), -EINVAL);
	assert_int_equal(
		settings("a = { kinds = true; opaque = \"application/zip\"; };", &a),
		-EINVAL);
	assert_int_equal(settings("a = { sizes = 1; };", &a), -EINVAL);
	assert_int_equal(settings("a = \"refused\";", &a), -EINVAL);
	attachment_kinds_free(kinds);
	kinds = NULL;
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
	/* behind one too many nothing is looked at */
	expect("a = { count = 1; octets = 3; kinds = true; };",
		A("mimeCode='application/pdf' uri='u'", "") A("", "AAAAAA==")
			A("mimeCode='image/png'", "AAAAAA=="),
		"count");
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
				"TU0AKg==") A("mimeCode='application/pdf' uri='u'", "")
				A("uri='u'", ""),
		"");
	expect("a = { kinds = true; };",
		A("mimeCode='application/pdf'", "iVBORw0KGgo=") A("mimeCode='image/png'",
			"JVBERi0=") A("mimeCode='application/pdf'", "JVBE"),
		"kind kind kind");
	expect("a = { kinds = false; };", A("mimeCode='image/png'", "JVBERi0="), "");
}

static void test_texts(void **state)
{
	(void)state;
	/* "abc\n", "é" */
	expect("a = { kinds = true; };",
		A("mimeCode='text/plain'", "YWJj\nCg==")
			A("mimeCode='text/plain'", "w6k="),
		"");
	/* a NUL, an escape, Latin-1, an executable, no base64 */
	expect("a = { kinds = true; };",
		A("mimeCode='text/plain'", "AAAA") A("mimeCode='text/plain'", "G1s=")
			A("mimeCode='text/plain'", "6Q==") A("mimeCode='text/plain'",
				"TVqQAAM=") A("mimeCode='text/plain'", "A"),
		"kind kind kind kind empty");
	/* "<a/>", with a byte order mark and a line, "a<", a PDF */
	expect("a = { kinds = true; };",
		A("mimeCode='text/xml'", "PGEvPg==") A("mimeCode='text/xml'",
			"77u/CjxhLz4=") A("mimeCode='text/xml'", "YTw=")
			A("mimeCode='text/xml'", "JVBERi0="),
		"kind kind");
}

/* Not believed unless the type lists it; one that is not in the table never is. */
static void test_unknown(void **state)
{
	static const char ZIP[] = A("mimeCode='application/zip'", "UEsDBA==");

	(void)state;
	expect("a = { kinds = true; };", ZIP, "unknown");
	expect("a = { kinds = true; opaque = [ \"application/zip\" ]; };", ZIP, "");
	expect("a = { kinds = true; opaque = [ \"application/zip\" ]; };",
		A("mimeCode='application/x-msdownload'", "TVo="), "unknown");
	expect("a = { kinds = true; };", A("", "JVBERi0="), "unknown");
	expect("a = { kinds = true; };", A("mimeCode='x/y' uri='u'", ""), "unknown");
	expect("a = { kinds = true; };", A("mimeCode='application/pdf'", ""), "empty");
	expect("a = { mode = \"embedded\"; };", A("", ""), "referenced");
	expect("a = { mode = \"refused\"; kinds = true; };", A("", "TVo="), "refused");
}

/* What another one has said of an attachment is not said again, only of that one. */
static void test_said_before(void **state)
{
	static const char TEXT[] =
		"<D xmlns='" NS "'>" A("", "TVo=") A("", "TVo=") "</D>";
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct attachments a;

	(void)state;
	assert_int_equal(settings("a = { kinds = true; };", &a), 0);
	assert_int_equal(xml_read(span_str(TEXT), XML_READ_GATE, &findings, &doc), 1);
	findings_add(&findings, "doc.rule", "/D/AttachmentBinaryObject[1]/@mimeCode",
		NULL, NULL);
	findings_addf(&findings, SEVERITY_WARNING, "doc.rule",
		"/D/AttachmentBinaryObject[2]", NULL, "%s", "no error");
	assert_int_equal(attachments_check(&a, doc, &findings), 0);
	assert_int_equal(findings.count, 3);
	assert_string_equal(findings.list[2].where, "/D/AttachmentBinaryObject[2]");
	attachment_kinds_free(kinds);
	kinds = NULL;
}

/* n attachments without anything, one behind the other. */
static void check_many(const char *limits, size_t n, bool warned, size_t errors)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	clock_t begun;
	struct attachments a;

	buf_init(&text, 4000000);
	buf_add_str(&text, "<D xmlns='" NS "'>");
	for (size_t i = 0; i < n; i++)
		buf_add_str(&text, "<AttachmentBinaryObject/>");
	buf_add_str(&text, "</D>");
	assert_int_equal(settings(limits, &a), 0);
	assert_int_equal(
		xml_read(span_str(text.data), XML_READ_GATE, &findings, &doc), 1);
	for (size_t i = 0; warned && i < LIMIT_FINDINGS; i++)
		findings_addf(&findings, SEVERITY_WARNING, "doc.rule", "/D", NULL, "w");
	begun = clock();
	assert_int_equal(attachments_check(&a, doc, &findings), 0);
	assert_true(clock() - begun < CLOCKS_PER_SEC);
	assert_int_equal(findings.errors, errors);
	attachment_kinds_free(kinds);
	kinds = NULL;
}

/* However many there are, it does not take longer by the square of them; what finds no
 * room in the list is an error all the same. */
static void test_many(void **state)
{
	(void)state;
	check_many("a = { count = 8; kinds = true; };", 50000, false, 9);
	check_many("a = { kinds = true; };", 50000, false, 50000);
	check_many("a = { mode = \"refused\"; };", 50000, false, 50000);
	check_many("a = { kinds = true; };", 2, true, 2);
}

static void test_tables(void **state)
{
	static const char *const BAD[] = { "code\na/b\n", "code,begins\na/b,zz\n",
		"code,begins\na/b,abc\n", "code,begins\na/b,ab  cd\n",
		"code,begins\na/b,01 02 03 04 05\n",
		"code,begins\na/b,0102030405060708090a0b0c0d0e0f1011\n",
		"code,begins\na/b\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct attachment_kinds *k = NULL;
		char *error = NULL;

		put(BAD[i]);
		assert_int_equal(attachment_kinds_load(at(""), &k, &error), -EINVAL);
		if (!error || !strstr(error, "attachments.csv:"))
			fail_msg("%s: %s", BAD[i], error ? error : "");
		free(error);
	}
	put(TABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_settings),
		cmocka_unit_test(test_modes), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_unknown), cmocka_unit_test(test_said_before),
		cmocka_unit_test(test_many), cmocka_unit_test(test_tables) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
