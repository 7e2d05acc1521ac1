/* SPDX-License-Identifier: EUPL-1.2 */
/* Packs as data: what loads, and a line that says why the rest does not. Tables, code
 * checks and the notations of time. */
#include "document/types.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "document/codes.h"
#include "document/csv.h"
#include "document/sps.h"
#include "xml/reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char folder[] = "/tmp/sealgate-unit-XXXXXX";

static const char *at(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(durable_write(at(name), span_str(text), 0600), 0);
}

static const char *const FILES[] = { "s.xsd", "t.csv", "r.sch", "codes/l.csv",
	"types/a.cfg", "types/b.cfg", "x.csv" };
static const char *const FOLDERS[] = { "codes", "types" };

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	for (size_t i = 0; i < 2; i++)
		if (mkdir(at(FOLDERS[i]), 0700) < 0)
			return -1;
	put("s.xsd", "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' "
		     "targetNamespace='urn:t'><xs:element name='T'/></xs:schema>");
	put("t.csv", "id,xpath,list,where,severity\nC1,//t:c,l,use=yes,error\n"
		     "C2,//@k,l,,warning\n");
	put("codes/l.csv", "code,name,use\nA,Alpha,yes\nB,Beta,no\nAA,Double,yes\n");
	put("r.sch", "<schema xmlns='http://purl.oclc.org/dsdl/schematron'/>");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
		unlink(at(FILES[i]));
	for (size_t i = 0; i < 2; i++)
		rmdir(at(FOLDERS[i]));
	return rmdir(folder);
}

#define TYPE                                                                             \
	"name = \"T\"; root = \"T\"; namespace = \"urn:t\"; type_codes = [ \"1\", "      \
	"\"2\" ];\n"                                                                     \
	"direction = \"import\"; sealers = [ \"gate\" ]; statuses = [ \"70\" ]; "        \
	"officer_required = true;\n"                                                     \
	"seal_required = false; schema = \"s.xsd\"; prefixes = { t = \"urn:t\"; };\n"    \
	"codes = \"t.csv\"; rules = [ \"r.sch\" ]; experimental = false;\n"

/* Load with the type's text in which one part is replaced. */
static int load(const char *from, const char *to, char *ret_error, size_t size)
{
	struct document_types *types = NULL;
	const char *place = strstr(TYPE, from);
	char *error = NULL;
	struct buf b;
	int r;

	assert_non_null(place);
	buf_init(&b, 10000);
	buf_add(&b, TYPE, (size_t)(place - TYPE));
	buf_addf(&b, "%s%s", to, place + strlen(from));
	put("types/a.cfg", b.data);
	buf_done(&b);
	r = document_types_load(folder, &types, &error);
	(void)snprintf(ret_error, size, "%s", error ? error : "");
	assert_true((r == 0) == (types != NULL));
	free(error);
	document_types_free(types);
	return r;
}

static void test_load(void **state)
{
	char error[300];

	(void)state;
	assert_int_equal(load("", "", error, sizeof(error)), 0);
	assert_int_equal(load("codes = \"t.csv\";", "", error, sizeof(error)), 0);
	assert_int_equal(load("rules = [ \"r.sch\" ];", "", error, sizeof(error)), 0);
	assert_int_equal(load("\"1\", \"2\"", "", error, sizeof(error)), 0);
}

static void expect_error(const char *from, const char *to, const char *part)
{
	char error[300];

	assert_true(load(from, to, error, sizeof(error)) < 0);
	if (!strstr(error, part))
		fail_msg("%s -> %s: \"%s\"", from, to, error);
	assert_null(strchr(error, '\n'));
}

static void test_errors(void **state)
{
	(void)state;
	expect_error("name = \"T\";", "", "a.cfg:");
	expect_error("name = \"T\";", "name = 7;", "a.cfg:1: ");
	expect_error(
		"name = \"T\";", "other = 1; name = \"T\";", "a.cfg:1: an unknown key");
	expect_error("name = \"T\"",
		"name = \"0123456789012345678901234567890123456789\"", "too long");
	expect_error("officer_required = true;", "", "true or false");
	expect_error("officer_required = true;", "officer_required = 1;",
		"a.cfg:2: true or false");
	expect_error("schema = \"s.xsd\";", "", "schema is missing");
	/* The gate seals imports, and nothing else. */
	expect_error("\"gate\"", "\"eu\"", "a.cfg:2: sealers must have");
	expect_error("\"import\"", "\"entry\"", "a.cfg:2: sealers must have");
	expect_error("seal_required", "when = \"t:x[\"; seal_required", "a.cfg:3: ");
	expect_error("seal_required", "when = \"u:x\"; seal_required",
		"the prefix is not declared: u:x");
	expect_error("seal_required", "when = 1; seal_required", "when is an expression");
	expect_error("seal_required", "lenient = true; seal_required", "not lenient");
	expect_error("seal_required", "sunset = \"soon\"; seal_required", "RFC 3339");
	expect_error("seal_required", "attachments = { most = 1; }; seal_required",
		"a.cfg:3: attachments has");
	expect_error("seal_required", "issuers = 1; seal_required", "a list is missing");
	/* A text where a list belongs must not count as an empty list. */
	expect_error("[ \"r.sch\" ]", "\"r.sch\"", "rules is a list");
	expect_error("statuses = [ \"70\" ]", "statuses = \"70\"", "a list is missing");
	expect_error("codes = \"t.csv\"", "codes = [ \"none.csv\" ]", "none.csv");
	expect_error("\"s.xsd\"", "\"../s.xsd\"", "below it");
	expect_error("\"s.xsd\"", "\"/s.xsd\"", "below it");
	expect_error("\"s.xsd\"", "\"none.xsd\"", "none.xsd");
	expect_error("\"t.csv\"", "\"none.csv\"", "none.csv");
	expect_error("\"r.sch\"", "\"none.sch\"", "none.sch");
	expect_error("[ \"r.sch\" ]",
		"[ \"r.sch\", \"r.sch\", \"r.sch\", \"r.sch\", \"r.sch\", \"r.sch\", "
		"\"r.sch\", \"r.sch\", \"r.sch\" ]",
		"too many");
	expect_error("t = \"urn:t\"", "u = \"urn:t\"", "t.csv:2: ");
	expect_error("name = \"T\";", "name = ;", "a.cfg:1: syntax error");
	expect_error("name = ", "@include \"b.cfg\"\nname = ", "@include");
}

static void test_two_of_a_name(void **state)
{
	struct document_types *types = NULL;
	char error[300], *text = NULL;

	(void)state;
	put("types/b.cfg", TYPE);
	assert_int_equal(load("", "", error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "another type of this name"));
	unlink(at("types/b.cfg"));
	unlink(at("types/a.cfg"));
	assert_int_equal(document_types_load(folder, &types, &text), -EINVAL);
	assert_non_null(strstr(text, "there is no type"));
	free(text);
}

static void expect_bad_table(const char *text, const char *part)
{
	_cleanup_csv_ struct csv c = { 0 };
	char *error = NULL;

	put("x.csv", text);
	assert_int_equal(csv_read(at("x.csv"), &c, &error), -EINVAL);
	assert_non_null(strstr(error, part));
	free(error);
}

static void test_csv(void **state)
{
	_cleanup_csv_ struct csv c = { 0 };
	char *error = NULL;

	(void)state;
	put("x.csv", "a,b,c\n1,,3\n\xc3\xa9,x;y,\n");
	assert_int_equal(csv_read(at("x.csv"), &c, &error), 0);
	assert_int_equal(c.rows, 2);
	assert_int_equal(csv_column(&c, "c"), 2);
	assert_int_equal(csv_column(&c, "d"), -1);
	assert_string_equal(csv_cell(&c, 0, 1), "");
	assert_string_equal(csv_cell(&c, 1, 0), "\xc3\xa9");
	assert_string_equal(csv_cell(&c, 1, 2), "");
	expect_bad_table("", "x.csv:1: ");
	expect_bad_table("a,b\n1\n", "x.csv:2: ");
	expect_bad_table("a,b\n1,2,3\n", "x.csv:2: ");
	expect_bad_table("a,b\n1,2\n\n3,4\n", "x.csv:3: ");
	expect_bad_table("a,b\r\n1,2\r\n", "x.csv:1: ");
	expect_bad_table("a,b\n\"1,2\",3\n", "x.csv:2: ");
	expect_bad_table("a,b,c,d,e,f,g,h,i,j,k,l,m\n", "too many columns");
}

static void expect_bad_checks(const char *text, const char *part)
{
	struct prefixes prefixes = { 0 };
	struct code_checks *checks = NULL;
	char *error = NULL;

	prefixes_add(&prefixes, "t", "urn:t");
	put("x.csv", text);
	assert_true(
		code_checks_load(folder, at("x.csv"), &prefixes, &checks, &error) < 0);
	assert_null(checks);
	if (!error || !strstr(error, part))
		fail_msg("%s: %s", text, error ? error : "no message");
	free(error);
	prefixes_done(&prefixes);
}

#define CHECKS "id,xpath,list,where,severity\n"

static void test_bad_code_checks(void **state)
{
	(void)state;
	expect_bad_checks("id,xpath,list,where\n", "x.csv:2: the header");
	expect_bad_checks("xpath,id,list,where,severity\n", "the header");
	expect_bad_checks(CHECKS "C,//t:c,l,,fatal\n", "x.csv:2: ");
	expect_bad_checks(CHECKS "C,//u:c,l,,error\n", "x.csv:2: ");
	expect_bad_checks(CHECKS "C,//t:c[,l,,error\n", "x.csv:2: ");
	expect_bad_checks(CHECKS "C,//t:c,none,,error\n", "none.csv");
	expect_bad_checks(CHECKS "C,//t:c,../l,,error\n", "x.csv:2: ");
	expect_bad_checks(CHECKS "C,//t:c,l,none=1,error\n", "x.csv:2: ");
	expect_bad_checks(CHECKS "C,//t:c,l,use,error\n", "x.csv:2: ");
	expect_bad_checks(CHECKS "C,//t:c,l,use=maybe,error\n", "x.csv:2: ");
	expect_bad_checks(
		CHECKS "C1,//t:c,l,,error\nC2,count(//t:c),l,,error\n", "x.csv:3: ");
}

static void test_code_checks(void **state)
{
	struct prefixes prefixes = { 0 };
	_cleanup_(code_checks_freep) struct code_checks *checks = NULL;
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	xmlXPathContext *context;
	char *error = NULL;

	(void)state;
	prefixes_add(&prefixes, "t", "urn:t");
	assert_int_equal(
		code_checks_load(folder, at("t.csv"), &prefixes, &checks, &error), 0);
	prefixes_done(&prefixes);
	assert_int_equal(
		xml_read(span_str("<T xmlns='urn:t' k='B'><c>A</c><c> AA </c><c>B</c>"
				  "<c>a</c><c/><x k='Z'/></T>"),
			XML_READ_GATE, &f, &doc),
		1);
	context = rule_context(doc, 0);
	assert_int_equal(code_checks_run(checks, context, 0, &f), 0);
	xmlXPathFreeContext(context);
	assert_int_equal(f.count, 4);
	assert_int_equal(f.errors, 3);
	assert_string_equal(
		f.list[0].received, "B"); /* in the list, but not for this use */
	assert_string_equal(f.list[0].where, "/T/c[3]");
	assert_string_equal(f.list[1].received, "a");
	assert_string_equal(f.list[2].received, "");
	assert_string_equal(f.list[3].where, "/T/x/@k");
	assert_int_equal(f.list[3].severity, SEVERITY_WARNING);
}

struct notation {
	const char *text, *format;
	enum sps_time kind;
	const char *utc;
};

static void test_time_notations(void **state)
{
	static const struct notation ROWS[] = {
		{ "2026-06-05T12:00:00Z", NULL, SPS_TIME_OK, "2026-06-05T12:00:00Z" },
		{ "2026-06-05T12:00:00+02:00", "", SPS_TIME_OK, "2026-06-05T10:00:00Z" },
		{ "2026-06-05T12:00:00", NULL, SPS_TIME_NO_ZONE, "2026-06-05T12:00:00Z" },
		{ "2026-06-05", NULL, SPS_TIME_NO_ZONE, "2026-06-05T00:00:00Z" },
		{ "2026-06-05T12:00:00Z", "ISO8601", SPS_TIME_OK,
			"2026-06-05T12:00:00Z" },
		{ "20260605", "102", SPS_TIME_NO_ZONE, "2026-06-05T00:00:00Z" },
		{ "202606051230", "203", SPS_TIME_NO_ZONE, "2026-06-05T12:30:00Z" },
		{ "20260605123059", "204", SPS_TIME_NO_ZONE, "2026-06-05T12:30:59Z" },
		{ "202606051230+0200", "205", SPS_TIME_OK, "2026-06-05T10:30:00Z" },
		{ "202606051230-02:00", "205", SPS_TIME_OK, "2026-06-05T14:30:00Z" },
		{ "202606051230Z", "205", SPS_TIME_OK, "2026-06-05T12:30:00Z" },
		{ "202606051230", "205", SPS_TIME_NO_ZONE, "2026-06-05T12:30:00Z" },
		{ "20260605123059+1200", "208", SPS_TIME_OK, "2026-06-05T00:30:59Z" },
		{ "", NULL, SPS_TIME_ABSENT, NULL },
		{ NULL, NULL, SPS_TIME_ABSENT, NULL },
		{ "today", NULL, SPS_TIME_BAD, NULL },
		{ "2026-06-31", NULL, SPS_TIME_BAD, NULL },
		{ "20260605", NULL, SPS_TIME_BAD, NULL },
		{ "2026-06-05", "102", SPS_TIME_BAD, NULL },
		{ "20260605Z", "102", SPS_TIME_BAD, NULL },
		{ "202606", "102", SPS_TIME_BAD, NULL },
		{ "2026060512", "203", SPS_TIME_BAD, NULL },
		{ "202606051230+2", "205", SPS_TIME_BAD, NULL },
		{ "202606051230+02000", "205", SPS_TIME_BAD, NULL },
		{ "202606051230+9900", "205", SPS_TIME_BAD, NULL },
		{ "202606312400", "203", SPS_TIME_BAD, NULL },
		{ "2026-06-05T12:00:00.00000000000000000000000000000000001Z", NULL,
			SPS_TIME_BAD, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		char text[CLOCK_TEXT_SIZE];
		int64_t t = 0;
		enum sps_time kind = sps_time_text(ROWS[i].text, ROWS[i].format, &t);

		if (kind != ROWS[i].kind)
			fail_msg("%s: %d", ROWS[i].text, (int)kind);
		clock_format(t, text);
		if (ROWS[i].utc)
			assert_string_equal(text, ROWS[i].utc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_two_of_a_name),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_bad_code_checks),
		cmocka_unit_test(test_code_checks),
		cmocka_unit_test(test_time_notations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
