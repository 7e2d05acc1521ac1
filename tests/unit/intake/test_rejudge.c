/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "intake/rejudge.h"
#include "stage.h"

#include <stdio.h>

#define ERROR_FINDING "{\"code\":\"sig.path\",\"severity\":\"error\"}"

/* A document that verify held when it came. */
static struct queue_document *hold_one(void)
{
	struct answer a;

	verify_holds("sig.path");
	post("<a/>", &a);
	assert_int_equal(a.status, 202);
	assert_string_equal(answer_text(&a, "state"), "held");
	answer_done(&a);
	assert_int_equal(queue.count, 1);
	return &queue.documents[0].document;
}

static int judge_again(void)
{
	struct rejudge r = { .server = &server };
	int told;

	queue.documents[0].leased = false;
	told = rejudge_next(&r);
	queue_disconnect(r.queue);
	return told;
}

static void test_accepted(void **state)
{
	const struct queue_document *d = hold_one();
	unsigned int receipts = signer.signatures;

	(void)state;
	fake_verify_accepts(&verify, "KE-1");
	assert_int_equal(judge_again(), 1);
	assert_int_equal(d->state, DOCUMENT_ACCEPTED);
	assert_true(queue.judged_report);
	assert_int_equal(strlen(queue.judgement.policy_digest), 64);
	assert_string_equal(verify.subject, "ke-kephis");
	assert_int_equal(signer.signatures, receipts); /* the first receipt stays */
	assert_int_equal(judge_again(), 0);
}

static void test_refused(void **state)
{
	const struct queue_document *d = hold_one();

	(void)state;
	verify_refuses(ERROR_FINDING);
	assert_int_equal(judge_again(), 1);
	assert_int_equal(d->state, DOCUMENT_REFUSED);
	assert_true(queue.judged_report);
}

static void test_held_again(void **state)
{
	struct queue_document *d = hold_one();

	(void)state;
	d->held_until = clock_now() + 3600;
	assert_int_equal(judge_again(), 1);
	assert_int_equal(d->state, DOCUMENT_HELD);
	assert_false(queue.judged_report);
	assert_string_equal(queue.judgement.hold_reason, "sig.path");
	/* verify would hold longer: the end that the partner was told stays */
	assert_int_equal(queue.judgement.held_until, d->held_until);
	assert_in_range(queue.judgement.retry_at, d->held_until - 3600, d->held_until);
}

static void test_time_is_over(void **state)
{
	struct queue_document *d = hold_one();

	(void)state;
	d->held_until = clock_now();
	assert_int_equal(judge_again(), 1);
	assert_int_equal(d->state, DOCUMENT_REFUSED);
	assert_true(queue.judged_report);
}

static void expect_nothing_told(void)
{
	assert_true(judge_again() < 0);
	assert_int_equal(queue.judged, 0);
	assert_int_equal(queue.documents[0].document.state, DOCUMENT_HELD);
}

static void test_undecided(void **state)
{
	(void)state;
	hold_one();
	fake_verify_accepts(&verify, "KE-1");
	for (int mood = VERIFY_IS_BUSY; mood <= VERIFY_BREAKS; mood++) {
		verify.mood = (enum verify_mood)mood;
		expect_nothing_told();
	}
	verify.mood = VERIFY_NORMAL;
	verify.verdict.error_count = 1;
	expect_nothing_told();
	verify_refuses(""); /* refused without a reason */
	expect_nothing_told();
	fake_verify_accepts(&verify, "KE-2"); /* not this document */
	expect_nothing_told();
	fake_stop(&verify.daemon);
	expect_nothing_told();
	fake_verify_start(&verify, &house);
}

static void test_other_policy(void **state)
{
	const char *policies = verify.policies;

	(void)state;
	hold_one();
	fake_verify_accepts(&verify, "KE-1");
	verify.policies = NULL;
	expect_nothing_told();
	verify.policies = policies;
	assert_int_equal(judge_again(), 1);
}

static void test_partner_may_not_send_any_more(void **state)
{
	(void)state;
	hold_one();
	fake_verify_accepts(&verify, "KE-1");
	house_enrol_kenya(&house, "IMPORT");
	expect_nothing_told();
}

/* Held as a real document: what test anchors make of it counts for nothing. */
static void test_partner_has_become_a_sandbox(void **state)
{
	const struct queue_document *d = hold_one();

	(void)state;
	house_policy(&house, "partners/ke-kephis.cfg",
		"name = \"ke-kephis\"; country = \"KE\"; transport = ( \"%s\" );"
		" signers = ( ); types = ( \"PHYTO\" ); sandbox = true;",
		house.kenya.sha256);
	fake_verify_accepts(&verify, "KE-1");
	expect_nothing_told();
	assert_int_equal(d->state, DOCUMENT_HELD);
}

static void test_queue_away(void **state)
{
	(void)state;
	hold_one();
	fake_verify_accepts(&verify, "KE-1");
	queue.mood = QUEUE_BREAKS_ALWAYS;
	expect_nothing_told();
	queue.mood = QUEUE_CANNOT_WRITE;
	expect_nothing_told();
	queue.mood = QUEUE_NORMAL;
	assert_int_equal(judge_again(), 1);
}

static void test_thread(void **state)
{
	struct rejudge r;

	(void)state;
	hold_one();
	fake_verify_accepts(&verify, "KE-1");
	assert_int_equal(rejudge_start(&r, &server), 0);
	pthread_mutex_lock(&queue.lock);
	while (queue.judged == 0)
		pthread_cond_wait(&queue.told, &queue.lock);
	pthread_mutex_unlock(&queue.lock);
	rejudge_stop(&r);
	assert_int_equal(queue.documents[0].document.state, DOCUMENT_ACCEPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_accepted),
		ON_STAGE(test_refused),
		ON_STAGE(test_held_again),
		ON_STAGE(test_time_is_over),
		ON_STAGE(test_undecided),
		ON_STAGE(test_other_policy),
		ON_STAGE(test_partner_may_not_send_any_more),
		ON_STAGE(test_partner_has_become_a_sandbox),
		ON_STAGE(test_queue_away),
		ON_STAGE(test_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
