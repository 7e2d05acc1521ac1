/* SPDX-License-Identifier: EUPL-1.2 */
/* A document of the health check's goes the way of a partner's, and leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stage.h"

#include <string.h>
#include <unistd.h>

static void ask(struct answer *ret)
{
	struct visit v = { .method = "POST", .uri = "/", .body = "<a/>", .probe = "1" };

	visit(&server, &thread_links, &v, ret);
}

static void expect_told(const char *code)
{
	struct answer a;

	ask(&a);
	expect_problem(&a, 503, code);
	answer_done(&a);
}

static void refuse_all(void)
{
	verify_refuses("{\"code\":\"signature.unknown\",\"severity\":\"error\"}");
}

static void test_refused_is_well(void **state)
{
	char sha256[SHA256_TEXT_SIZE];
	struct answer a;

	(void)state;
	refuse_all();
	ask(&a);
	assert_int_equal(a.status, 200);
	assert_int_equal(digest_sha256_text(span_str("<a/>"), sha256), 0);
	assert_string_equal(answer_text(&a, "sha256"), sha256);
	assert_string_equal(verify.subject, "self-test");
	assert_int_equal(queue.trials, 1);
	assert_int_equal(queue.commits + queue.counts + queue.judged, 0);
	assert_int_equal(queue.count, 0);
	assert_int_equal(signer.trials, 1);
	assert_int_equal(signer.signatures, 0);
	answer_done(&a);
}

static void test_what_is_wrong_is_told(void **state)
{
	(void)state;
	expect_told("http.undecided"); /* it is accepted */
	verify_holds("revocation");
	expect_told("http.undecided");
	refuse_all();
	verify.mood = VERIFY_IS_BUSY;
	expect_told("http.busy");
	verify.mood = VERIFY_OTHER_OCTETS;
	expect_told("http.verify-away");
	verify.mood = VERIFY_NORMAL;
	verify.policies = NULL;
	expect_told("http.policy-changing");
	fake_stop(&verify.daemon);
	expect_told("http.verify-away");
	/* nothing is signed or written for what is wrong before */
	assert_int_equal(queue.trials + signer.trials, 0);
	fake_verify_start(&verify, &house);
}

static void expect_why(const char *code, const char *why)
{
	struct answer a;

	ask(&a);
	expect_problem(&a, 503, code);
	assert_string_equal(answer_text(&a, "received"), why);
	answer_done(&a);
}

static void expect_queue(const char *why)
{
	expect_why("http.queue-away", why);
}

/* By intake's own connection: a signer that signs for others is no good. */
static void test_a_signer_that_signs_no_receipt(void **state)
{
	static const char AWAY[] = "http.signer-away";
	struct answer a;

	(void)state;
	refuse_all();
	signer.mood = SIGNER_IS_AWAY;
	expect_why(AWAY, "the token is away");
	signer.mood = SIGNER_NOT_FOR_US;
	expect_why(AWAY, "the role is not for this program");
	fake_stop(&signer.daemon);
	expect_why(AWAY, "the signer gives no answer");
	assert_int_equal(queue.trials, 0);
	fake_signer_start(&signer, &house);
	signer.mood = SIGNER_BREAKS; /* once: a new connection is as good */
	ask(&a);
	assert_int_equal(a.status, 200);
	answer_done(&a);
	assert_int_equal(signer.trials, 1);
	assert_int_equal(signer.signatures, 0);
}

/* What it cannot write for is told, and that a connection had broken is not. */
static void test_a_queue_that_does_not_commit(void **state)
{
	struct answer a;

	(void)state;
	refuse_all();
	queue.mood = QUEUE_CANNOT_WRITE;
	expect_queue("it does not say why");
	queue.why = QUEUE_WHY_DATABASE;
	expect_queue("its database fails");
	queue.why = QUEUE_WHY_ROOM;
	expect_queue("there is no room on its disk");
	queue.why = QUEUE_WHY_CLOCK;
	expect_queue("the clock is behind its last record");
	queue.why = QUEUE_WHY_OWED;
	expect_queue("it has still to record that its database may be an older one");
	queue.mood = QUEUE_BREAKS_ALWAYS;
	expect_queue("it gives no answer");
	queue.mood = QUEUE_BREAKS_BEFORE_COMMIT;
	ask(&a);
	assert_int_equal(a.status, 200);
	answer_done(&a);
	assert_int_equal(queue.count + queue.commits, 0);
}

static void test_where_all_are_busy(void **state)
{
	struct visit v = { .method = "POST", .uri = "/", .body = "<a/>", .probe = "1" };
	struct answer a;

	(void)state;
	visit(&server, NULL, &v, &a);
	expect_problem(&a, 503, "http.busy");
	answer_done(&a);
}

/* Whoever is not the health check has no question of its. */
static void test_who_asks(void **state)
{
	struct visit v = { .method = "POST", .uri = "/", .body = "<a/>", .probe = "1" };
	struct visit partner = {
		.who = &house.kenya, .method = "GET", .uri = "/v1/status"
	};
	struct answer a;

	(void)state;
	refuse_all();
	house.instance.separate = true;
	for (size_t i = 0; i < INSTANCE_PROGRAMS; i++)
		house.instance.uids[i] = geteuid() + 1;
	visit(&server, &thread_links, &v, &a);
	assert_int_equal(a.len, 0);
	answer_done(&a);
	visit(&server, &thread_links, &partner, &a);
	assert_int_equal(a.len, 0);
	answer_done(&a);
	house.instance.separate = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(test_refused_is_well),
		ON_STAGE(test_what_is_wrong_is_told),
		ON_STAGE(test_a_signer_that_signs_no_receipt),
		ON_STAGE(test_a_queue_that_does_not_commit),
		ON_STAGE(test_where_all_are_busy),
		ON_STAGE(test_who_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
