/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/memfd.h"
#include "stage.h"

#include "xades/validate.h"

#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SCHEMA "policies/schemas/sps-17/SPSAcknowledgement_17.xsd"

static char id[DOCUMENT_ID_SIZE];

static void ask(const struct person *who, const char *suffix, const char *accept,
	struct answer *ret)
{
	char uri[128];
	struct visit v = { .who = who, .method = "GET", .uri = uri, .accept = accept };

	snprintf(uri, sizeof(uri), "/v1/documents/%s%s", id, suffix);
	visit(&server, &thread_links, &v, ret);
}

static void submit(void)
{
	struct visit v = { .who = &house.kenya,
		.method = "POST",
		.uri = "/v1/documents",
		.body = "<a/>" };
	struct answer a;

	visit(&server, &thread_links, &v, &a);
	snprintf(id, sizeof(id), "%s", answer_text(&a, "id"));
	assert_int_equal(strlen(id), DOCUMENT_ID_SIZE - 1);
	answer_done(&a);
}

static void expect(const char *suffix, int status, const char *code)
{
	struct answer a;

	ask(&house.kenya, suffix, NULL, &a);
	assert_int_equal(a.status, status);
	assert_string_equal(answer_text(&a, "code"), code);
	answer_done(&a);
}

/* A full page has one behind it, which the answer names. */
static void test_events_in_pages(void **state)
{
	static char page[3 * QUEUE_EVENTS_PAGE + 2];
	struct answer a;

	(void)state;
	submit();
	for (int i = 0; i < QUEUE_EVENTS_PAGE; i++)
		memcpy(page + 3 * i, i ? ",{}" : "[{}", 3);
	page[3 * QUEUE_EVENTS_PAGE] = ']';
	queue.json = page;
	ask(&house.kenya, "/events?page=3", NULL, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_header(&a, "Link"), "<?page=4>; rel=\"next\"");
	answer_done(&a);
	queue.json = NULL;
	ask(&house.kenya, "/events", NULL, &a);
	assert_null(answer_header(&a, "Link"));
	answer_done(&a);
}

static void test_parts(void **state)
{
	struct answer a;

	(void)state;
	submit();
	expect("", 200, "");
	expect("/events", 200, "");
	expect("/events?page=3", 200, "");
	expect("/events?page=-1", 404, "http.path");
	expect("/events?page=1x", 404, "http.path");
	expect("/events?page=100000", 404, "http.path");
	ask(&house.kenya, "/report", NULL, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(a.body, verify.report);
	answer_done(&a);
	expect("/evidence", 404, "document.not-sealed");
	expect("/Receipt", 404, "http.path");
	expect("/receipt/", 404, "http.path");
	expect("/", 404, "http.path");
}

static void test_evidence(void **state)
{
	const char zip[] = "PK\3\4 \0 not really";
	struct answer a;

	(void)state;
	submit();
	queue.documents[0].container = memfd_from("container", span_of(zip, sizeof(zip)));
	ask(&house.kenya, "/evidence", NULL, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(
		answer_header(&a, "Content-Type"), "application/vnd.etsi.asic-e+zip");
	assert_non_null(strstr(answer_header(&a, "Content-Disposition"), id));
	assert_int_equal(a.len, sizeof(zip));
	assert_memory_equal(a.body, zip, sizeof(zip));
	answer_done(&a);
}

static void test_another_partners_id(void **state)
{
	static const char *const suffixes[] = { "", "/receipt", "/report", "/evidence",
		"/events" };

	(void)state;
	submit();
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		struct answer a;

		ask(&house.chile, suffixes[i], NULL, &a);
		assert_int_equal(a.status, 404);
		assert_string_equal(answer_text(&a, "code"), "http.path");
		answer_done(&a);
	}
}

static void test_unknown_id_looks_the_same(void **state)
{
	struct answer mine, none;

	(void)state;
	submit();
	ask(&house.chile, "/receipt", NULL, &mine);
	id[25] = id[25] == '0' ? '1' : '0';
	ask(&house.chile, "/receipt", NULL, &none);
	json_object_del(mine.json, "received");
	json_object_del(none.json, "received");
	assert_true(json_equal(mine.json, none.json));
	answer_done(&mine);
	answer_done(&none);
}

static void test_refused_document(void **state)
{
	struct visit v = { .who = &house.kenya,
		.method = "POST",
		.uri = "/v1/documents",
		.body = "<a/>" };
	struct answer a;

	(void)state;
	verify.verdict.decision = DECISION_REFUSED;
	verify.verdict.error_count = 1;
	snprintf(verify.report, sizeof(verify.report),
		"{\"findings\":[{\"code\":\"limit.size\",\"severity\":\"error\"}]}");
	visit(&server, &thread_links, &v, &a);
	snprintf(id, sizeof(id), "%s", answer_text(&a, "id"));
	answer_done(&a);
	expect("", 200, "");
	expect("/report", 200, "");
	expect("/receipt", 404, "document.refused");
	expect("/evidence", 404, "document.refused");
}

static void test_queue_away(void **state)
{
	(void)state;
	submit();
	queue.mood = QUEUE_BREAKS_ALWAYS;
	expect("", 503, "http.queue-away");
	expect("/receipt", 503, "http.queue-away");
}

static void ignore(void *context, const char *message, ...)
{
	(void)context;
	(void)message;
}

/* The schema has no place for what is enveloped. */
static void remove_seal(xmlDoc *doc)
{
	xmlNode *last = xmlGetLastChild(xmlDocGetRootElement(doc));

	assert_string_equal((const char *)last->name, "Signature");
	xmlUnlinkNode(last);
	xmlFreeNode(last);
}

/* By the library that validates what others sign, which has no part in making it. */
static void assert_sealed(const struct answer *a)
{
	struct pki_material *none = pki_material_new();
	struct xades_options options = {
		.profile = XADES_EIDAS, .at = clock_now(), .material = none
	};
	struct xades_report *report;

	assert_int_equal(xades_validate(span_of(a->body, a->len), &options, &report), 0);
	assert_int_equal(report->count, 1);
	assert_true(report->signatures[0].core_valid);
	assert_string_equal(report->signatures[0].level, "XAdES-BASELINE-B");
	assert_string_equal(report->signatures[0].scope, "full");
	xades_report_free(report);
	pki_material_free(none);
}

static bool schema_valid(const struct answer *a)
{
	xmlSchemaParserCtxt *p = xmlSchemaNewParserCtxt(SCHEMA);
	xmlSchema *schema = xmlSchemaParse(p);
	xmlSchemaValidCtxt *v = xmlSchemaNewValidCtxt(schema);
	xmlDoc *doc = xmlReadMemory(a->body, (int)a->len, NULL, NULL, XML_PARSE_NONET);
	int r;

	assert_non_null(doc);
	remove_seal(doc);
	xmlSchemaSetValidErrors(v, ignore, ignore, NULL);
	r = xmlSchemaValidateDoc(v, doc);
	xmlFreeDoc(doc);
	xmlSchemaFreeValidCtxt(v);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(p);
	return r == 0;
}

static void test_receipt_in_both_forms(void **state)
{
	struct answer json, xml;
	char compact[65536];

	(void)state;
	fake_verify_accepts(&verify, "KE-<&\">-1");
	snprintf(verify.report, sizeof(verify.report),
		"{\"findings\":[],\"facts\":{\"type_code\":\"851\","
		"\"issued\":\"2026-06-01T10:00:00Z\"}}");
	submit();
	ask(&house.kenya, "/receipt", "text/html, */*;q=0.1", &json);
	assert_int_equal(json.status, 200);
	assert_string_equal(answer_header(&json, "Content-Type"), "application/json");
	ask(&house.kenya, "/receipt", "application/xml", &xml);
	assert_int_equal(xml.status, 200);
	assert_string_equal(answer_header(&xml, "Content-Type"), "application/xml");
	snprintf(compact, sizeof(compact), ">%s.%s.%s<", answer_text(&json, "protected"),
		answer_text(&json, "payload"), answer_text(&json, "signature"));
	assert_non_null(strstr(xml.body, compact));
	assert_non_null(strstr(xml.body, ">39<"));
	assert_non_null(strstr(xml.body, "TEST"));
	assert_non_null(strstr(xml.body, ">851<"));
	assert_true(schema_valid(&xml));
	assert_sealed(&xml);
	answer_done(&json);
	answer_done(&xml);
}

/* Without the signer the receipt that was signed is still there; no unsealed XML leaves.
 */
static void test_receipt_without_signer(void **state)
{
	struct answer json, xml;

	(void)state;
	submit();
	signer.mood = SIGNER_IS_AWAY;
	ask(&house.kenya, "/receipt", "application/xml", &xml);
	assert_int_equal(xml.status, 503);
	ask(&house.kenya, "/receipt", "application/json", &json);
	assert_int_equal(json.status, 200);
	answer_done(&json);
	answer_done(&xml);
	signer.mood = SIGNER_OTHER_KEY;
	ask(&house.kenya, "/receipt", "application/xml", &xml);
	assert_int_equal(xml.status, 503);
	answer_done(&xml);
}

static void test_receipt_of_a_held_document(void **state)
{
	struct answer xml;

	(void)state;
	verify.verdict.decision = DECISION_HELD;
	verify.verdict.hold_until = 2000000000;
	snprintf(verify.verdict.hold_reason, sizeof(verify.verdict.hold_reason), "x.y");
	snprintf(verify.report, sizeof(verify.report), "{\"findings\":[]}");
	submit();
	ask(&house.kenya, "/receipt", "application/xml", &xml);
	assert_non_null(strstr(xml.body, ">42<"));
	assert_true(schema_valid(&xml));
	assert_sealed(&xml);
	answer_done(&xml);
}

static void test_status(void **state)
{
	struct visit v = { .who = &house.kenya, .method = "GET", .uri = "/v1/status" };
	char date[64];
	time_t then = clock_now() - 3600;
	struct answer a;
	json_int_t skew;
	json_t *version;

	(void)state;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&then));
	v.date = date;
	visit(&server, &thread_links, &v, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "partner"), "ke-kephis");
	skew = json_integer_value(
		json_object_get(json_object_get(a.json, "clock"), "skew_seconds"));
	assert_in_range(-skew, 3600, 3660);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(a.json, "certificate"), "days_left")),
		100);
	assert_string_equal(
		json_string_of(
			json_array_get(json_object_get(a.json, "versions"), 0), "type"),
		"PHYTO");
	version = json_array_get(json_object_get(a.json, "schema_versions"), 0);
	assert_string_equal(json_string_of(version, "version"), "16");
	assert_string_equal(json_string_of(version, "namespace"), "urn:16");
	assert_string_equal(json_string_of(version, "sunset"), "2027-01-01T00:00:00Z");
	assert_true(json_is_true(json_object_get(version, "experimental")));
	answer_done(&a);
}

/* What is experimental is taken at a TEST gate only, if no policy says more. */
static void test_taken(void **state)
{
	struct visit v = { .who = &house.kenya, .method = "GET", .uri = "/v1/status" };
	bool test = server.test;
	struct answer a;
	json_t *version;

	(void)state;
	for (int i = 0; i < 2; i++) {
		server.test = i == 1;
		visit(&server, &thread_links, &v, &a);
		version = json_array_get(json_object_get(a.json, "schema_versions"), 0);
		assert_int_equal(json_is_true(json_object_get(version, "taken")), i);
		version = json_array_get(json_object_get(a.json, "versions"), 0);
		assert_true(json_is_false(json_object_get(version, "experimental")));
		assert_true(json_is_true(json_object_get(version, "taken")));
		answer_done(&a);
	}
	server.test = test;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_parts),
		ON_STAGE(test_events_in_pages),
		ON_STAGE(test_evidence),
		ON_STAGE(test_another_partners_id),
		ON_STAGE(test_unknown_id_looks_the_same),
		ON_STAGE(test_refused_document),
		ON_STAGE(test_queue_away),
		ON_STAGE(test_receipt_in_both_forms),
		ON_STAGE(test_receipt_without_signer),
		ON_STAGE(test_receipt_of_a_held_document),
		ON_STAGE(test_status),
		ON_STAGE(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
