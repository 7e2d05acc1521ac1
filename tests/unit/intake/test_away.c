/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

#include <stdio.h>

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
	verify_refuses("");
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
	verify_refuses("{\"code\":\"limit.size\",\"severity\":\"error\"}");
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
	verify_refuses("{\"code\":\"limit.size\",\"severity\":\"error\"}");
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

/* A partner with too many held documents is told so, and no receipt is signed for it. */
static void test_too_many_held(void **state)
{
	struct answer a;

	(void)state;
	queue.held_full = true;
	verify_holds("trust.stale");
	expect_nothing_happened(503, "http.held-full");
	assert_int_equal(signer.signatures, 0);
	post_as(&house.kenya, "/v1/preflight", "<a/>", &a);
	expect_problem(&a, 503, "http.held-full");
	answer_done(&a);
	fake_verify_accepts(&verify, "KE-1");
	post("<a/>", &a);
	assert_int_equal(a.status, 202);
	answer_done(&a);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_undecided_never_accepts),
		ON_STAGE(test_verify_away),
		ON_STAGE(test_contradictions_are_undecided),
		ON_STAGE(test_no_receipt_no_commit),
		ON_STAGE(test_signer_restarted),
		ON_STAGE(test_queue_breaks_before_commit),
		ON_STAGE(test_queue_breaks_after_commit),
		ON_STAGE(test_refusal_is_recorded_once),
		ON_STAGE(test_queue_away),
		ON_STAGE(test_refused_but_not_recorded),
		ON_STAGE(test_other_policy),
		ON_STAGE(test_policy_changed_meanwhile),
		ON_STAGE(test_suspended_meanwhile),
		ON_STAGE(test_too_many_held),
		ON_STAGE(test_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
