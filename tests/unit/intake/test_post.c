/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/memfd.h"
#include "evidence/receipt.h"
#include "queue/audit.h"
#include "stage.h"

#include <stdio.h>

static struct span part(size_t document, size_t index)
{
	struct span text = { 0 };

	assert_int_equal(
		memfd_map(queue.documents[document].parts[index], LIMIT_DOCUMENT, &text),
		0);
	return text;
}

static void check_claims(const json_t *claims, const struct answer *a)
{
	struct span record = part(0, 3);
	char sha256[SHA256_TEXT_SIZE];

	assert_true(audit_record_ok(record, answer_text(a, "id")));
	digest_sha256_text(record, sha256);
	assert_string_equal(json_string_of(claims, "audit_record_sha256"), sha256);
	memfd_unmap(&record);
	assert_string_equal(json_string_of(claims, "id"), answer_text(a, "id"));
	assert_string_equal(json_string_of(claims, "sha256"), answer_text(a, "sha256"));
	assert_string_equal(json_string_of(claims, "partner"), "ke-kephis");
	assert_string_equal(json_string_of(claims, "state"), "accepted");
	assert_string_equal(json_string_of(claims, "policy_digest"),
		policy_digest(server.snapshots.now->policy));
	assert_true(json_is_true(json_object_get(claims, "test")));
	assert_non_null(json_string_of(claims, "notice"));
}

static void test_accepted(void **state)
{
	struct pki_material *m = pki_material_new();
	struct receipt_result result;
	char sha256[SHA256_TEXT_SIZE];
	struct span stored;
	struct answer a;
	char *text;

	(void)state;
	post("<a/>", &a);
	assert_int_equal(a.status, 202);
	assert_string_equal(answer_header(&a, "Content-Type"), "application/json");
	assert_null(answer_header(&a, "X-Correlation-Id")); /* nginx's business */
	assert_int_equal(json_object_size(a.json), 4);
	assert_string_equal(answer_text(&a, "state"), "accepted");
	digest_sha256_text(span_str("<a/>"), sha256);
	assert_string_equal(answer_text(&a, "sha256"), sha256);
	assert_int_equal(queue.count, 1);
	stored = part(0, 0);
	assert_true(span_equal(stored, span_str("<a/>")));
	memfd_unmap(&stored);
	/* The receipt in the answer is the stored one, and genuine. */
	stored = part(0, 2);
	text = json_canonical(json_object_get(a.json, "receipt"));
	assert_true(span_equal(stored, span_str(text)));
	sk_X509_push(m->anchors, house.receipt.certificate);
	X509_up_ref(house.receipt.certificate);
	assert_int_equal(receipt_verify(stored, m, clock_now(), &result), 0);
	assert_int_equal(result.outcome, RECEIPT_PASSED);
	check_claims(result.claims, &a);
	receipt_result_done(&result);
	pki_material_free(m);
	memfd_unmap(&stored);
	free(text);
	answer_done(&a);
}

static void test_duplicate_gets_the_original_receipt(void **state)
{
	struct answer first, again;

	(void)state;
	post("<a/>", &first);
	post("<a/>", &again);
	assert_int_equal(first.status, 202);
	assert_int_equal(again.status, 200);
	assert_true(json_is_true(json_object_get(again.json, "duplicate")));
	json_object_del(again.json, "duplicate");
	assert_true(json_equal(first.json, again.json));
	assert_int_equal(verify.asked, 1);
	assert_int_equal(signer.signatures, 1);
	assert_int_equal(queue.count, 1);
	answer_done(&first);
	answer_done(&again);
}

static void test_conflict_names_the_first_to_its_owner_only(void **state)
{
	struct answer first, other, stranger;

	(void)state;
	post("<a/>", &first);
	post("<b/>", &other);
	expect_problem(&other, 409, "document.conflict");
	assert_string_equal(answer_text(&other, "first"), answer_text(&first, "id"));
	memcpy(verify.verdict.export_country, "CL", 3);
	post_as(&house.chile, "/v1/documents", "<c/>", &stranger);
	expect_problem(&stranger, 409, "document.conflict");
	assert_null(strstr(stranger.body, answer_text(&first, "id")));
	assert_int_equal(queue.count, 1);
	answer_done(&first);
	answer_done(&other);
	answer_done(&stranger);
}

static void enrol_kenya_as(const char *more)
{
	house_policy(&house, "partners/ke-kephis.cfg",
		"name = \"ke-kephis\"; country = \"KE\"; transport = ( \"%s\" );"
		" signers = ( ); types = ( \"PHYTO\" ); %s",
		house.kenya.sha256, more);
	snapshot_drop(snapshots_hold(&server.snapshots, true));
}

/* The whole way, a receipt that says what it is, and nowhere to go from there. */
static void test_sandbox(void **state)
{
	struct answer a, again, real;
	_cleanup_json_ json_t *claims = NULL;
	struct span receipt;

	(void)state;
	enrol_kenya_as("sandbox = true;");
	post("<a/>", &a);
	assert_int_equal(a.status, 202);
	assert_string_equal(answer_text(&a, "state"), "sandbox");
	assert_string_equal(answer_text(&a, "decision"), "accepted");
	assert_true(json_is_true(json_object_get(a.json, "sandbox")));
	receipt = part(0, 2);
	claims = receipt_claims_read(receipt);
	memfd_unmap(&receipt);
	assert_true(json_is_true(json_object_get(claims, "sandbox")));
	assert_string_equal(json_string_of(claims, "state"), "sandbox");
	assert_string_equal(json_string_of(claims, "type"), "sandbox/PHYTO");
	assert_memory_equal(json_string_of(claims, "notice"), "SANDBOX:", 8);
	assert_int_equal(queue.documents[0].document.state, DOCUMENT_SANDBOX);
	post("<a/>", &again);
	assert_int_equal(again.status, 200);
	json_object_del(again.json, "duplicate");
	assert_true(json_equal(a.json, again.json));
	post_as(&house.kenya, "/v1/preflight", "<b/>", &real);
	assert_int_equal(json_array_size(json_object_get(real.json, "route")), 0);
	answer_done(&real);
	/* The partner goes real under the same name: its rehearsal is no answer. */
	enrol_kenya_as("");
	post("<a/>", &real);
	expect_problem(&real, 409, "document.conflict");
	assert_int_equal(queue.count, 1);
	answer_done(&a);
	answer_done(&again);
	answer_done(&real);
}

/* What would be held is not: nobody judges it again, and nobody waits. */
static void test_sandbox_holds_nothing(void **state)
{
	struct answer a;

	(void)state;
	enrol_kenya_as("sandbox = true;");
	verify_holds("sig.path");
	post("<a/>", &a);
	assert_int_equal(a.status, 202);
	assert_string_equal(answer_text(&a, "state"), "sandbox");
	assert_string_equal(answer_text(&a, "decision"), "held");
	assert_int_equal(queue.documents[0].document.held_until, 0);
	answer_done(&a);
}

static void test_refused_with_every_finding(void **state)
{
	struct answer a;

	(void)state;
	verify_refuses(
		"{\"code\":\"limit.resource\",\"severity\":\"warning\"},"
		"{\"code\":\"limit.size\",\"severity\":\"error\",\"received\":\"x\"},"
		"{\"code\":\"limit.resource\",\"severity\":\"error\"}");
	post("<a/>", &a);
	expect_problem(&a, 422, "limit.size");
	assert_string_equal(answer_text(&a, "received"), "x");
	assert_int_equal(json_array_size(json_object_get(a.json, "findings")), 3);
	assert_int_equal(queue.count, 1);
	assert_int_equal(queue.documents[0].document.state, DOCUMENT_REFUSED);
	assert_string_equal(answer_text(&a, "id"), queue.documents[0].document.id);
	assert_true(queue.documents[0].parts[0] < 0 && queue.documents[0].parts[2] < 0);
	assert_true(queue.documents[0].parts[1] >= 0 && queue.documents[0].parts[3] >= 0);
	assert_int_equal(signer.signatures, 0);
	answer_done(&a);
}

static void test_one_finding_decides_the_status(void **state)
{
	struct answer a;

	(void)state;
	verify_refuses("{\"code\":\"limit.size\",\"severity\":\"error\"}");
	post("<a/>", &a);
	expect_problem(&a, 413, "limit.size");
	answer_done(&a);
}

static void test_held(void **state)
{
	struct answer a, again;

	(void)state;
	verify.verdict.decision = DECISION_HELD;
	verify.verdict.hold_until = 2000000000;
	snprintf(verify.verdict.hold_reason, sizeof(verify.verdict.hold_reason), "%s",
		"pki.stale");
	post("<a/>", &a);
	assert_int_equal(a.status, 202);
	assert_string_equal(answer_text(&a, "state"), "held");
	assert_string_equal(answer_text(&a, "hold_reason"), "pki.stale");
	assert_string_equal(answer_text(&a, "held_until"), "2033-05-18T03:33:20Z");
	post("<a/>", &again);
	assert_int_equal(again.status, 200);
	assert_string_equal(answer_text(&again, "hold_reason"), "pki.stale");
	answer_done(&a);
	answer_done(&again);
}

static void test_no_route(void **state)
{
	struct span report;
	struct answer a;

	(void)state;
	memcpy(verify.verdict.import_country, "BE", 3);
	post("<a/>", &a);
	expect_problem(&a, 422, "route.none");
	assert_int_equal(json_array_size(json_object_get(a.json, "findings")), 1);
	assert_int_equal(queue.documents[0].document.state, DOCUMENT_REFUSED);
	report = part(0, 1);
	assert_non_null(memmem(report.data, report.len, "route.none", 10));
	memfd_unmap(&report);
	assert_int_equal(signer.signatures, 0);
	answer_done(&a);
}

static void test_content(void **state)
{
	static const struct {
		struct visit v;
		int status;
		const char *code;
	} cases[] = {
		{ { .content_type = "application/json" }, 415, "http.content-type" },
		{ { .content_type = "" }, 415, "http.content-type" },
		{ { .content_type = "application/xml; charset=latin1" }, 415,
			"http.content-type" },
		{ { .content_type = "multipart/form-data; boundary=x" }, 415,
			"http.content-type" },
		{ { .encoding = "gzip" }, 415, "http.content-encoding" },
		{ { .encoding = "identity" }, 415, "http.content-encoding" },
		{ { .body = "" }, 400, "http.empty" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct visit v = cases[i].v;
		struct answer a;

		v.who = &house.kenya;
		v.method = "POST";
		v.uri = i % 2 ? "/v1/documents" : "/v1/preflight";
		v.body = v.body ? v.body : "<a/>";
		visit(&server, &thread_links, &v, &a);
		expect_problem(&a, cases[i].status, cases[i].code);
		answer_done(&a);
	}
	assert_int_equal(verify.asked, 0);
}

static void test_large(void **state)
{
	char *body = malloc(LIMIT_DOCUMENT + 2);
	struct answer a;

	(void)state;
	memset(body, 'x', LIMIT_DOCUMENT + 1);
	body[LIMIT_DOCUMENT + 1] = '\0';
	post(body, &a);
	expect_problem(&a, 413, "limit.size");
	assert_string_equal(answer_text(&a, "received"), "10485761");
	answer_done(&a);
	body[LIMIT_DOCUMENT] = '\0';
	post(body, &a);
	assert_int_equal(a.status, 202);
	answer_done(&a);
	free(body);
}

static void preflight(const char *decision, size_t findings)
{
	struct answer a;

	post_as(&house.kenya, "/v1/preflight", "<p/>", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "decision"), decision);
	/* Where it would go is told of what is refused, too. */
	assert_int_equal(json_array_size(json_object_get(a.json, "route")), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(a.json, "route"), 0)),
		"traces");
	assert_int_equal(json_array_size(json_object_get(a.json, "findings")), findings);
	assert_non_null(json_object_get(a.json, "facts"));
	assert_non_null(json_object_get(a.json, "signatures"));
	/* Where it would go is told of what is refused, too. */
	assert_int_equal(json_array_size(json_object_get(a.json, "route")), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(a.json, "route"), 0)),
		"traces");
	answer_done(&a);
}

static void test_preflight_leaves_no_trace(void **state)
{
	(void)state;
	preflight("accepted", 0);
	verify.verdict.decision = DECISION_HELD;
	snprintf(verify.verdict.hold_reason, sizeof(verify.verdict.hold_reason), "%s",
		"x.y");
	verify.verdict.hold_until = 2000000000;
	preflight("held", 0);
	verify_refuses("{\"code\":\"limit.size\",\"severity\":\"error\"}");
	preflight("refused", 1);
	assert_int_equal(queue.commits, 0);
	assert_int_equal(signer.signatures, 0);
}

static void test_preflight_foresees(void **state)
{
	struct answer a;

	(void)state;
	post("<p/>", &a);
	answer_done(&a);
	post_as(&house.kenya, "/v1/preflight", "<p/>", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "decision"), "accepted");
	assert_true(json_is_true(json_object_get(a.json, "duplicate")));
	answer_done(&a);
	post_as(&house.kenya, "/v1/preflight", "<other/>", &a);
	assert_string_equal(answer_text(&a, "decision"), "refused");
	assert_non_null(strstr(a.body, "document.conflict"));
	answer_done(&a);
	assert_int_equal(queue.commits, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_accepted),
		ON_STAGE(test_duplicate_gets_the_original_receipt),
		ON_STAGE(test_conflict_names_the_first_to_its_owner_only),
		ON_STAGE(test_sandbox),
		ON_STAGE(test_sandbox_holds_nothing),
		ON_STAGE(test_refused_with_every_finding),
		ON_STAGE(test_one_finding_decides_the_status),
		ON_STAGE(test_held),
		ON_STAGE(test_no_route),
		ON_STAGE(test_content),
		ON_STAGE(test_large),
		ON_STAGE(test_preflight_leaves_no_trace),
		ON_STAGE(test_preflight_foresees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
