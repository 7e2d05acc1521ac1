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
#include "intake/problem.h"
#include "queue/audit.h"
#include "visit.h"

#include <stdio.h>

static struct house house;
static struct fake_verify verify;
static struct fake_queue queue;
static struct fake_signer signer;
static struct server server;
static struct links links_;
static char policies[128];

static int set_up(void **state)
{
	char *error = NULL;

	(void)state;
	house_build(&house);
	fake_verify_start(&verify, &house);
	snprintf(policies, sizeof(policies), "%s/policies", house.dir);
	verify.policies = policies;
	fake_queue_start(&queue, &house);
	fake_signer_start(&signer, &house);
	assert_int_equal(server_init(&server, &house.instance, &error), 0);
	links_init(&links_, server.queued_socket, server.signer_socket);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	links_done(&links_);
	server_done(&server);
	fake_stop(&verify.daemon);
	fake_queue_stop(&queue);
	fake_stop(&signer.daemon);
	house_tear_down(&house);
	return 0;
}

static void post_as(
	const struct person *who, const char *uri, const char *body, struct answer *ret)
{
	struct visit v = { .who = who, .method = "POST", .uri = uri, .body = body };

	visit(&server, &links_, &v, ret);
}

static void post(const char *body, struct answer *ret)
{
	post_as(&house.kenya, "/v1/documents", body, ret);
}

static void expect_problem(const struct answer *a, int status, const char *code)
{
	assert_int_equal(a->status, status);
	assert_string_equal(answer_header(a, "Content-Type"), "application/problem+json");
	assert_string_equal(answer_text(a, "code"), code);
	assert_int_equal(json_integer_value(json_object_get(a->json, "status")), status);
	assert_string_equal(
		answer_text(a, "correlation"), "0123456789abcdef0123456789abcdef");
	assert_non_null(json_object_get(a->json, "received"));
	assert_true(*answer_text(a, "fix"));
	assert_non_null(json_object_get(a->json, "clause"));
	if (status == 503)
		assert_non_null(answer_header(a, "Retry-After"));
}

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

static void refuse_with(const char *findings)
{
	fake_verify_accepts(&verify, "KE-1");
	verify.verdict.decision = DECISION_REFUSED;
	verify.verdict.error_count = 1;
	snprintf(verify.report, sizeof(verify.report), "{\"findings\":[%s]}", findings);
}

static void test_refused_with_every_finding(void **state)
{
	struct answer a;

	(void)state;
	refuse_with("{\"code\":\"limit.resource\",\"severity\":\"warning\"},"
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
	refuse_with("{\"code\":\"limit.size\",\"severity\":\"error\"}");
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

static void expect_nothing_happened(int status, const char *code)
{
	struct answer a;

	post("<a/>", &a);
	expect_problem(&a, status, code);
	assert_int_equal(queue.count, 0);
	answer_done(&a);
}

static void test_undecided_never_accepts(void **state)
{
	(void)state;
	verify.mood = VERIFY_ZEROED;
	expect_nothing_happened(503, "http.undecided");
	verify.mood = VERIFY_OTHER_OCTETS;
	expect_nothing_happened(503, "http.undecided");
	verify.mood = VERIFY_BREAKS;
	expect_nothing_happened(503, "http.undecided");
	verify.mood = VERIFY_IS_BUSY;
	expect_nothing_happened(503, "http.busy");
	assert_int_equal(signer.signatures, 0);
}

static void test_verify_away(void **state)
{
	(void)state;
	fake_stop(&verify.daemon);
	expect_nothing_happened(503, "http.verify-away");
	fake_verify_start(&verify, &house);
}

static void test_contradictions_are_undecided(void **state)
{
	(void)state;
	verify.verdict.error_count = 1;
	expect_nothing_happened(503, "http.undecided");
	fake_verify_accepts(&verify, "KE-1");
	memcpy(verify.verdict.export_country, "CL", 3);
	expect_nothing_happened(503, "http.undecided");
	fake_verify_accepts(&verify, "KE-1");
	snprintf(verify.verdict.type, sizeof(verify.verdict.type), "IMPORT");
	expect_nothing_happened(503, "http.undecided");
	fake_verify_accepts(&verify, "");
	expect_nothing_happened(503, "http.undecided");
	fake_verify_accepts(&verify, "KE-1");
	snprintf(verify.report, sizeof(verify.report), "{\"findings\":3}");
	expect_nothing_happened(503, "http.undecided");
	snprintf(verify.report, sizeof(verify.report),
		"{\"findings\":[{\"severity\":\"error\",\"code\":\"limit.size\"}]}");
	expect_nothing_happened(503, "http.undecided");
	refuse_with("");
	expect_nothing_happened(503, "http.undecided");
	assert_string_equal(verify.subject, "ke-kephis");
}

static void test_no_receipt_no_commit(void **state)
{
	(void)state;
	signer.mood = SIGNER_IS_AWAY;
	expect_nothing_happened(503, "http.signer-away");
	signer.mood = SIGNER_OTHER_KEY;
	expect_nothing_happened(503, "http.signer-away");
	fake_stop(&signer.daemon);
	expect_nothing_happened(503, "http.signer-away");
	assert_int_equal(queue.commits, 0);
	fake_signer_start(&signer, &house);
}

static void expect_one_accepted(const char *body, size_t count)
{
	struct answer a;

	post(body, &a);
	assert_int_equal(a.status, 202);
	assert_int_equal(queue.count, count);
	assert_string_equal(
		answer_text(&a, "id"), queue.documents[count - 1].document.id);
	answer_done(&a);
}

static void test_signer_restarted(void **state)
{
	(void)state;
	expect_one_accepted("<a/>", 1);
	fake_stop(&signer.daemon);
	fake_signer_start(&signer, &house);
	fake_verify_accepts(&verify, "KE-2");
	expect_one_accepted("<b/>", 2);
	signer.mood = SIGNER_BREAKS;
	fake_verify_accepts(&verify, "KE-3");
	expect_one_accepted("<c/>", 3);
}

static void test_queue_breaks_before_commit(void **state)
{
	(void)state;
	queue.mood = QUEUE_BREAKS_BEFORE_COMMIT;
	expect_one_accepted("<a/>", 1);
	assert_int_equal(queue.commits, 2);
}

static void test_queue_breaks_after_commit(void **state)
{
	(void)state;
	queue.mood = QUEUE_BREAKS_AFTER_COMMIT;
	expect_one_accepted("<a/>", 1);
	assert_int_equal(queue.commits, 1);
}

static void test_refusal_is_recorded_once(void **state)
{
	struct answer a;

	(void)state;
	queue.mood = QUEUE_BREAKS_AFTER_COMMIT;
	refuse_with("{\"code\":\"limit.size\",\"severity\":\"error\"}");
	post("<a/>", &a);
	expect_problem(&a, 413, "limit.size");
	assert_int_equal(queue.count, 1);
	answer_done(&a);
}

static void test_queue_away(void **state)
{
	(void)state;
	queue.mood = QUEUE_CANNOT_WRITE;
	expect_nothing_happened(503, "http.queue-away");
	queue.mood = QUEUE_BREAKS_ALWAYS;
	expect_nothing_happened(503, "http.queue-away");
	fake_queue_stop(&queue);
	expect_nothing_happened(503, "http.queue-away");
	fake_queue_start(&queue, &house);
	expect_one_accepted("<a/>", 1);
}

static void test_refused_but_not_recorded(void **state)
{
	(void)state;
	queue.mood = QUEUE_CANNOT_WRITE;
	refuse_with("{\"code\":\"limit.size\",\"severity\":\"error\"}");
	expect_nothing_happened(503, "http.queue-away");
}

static void test_other_policy(void **state)
{
	(void)state;
	verify.policies = NULL;
	expect_nothing_happened(503, "http.policy-changing");
	assert_int_equal(verify.asked, 2);
}

static void test_policy_changed_meanwhile(void **state)
{
	(void)state;
	/* verify reads the new files first, before intake's second has passed */
	house_policy(&house, "partners/note.txt", "changed");
	expect_one_accepted("<a/>", 1);
	assert_int_equal(verify.asked, 2);
}

static void test_suspended_meanwhile(void **state)
{
	(void)state;
	house_policy(&house, "partners/ke-kephis.cfg",
		"name = \"ke-kephis\"; country = \"KE\"; transport = ( \"%s\" ); signers "
		"= ( );"
		" types = ( \"PHYTO\" ); suspended = true;",
		house.kenya.sha256);
	expect_nothing_happened(403, "partner.suspended");
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
		visit(&server, &links_, &v, &a);
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
	assert_int_equal(json_array_size(json_object_get(a.json, "findings")), findings);
	assert_non_null(json_object_get(a.json, "facts"));
	assert_non_null(json_object_get(a.json, "signatures"));
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
	refuse_with("{\"code\":\"limit.size\",\"severity\":\"error\"}");
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

static void test_busy(void **state)
{
	struct visit v = { .who = &house.kenya,
		.method = "POST",
		.uri = "/v1/documents",
		.body = "<a/>" };
	struct answer a;

	(void)state;
	visit(&server, NULL, &v, &a);
	expect_problem(&a, 503, "http.busy");
	assert_int_equal(verify.asked, 0);
	answer_done(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_accepted),
		TEST(test_duplicate_gets_the_original_receipt),
		TEST(test_conflict_names_the_first_to_its_owner_only),
		TEST(test_refused_with_every_finding),
		TEST(test_one_finding_decides_the_status),
		TEST(test_held),
		TEST(test_undecided_never_accepts),
		TEST(test_verify_away),
		TEST(test_contradictions_are_undecided),
		TEST(test_no_receipt_no_commit),
		TEST(test_signer_restarted),
		TEST(test_queue_breaks_before_commit),
		TEST(test_queue_breaks_after_commit),
		TEST(test_refusal_is_recorded_once),
		TEST(test_queue_away),
		TEST(test_refused_but_not_recorded),
		TEST(test_other_policy),
		TEST(test_policy_changed_meanwhile),
		TEST(test_suspended_meanwhile),
		TEST(test_no_route),
		TEST(test_content),
		TEST(test_large),
		TEST(test_preflight_leaves_no_trace),
		TEST(test_preflight_foresees),
		TEST(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
