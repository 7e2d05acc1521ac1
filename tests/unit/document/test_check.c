/* SPDX-License-Identifier: EUPL-1.2 */
/* The shipped packs against the project's own documents: clean as they are, and one
 * finding with the right id and place for each thing that is broken in them. */
#include "document/types.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "xml/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW "2026-06-10T00:00:00Z"

static struct document_types *types;

static int setup(void **state)
{
	char *error = NULL;

	(void)state;
	if (document_types_load("policies", &types, &error) < 0) {
		print_error("%s\n", error ? error : "?");
		free(error);
		return -1;
	}
	xml_setup();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	document_types_free(types);
	document_types_free(NULL);
	return 0;
}

struct result {
	struct findings findings;
	struct facts facts;
	const struct document_type *type;
	int status;
};

static void done(struct result *r)
{
	findings_done(&r->findings);
}

#define _cleanup_result_ _cleanup_(done)

/* A vector with the first `from` behind `after` replaced by `to`; no from: as it is. */
static char *edited(const char *name, const char *after, const char *from, const char *to)
{
	char path[128];
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	char *place;
	struct buf b;

	(void)snprintf(path, sizeof(path), "tests/vectors/documents/%s.xml", name);
	assert_int_equal(file_read(path, 1 << 20, &data, &len), 0);
	place = strstr((char *)data, after);
	assert_non_null(place);
	place = strstr(place, from);
	assert_non_null(place);
	buf_init(&b, 1 << 20);
	buf_add(&b, data, (size_t)(place - (char *)data));
	buf_add_str(&b, to);
	buf_add_str(&b, place + strlen(from));
	return buf_take(&b, NULL);
}

static void check_text(const char *text, const char *at, struct result *r)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	int64_t now;

	*r = (struct result){ 0 };
	assert_int_equal(clock_parse(at, &now), 0);
	assert_int_equal(xml_read(span_str(text), XML_READ_GATE, &r->findings, &doc), 1);
	document_strip_signatures(doc);
	assert_true(facts_read(doc, &r->facts, &r->findings) >= 0);
	r->type = document_type_find(types, doc, &r->facts, &r->findings);
	assert_non_null(r->type);
	r->status = document_check(types, r->type, doc, &r->facts, now, &r->findings);
	assert_true(r->status >= 0);
	assert_true((r->status == 1) == (r->findings.errors == 0) || r->status == 1);
}

static bool found(const struct result *r, const char *code, const char *begin)
{
	for (size_t i = 0; i < r->findings.count; i++)
		if (strcmp(r->findings.list[i].reason->code, code) == 0 &&
			strncmp(r->findings.list[i].message, begin, strlen(begin)) == 0)
			return true;
	return false;
}

/* One change gives a finding of that code whose message begins so, and only that one. */
static void expect_one(const char *name, const char *after, const char *from,
	const char *to, const char *code, const char *begin)
{
	_cleanup_(freep) char *text = edited(name, after, from, to);
	_cleanup_result_ struct result r;

	check_text(text, NOW, &r);
	if (r.findings.count != 1 || !found(&r, code, begin)) {
		for (size_t i = 0; i < r.findings.count; i++)
			print_error("%s | %s | %s\n", r.findings.list[i].reason->code,
				r.findings.list[i].where, r.findings.list[i].message);
		fail_msg("%s -> %s: expected %s %s", from, to, code, begin);
	}
	assert_true(strlen(r.findings.list[0].where) > 0);
}

static void expect_clean(
	const char *name, const char *after, const char *from, const char *to)
{
	_cleanup_(freep) char *text = edited(name, after, from, to);
	_cleanup_result_ struct result r;

	check_text(text, NOW, &r);
	for (size_t i = 0; i < r.findings.count; i++)
		print_error("%s | %s | %s\n", r.findings.list[i].reason->code,
			r.findings.list[i].where, r.findings.list[i].message);
	assert_int_equal(r.findings.count, 0);
	assert_int_equal(r.status, 1);
}

static void test_vectors_are_clean(void **state)
{
	static const char *const NAMES[][2] = { { "phyto", "PHYTO" },
		{ "veterinary", "IMPORT" }, { "acknowledgement", "ACK" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_(freep) char *text = edited(NAMES[i][0], "", "", "");
		_cleanup_result_ struct result r;

		check_text(text, NOW, &r);
		assert_int_equal(r.findings.count, 0);
		assert_int_equal(r.status, 1);
		assert_string_equal(r.type->name, NAMES[i][1]);
	}
}

static void test_facts(void **state)
{
	_cleanup_(freep) char *text = edited("phyto", "", "", "");
	_cleanup_result_ struct result r;
	json_t *j;

	(void)state;
	check_text(text, NOW, &r);
	assert_string_equal(r.facts.root, "SPSCertificate");
	assert_string_equal(r.facts.number, "PHYTO.NZ.2026.0000001");
	assert_string_equal(r.facts.type_code, "851");
	assert_string_equal(r.facts.status, "70");
	assert_string_equal(r.facts.name, "Phytosanitary certificate");
	assert_string_equal(r.facts.export_country, "NZ");
	assert_string_equal(r.facts.import_country, "NL");
	assert_string_equal(r.facts.replaces, "");
	assert_int_equal(r.facts.line_count, 4);
	assert_int_equal(r.facts.signatory_count, 1);
	assert_int_equal(r.facts.issued - r.facts.authenticated, 15 * 60);
	j = facts_to_json(&r.facts);
	assert_string_equal(
		json_string_value(json_object_get(j, "issued")), "2026-06-01T22:30:00Z");
	json_decref(j);
}

static void test_facts_of_an_acknowledgement(void **state)
{
	_cleanup_(freep) char *text = edited("acknowledgement", "", "", "");
	_cleanup_result_ struct result r;

	(void)state;
	check_text(text, NOW, &r);
	assert_string_equal(r.facts.root, "SPSAcknowledgement");
	assert_string_equal(r.facts.number, "PHYTO.NZ.2026.0000001");
	assert_string_equal(r.facts.status, "39");
}

static void test_times(void **state)
{
	(void)state;
	expect_one("phyto", "<ram:IssueDateTime>", "2026-06-02T10:30", "2026-06-02T09:30",
		"doc.rule", "SPS-03:");
	expect_one("phyto", "<ram:IssueDateTime>", "2026-06-02T10:30", "2026-06-06T10:30",
		"doc.rule", "SPS-04:");
	expect_one("acknowledgement", "<ram:IssueDateTime>", "2026-06-02T", "2026-06-12T",
		"doc.rule", "ACK-01:");
	expect_one("phyto", "<ram:ExportExitDateTime>", "2026-06-05", "2026-06-25",
		"doc.rule", "PHYTO-03:");
	expect_one("phyto", "<ram:ExportExitDateTime>",
		"<udt:DateTime>2026-06-05T21:00:00+12:00</udt:DateTime>",
		"<udt:DateTime>2026-06-05T21:00:00</udt:DateTime>", "doc.time-zone", "");
	expect_one("phyto", "<ram:AvailabilityDueDateTime>",
		"<udt:DateTime>2026-07-13T06:00:00+02:00</udt:DateTime>",
		"<udt:DateTimeString>13 July</udt:DateTimeString>", "doc.rule",
		"SPS-05:");
	expect_clean("phyto", "<ram:AvailabilityDueDateTime>",
		"<udt:DateTime>2026-07-13T06:00:00+02:00</udt:DateTime>",
		"<udt:DateTimeString "
		"format=\"205\">202607130600+0200</udt:DateTimeString>");
}

/* Five minutes of leeway, then a document of the future is refused. */
static void test_future(void **state)
{
	_cleanup_(freep) char *text = edited("phyto", "", "", "");
	_cleanup_result_ struct result early, near;

	(void)state;
	check_text(text, "2026-06-01T22:24:00Z", &early);
	check_text(text, "2026-06-01T22:26:00Z", &near);
	assert_true(found(&early, "doc.rule", "SPS-02:"));
	assert_string_equal(early.findings.list[0].received, "2026-06-02T10:30:00+12:00");
	assert_string_equal(early.findings.list[0].where,
		"/rsm:SPSCertificate/rsm:SPSExchangedDocument/ram:IssueDateTime");
	assert_int_equal(near.findings.count, 0);
}

static void test_lines(void **state)
{
	(void)state;
	expect_one("phyto", "Malus", "<ram:SequenceNumeric>4<", "<ram:SequenceNumeric>5<",
		"doc.rule", "SPS-06:");
	expect_one("phyto", "", "<ram:SequenceNumeric>1<", "<ram:SequenceNumeric>2<",
		"doc.rule", "SPS-06:");
	expect_one("phyto", "", "<ram:NetWeightMeasure unitCode=\"KGM\">9720.00<",
		"<ram:NetWeightMeasure unitCode=\"KGM\">19720.00<", "doc.rule",
		"SPS-10:");
	expect_one("phyto", "", "<ram:GrossWeightMeasure unitCode=\"KGM\">10368.00<",
		"<ram:GrossWeightMeasure unitCode=\"KGM\">10368.0000000000000<",
		"doc.rule", "SPS-11:");
	expect_clean("phyto", "",
		"<ram:ScientificName>Actinidia deliciosa</ram:ScientificName>", "");
}

/* Without a scientific name and without an EPPO code. */
static void test_plants(void **state)
{
	_cleanup_(freep) char *text =
		edited("phyto", "", "<ram:SystemID>EPPT<", "<ram:SystemID>XXXX<");
	_cleanup_result_ struct result r;
	char *name = strstr(
		text, "<ram:ScientificName>Actinidia deliciosa</ram:ScientificName>");

	(void)state;
	memset(name, ' ',
		strlen("<ram:ScientificName>Actinidia deliciosa</ram:ScientificName>"));
	check_text(text, NOW, &r);
	assert_int_equal(r.findings.count, 1);
	assert_true(found(&r, "doc.rule", "PHYTO-01:"));
	assert_non_null(strstr(r.findings.list[0].where, "IncludedSPSTradeLineItem[1]"));
}

static void test_codes(void **state)
{
	(void)state;
	expect_one("phyto", "NetWeight", "KGM", "XYZ", "doc.code", "CODE-07:");
	expect_one("phyto", "<ram:ConsignorSPSParty>", "<ram:CountryID>NZ<",
		"<ram:CountryID>QQ<", "doc.code", "CODE-06:");
	expect_clean("phyto", "<ram:ConsignorSPSParty>", "<ram:CountryID>NZ<",
		"<ram:CountryID>XI<");
	/* The schema has spoken about the same place: once is enough. */
	expect_one("phyto", "<ram:ImportSPSCountry>", "<ram:ID>NL<", "<ram:ID>QQ<",
		"doc.schema", "The value 'QQ'");
}

static void test_status(void **state)
{
	_cleanup_(freep) char *text = edited("phyto", "", ">70<", ">44<");
	_cleanup_result_ struct result r;

	(void)state;
	check_text(text, NOW, &r);
	assert_int_equal(r.findings.count, 1);
	assert_true(found(&r, "doc.rule", "SPS-13:"));
	done(&r);
	/* 1 is in the schema's list, but no status of a document. */
	free(TAKE(text));
	text = edited("phyto", "", ">70<", ">1<");
	check_text(text, NOW, &r);
	assert_true(findings_have(&r.findings, "doc.status"));
	assert_true(found(&r, "doc.code", "CODE-01:"));
}

static void test_replacement(void **state)
{
	_cleanup_(freep) char *text = edited("phyto", "Packing list", ">ZZZ<", ">AWR<");
	_cleanup_result_ struct result r;

	(void)state;
	memcpy(strstr(text, ">70<"), ">44<", 4);
	check_text(text, NOW, &r);
	assert_int_equal(r.findings.count, 0);
	assert_string_equal(r.facts.replaces, "PL-26-00418");
}

static void test_identifiers(void **state)
{
	(void)state;
	expect_one("phyto", "<ram:AffixedSPSSeal>", "<ram:ID>NZ8841207<", "<ram:ID> <",
		"doc.rule", "SPS-01:");
	expect_one("phyto", "", "<ram:ID>PHYTO.NZ", "<ram:ID>PHYTO\xe2\x80\x8b.NZ",
		"doc.rule", "SPS-15:");
}

static void test_schema_without_a_type(void **state)
{
	_cleanup_(freep) char *text =
		edited("phyto", "", "<ram:CommonName ", "<ram:X/><ram:CommonName ");
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	struct facts facts;

	(void)state;
	assert_int_equal(xml_read(span_str(text), XML_READ_GATE, &f, &doc), 1);
	assert_int_equal(facts_read(doc, &facts, &f), 1);
	assert_int_equal(document_check_schema(types, doc, &facts, &f), 0);
	assert_int_equal(f.count, 1);
	facts.ns[0] = '\0';
	assert_int_equal(document_check_schema(types, doc, &facts, &f), 1);
}

static void test_re_export(void **state)
{
	_cleanup_(freep) char *text = edited("phyto", "", ">851<", ">657<");
	_cleanup_result_ struct result r;

	(void)state;
	check_text(text, NOW, &r);
	assert_int_equal(r.findings.count, 2);
	assert_true(found(&r, "doc.rule", "PHYTO-02:"));
	assert_true(found(&r, "doc.rule", "PHYTO-24:"));
}

static void test_schema_is_checked(void **state)
{
	(void)state;
	expect_one("phyto", "", "<ram:CommonName ", "<ram:Other/><ram:CommonName ",
		"doc.schema", "This element is not expected");
	expect_one("phyto", "", "<rsm:SPSConsignment>", "<rsm:SPSConsignment x=\"1\">",
		"doc.schema", "");
}

static void test_signature_is_taken_out(void **state)
{
	_cleanup_(freep) char *text = edited("phyto", "", "</rsm:SPSCertificate>",
		"<d:Signature xmlns:d='http://www.w3.org/2000/09/xmldsig#'/>"
		"<d:Signature "
		"xmlns:d='http://www.w3.org/2000/09/xmldsig#'><x/></d:Signature>"
		"</rsm:SPSCertificate>");
	_cleanup_result_ struct result r;
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	(void)state;
	check_text(text, NOW, &r);
	assert_int_equal(r.findings.count, 0);
	assert_int_equal(xml_read(span_str(text), XML_READ_GATE, &r.findings, &doc), 1);
	assert_int_equal(document_strip_signatures(doc), 2);
	assert_int_equal(document_strip_signatures(doc), 0);
}

/* A signature anywhere else stays, and the schema refuses it. */
static void test_hidden_signature_stays(void **state)
{
	(void)state;
	expect_one("phyto", "", "</rsm:SPSConsignment>",
		"<d:Signature "
		"xmlns:d='http://www.w3.org/2000/09/xmldsig#'/></rsm:SPSConsignment>",
		"doc.schema", "");
}

static void test_unknown_type(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct facts facts = { .root = "SPSCertificate",
		.ns = "urn:un:unece:uncefact:data:standard:SPSCertificate:17",
		.type_code = "636" };

	(void)state;
	assert_null(document_type_find(types, NULL, &facts, &f));
	assert_true(findings_have(&f, "doc.type-unknown"));
	memcpy(facts.type_code, "851", 4);
	assert_non_null(document_type_find(types, NULL, &facts, &f));
	memcpy(facts.ns, "urn:x", 6);
	assert_null(document_type_find(types, NULL, &facts, &f));
	assert_null(document_type_named(types, "NONE"));
	assert_true(document_type_named(types, "PHYTO")->officer_required);
	assert_true(document_type_named(types, "IMPORT")->experimental);
	assert_ptr_equal(document_type_named(types, "CVED-P"),
		document_type_named(types, "CHED-P"));
	assert_true(document_type_issued_by(
		document_type_named(types, "COI"), "control-body"));
	assert_false(document_type_issued_by(
		document_type_named(types, "PHYTO"), "control-body"));
}

static int facts_of(const char *text, struct facts *facts, struct findings *f)
{
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	assert_int_equal(xml_read(span_str(text), XML_READ_EIDAS, f, &doc), 1);
	return facts_read(doc, facts, f);
}

static void test_facts_of_anything(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct facts facts;

	(void)state;
	assert_int_equal(facts_of("<x/>", &facts, &f), 0);
	assert_true(findings_have(&f, "doc.root"));
	assert_int_equal(facts_of("<SPSCertificate/>", &facts, &f), 0);
	assert_true(findings_have(&f, "doc.missing"));
	assert_int_equal(facts_of("<SPSAcknowledgement/>", &facts, &f), 0);
}

static void test_facts_of_bad_values(void **state)
{
	static const char *const CODES[] = { "doc.length", "doc.form", "doc.time",
		"doc.missing" };
	_cleanup_findings_ struct findings f = { 0 };
	struct facts facts;
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	buf_add_str(&b,
		"<r:SPSCertificate xmlns:r='urn:un:unece:uncefact:data:x' "
		"xmlns='urn:un:unece:uncefact:data:y'><r:SPSExchangedDocument><ID>");
	for (int i = 0; i < 128; i++)
		buf_add_str(&b, "N");
	buf_add_str(&b,
		"</ID><TypeCode>8 5</TypeCode><StatusCode> </StatusCode><IssueDateTime>"
		"yesterday</IssueDateTime></r:SPSExchangedDocument><r:SPSConsignment>"
		"<ExportSPSCountry><ID>nz</ID></ExportSPSCountry>"
		"<ImportSPSCountry><ID>NLD</ID></ImportSPSCountry>"
		"</r:SPSConsignment></r:SPSCertificate>");
	assert_int_equal(facts_of(b.data, &facts, &f), 0);
	for (size_t i = 0; i < 4; i++)
		assert_true(findings_have(&f, CODES[i]));
	assert_int_equal(f.errors, 6);
	assert_string_equal(facts.number, "");
	assert_string_equal(facts.import_country, "");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_are_clean),
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_facts_of_an_acknowledgement),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_plants),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_schema_without_a_type),
		cmocka_unit_test(test_re_export),
		cmocka_unit_test(test_schema_is_checked),
		cmocka_unit_test(test_signature_is_taken_out),
		cmocka_unit_test(test_hidden_signature_stays),
		cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_facts_of_anything),
		cmocka_unit_test(test_facts_of_bad_values),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
