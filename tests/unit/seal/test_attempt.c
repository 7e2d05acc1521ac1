/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/attempt.h"
#include "xades/validate.h"

#include "common/clock.h"
#include "common/durable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
/* cmocka wants the above */
#include <cmocka.h>

#include <curl/curl.h>

#include "anchored.h"
#include "fakes.h"
#include "http.h"
#include "seal/renew.h"

static struct daemon DAEMON = { .name = "seal", .socket = -1, .stop_fd = -1 };
static struct sealed SEALED;
static struct fake SIGNER, VERIFY;
static struct http TSA;
static struct seal_house GATE;
static int64_t tsa_offset;
static const struct house *tsa_house = &HOUSE_OF_TESTS;

static void tsa_answer(struct http *h, int fd, struct span body)
{
	unsigned char *answer;
	size_t len;

	(void)h;
	len = house_answer(tsa_house, body, clock_now() + tsa_offset, &answer);
	http_reply(fd, "200 OK", "application/timestamp-reply", answer, len);
	OPENSSL_free(answer);
}

static int set_up(void **state)
{
	struct instance instance = { 0 };

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	assert_int_equal(xades_setup(), 0);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	house_open(&HOUSE_OF_TESTS, clock_now());
	sealed_plan(&SEALED, &HOUSE_OF_TESTS);
	make_folders();
	snprintf(instance.dir, sizeof(instance.dir), "%s", FOLDER);
	GATE = (struct seal_house){
		.daemon = &DAEMON, .instance_name = "unit", .test = true, .lease_s = 60
	};
	snprintf(GATE.signer_socket, PATH_MAX, "%s/signer", FOLDER);
	snprintf(GATE.verify_socket, PATH_MAX, "%s/verify", FOLDER);
	assert_int_equal(anchors_init(&GATE.anchors, &instance), 0);
	clock_guard_init(&GATE.clock);
	receipt_waits_init(&GATE.receipts);
	fake_open(&SIGNER, &HOUSE_OF_TESTS, GATE.signer_socket, fake_signer);
	fake_open(&VERIFY, &HOUSE_OF_TESTS, GATE.verify_socket, fake_verify);
	TSA.answer = tsa_answer;
	http_open(&TSA);
	authorities_only(&GATE.authorities, TSA.url);
	return 0;
}

static int tear_down(void **state)
{
	char command[256];

	(void)state;
	fake_close(&SIGNER);
	fake_close(&VERIFY);
	http_close(&TSA);
	anchors_done(&GATE.anchors);
	sealed_done(&SEALED);
	house_done(&HOUSE_OF_TESTS);
	curl_global_cleanup();
	snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

static struct inside_wants WANTED;

static struct attempt try_with(struct seal_tools *t, uint32_t number)
{
	struct seal_input input = { .document_id = SEALED_ID,
		.received = HOUSE_OF_TESTS.now,
		.partner = "nz",
		.inside = WANTED,
		.attempt = number,
		.document = SEALED.plan.document,
		.report = SEALED.plan.report,
		.receipt = SEALED.plan.receipt };
	struct attempt a;

	attempt_run(t, &input, &a);
	if (a.outcome != ATTEMPT_SEALED)
		assert_string_not_equal(a.reason, "");
	assert_int_equal(a.container_fd >= 0, a.outcome == ATTEMPT_SEALED);
	return a;
}

static struct attempt try_once(uint32_t number)
{
	struct seal_tools t = { .house = &GATE };
	struct attempt a = try_with(&t, number);

	seal_tools_done(&t);
	return a;
}

static void assert_sealed(struct attempt a)
{
	if (a.outcome != ATTEMPT_SEALED)
		fail_msg("%s: %s", a.code, a.reason);
	assert_true(a.gen_time >= HOUSE_OF_TESTS.now);
	close(a.container_fd);
}

static void assert_not(struct attempt a, enum attempt_outcome outcome, const char *code)
{
	assert_int_equal(a.outcome, outcome);
	assert_string_equal(a.code, code);
}

static void a_document_is_sealed(void **state)
{
	struct seal_tools t = { .house = &GATE };
	int questions = SIGNER.questions;

	(void)state;
	assert_sealed(try_with(&t, 1));
	assert_sealed(try_with(&t, 1));
	/* Certificates are kept: one question for them, one a seal. */
	assert_int_equal(SIGNER.questions - questions, 3);
	seal_tools_done(&t);
}

static void a_signer_may_be_away(void **state)
{
	(void)state;
	SIGNER.mode = FAKE_AWAY;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.signer-away");
	SIGNER.mode = FAKE_REFUSES;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.signer-refused");
	SIGNER.mode = FAKE_HANGS_UP;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.signer-away");
	SIGNER.mode = FAKE_NO_CERTIFICATE;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.certificate");
	SIGNER.mode = FAKE_WRONG_VALUE;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.value");
	SIGNER.mode = FAKE_GOOD;
	assert_sealed(try_once(2));
}

static void a_restarted_signer_costs_nothing(void **state)
{
	struct seal_tools t = { .house = &GATE };

	(void)state;
	SIGNER.mode = FAKE_HANGS_UP_ONCE;
	assert_sealed(try_with(&t, 1));
	SIGNER.mode = FAKE_HANGS_UP_ONCE;
	assert_sealed(try_with(&t, 1));
	seal_tools_done(&t);
}

static void without_a_signer_nothing_is_sealed(void **state)
{
	char path[PATH_MAX];

	(void)state;
	memcpy(path, GATE.signer_socket, sizeof(path));
	snprintf(GATE.signer_socket, PATH_MAX, "%s/none", FOLDER);
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.signer-away");
	memcpy(GATE.signer_socket, path, sizeof(path));
}

static void an_authority_must_be_known(void **state)
{
	struct house stranger;

	(void)state;
	house_open(&stranger, clock_now());
	tsa_house = &stranger;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.tsa-away");
	tsa_house = &HOUSE_OF_TESTS;
	house_done(&stranger);
	authorities_only(&GATE.authorities, "");
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.tsa-away");
	authorities_only(&GATE.authorities, TSA.url);
	assert_sealed(try_once(1));
}

/* Of an attempt without a time-stamp. */
static void assert_bare(struct attempt a)
{
	if (a.outcome != ATTEMPT_SEALED)
		fail_msg("%s: %s", a.code, a.reason);
	assert_int_equal(a.level, LEVEL_B);
	assert_true(a.bare);
}

/* One step of a container at level B, whose descriptor is taken. */
static void renew(int fd, struct renewal_step *ret)
{
	struct seal_tools t = { .house = &GATE };
	struct span container;

	assert_int_equal(memfd_map(fd, LIMIT_CONTAINER, &container), 0);
	renew_step(&t, container, LEVEL_B, clock_now(), ret);
	memfd_unmap(&container);
	close(fd);
	seal_tools_done(&t);
}

static void by_policy_at_level_b_for_a_while(void **state)
{
	struct house stranger;
	struct renewal_step step;
	struct attempt a;
	int asked;

	(void)state;
	house_open(&stranger, clock_now());
	tsa_house = &stranger;
	GATE.degraded = (struct degraded_rule){ DEGRADED_GRACE, 60 };
	GATE.renewal = (struct renewal_rule){ .to = LEVEL_T, .retry_s = 60 };
	authorities_only(&GATE.authorities, TSA.url);
	/* Nobody knows before it was asked; then it is left alone. */
	assert_not(try_once(1), ATTEMPT_LATER, "seal.tsa-away");
	asked = TSA.requests;
	a = try_once(2);
	assert_bare(a);
	assert_int_equal(TSA.requests, asked);
	renew(dup(a.container_fd), &step);
	assert_true(step.unstamped && !step.container.len && step.level == LEVEL_B);
	assert_true(step.due > clock_now());
	buf_done(&step.container);
	tsa_house = &HOUSE_OF_TESTS;
	renew(a.container_fd, &step);
	if (!step.container.len)
		fail_msg("%s", step.reason);
	assert_int_equal(step.level, LEVEL_T);
	assert_int_equal(step.due, 0);
	buf_done(&step.container);
	/* What was given to a container is given to the next document again. */
	assert_sealed(try_once(1));
	/* After its time the grace is over. */
	tsa_house = &stranger;
	authorities_only(&GATE.authorities, TSA.url);
	GATE.authorities.missing_since = clock_monotonic_ms() - 61000;
	assert_not(try_once(3), ATTEMPT_AWAY, "seal.tsa-away");
	tsa_house = &HOUSE_OF_TESTS;
	GATE.degraded = (struct degraded_rule){ 0 };
	authorities_only(&GATE.authorities, TSA.url);
	house_done(&stranger);
}

static void clocks_must_agree(void **state)
{
	(void)state;
	tsa_offset = 400;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.clock");
	tsa_offset = -400;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.clock");
	tsa_offset = 0;
	clock_guard_sealed(&GATE.clock, clock_now() + 1000);
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.clock");
	clock_guard_init(&GATE.clock);
	receipt_waits_init(&GATE.receipts);
	assert_sealed(try_once(1));
}

static void an_invalid_container_is_quarantined(void **state)
{
	(void)state;
	VERIFY.mode = FAKE_FAILED;
	assert_not(try_once(1), ATTEMPT_FAULTY, "seal.not-valid");
	VERIFY.mode = FAKE_UNPROVEN;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.not-proven");
	VERIFY.mode = FAKE_GOOD;
}

static void a_verify_process_may_be_away(void **state)
{
	(void)state;
	VERIFY.mode = FAKE_HANGS_UP;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.verify-away");
	assert_not(try_once(4), ATTEMPT_LATER, "seal.verify-away");
	VERIFY.mode = FAKE_OTHER_OCTETS;
	assert_not(try_once(1), ATTEMPT_AWAY, "seal.verify-away");
	VERIFY.mode = FAKE_BUSY_ONCE;
	assert_sealed(try_once(1));
}

static void a_receipt_of_another_document_is_seen(void **state)
{
	struct span receipt = SEALED.plan.receipt;
	char *other = sealed_receipt("<other/>", "accepted", true,
		HOUSE_OF_TESTS.receipt_key, HOUSE_OF_TESTS.receipt);

	(void)state;
	SEALED.plan.receipt = span_str(other);
	assert_not(try_once(1), ATTEMPT_FAULTY, "seal.not-valid");
	SEALED.plan.receipt = receipt;
	free(other);
}

/* It was acknowledged: it waits for what may come, and what does not come is no fault. */
static void the_certificate_of_its_receipt_has_no_future(void **state)
{
	struct house stranger, *h = &HOUSE_OF_TESTS;
	struct span receipt = SEALED.plan.receipt;
	X509 *ended = house_certificate_for(h->now - 3600, 0, h->receipt_key, "Receipts",
		h->ca, h->ca_key, "critical,digitalSignature", NULL);
	char *strange, *late;

	(void)state;
	house_open(&stranger, h->now);
	strange = sealed_receipt(SEALED_DOCUMENT, "accepted", true, stranger.receipt_key,
		stranger.receipt);
	late = sealed_receipt(SEALED_DOCUMENT, "accepted", true, h->receipt_key, ended);
	SEALED.plan.receipt = span_str(strange);
	/* Receipts by that certificate alone shall suffer; they are not tried each time.
	 */
	assert_not(try_once(1), ATTEMPT_LATER, "seal.receipt-not-proven");
	SIGNER.mode = FAKE_AWAY;
	assert_not(try_once(2), ATTEMPT_LATER, "seal.receipt-not-proven");
	SIGNER.mode = FAKE_GOOD;
	SEALED.plan.receipt = span_str(late);
	assert_sealed(try_once(1));
	SEALED.plan.receipt = receipt;
	house_done(&stranger);
	X509_free(ended);
	free(strange);
	free(late);
}

/* Two more copies of it would make no container: the document is sealed all the same, and
 * nobody is asked for a seal in it. */
static void a_large_document_is_sealed_without_what_has_no_room(void **state)
{
	const struct container_plan small = SEALED.plan;
	char *large = strdup(SEALED_DOCUMENT), *report, *receipt;
	size_t len = strlen(large), size = 8u * 1024 * 1024;

	(void)state;
	assert_true(container_fits(
		LIMIT_DOCUMENT + LIMIT_REPORT + LIMIT_RECEIPT + LIMIT_RECORD));
	large = realloc(large, size + 1);
	assert_non_null(large);
	memset(large + len, ' ', size - len);
	large[size] = '\0';
	report = sealed_report(large, "accepted", SEALED_POLICY);
	receipt = sealed_receipt(large, "accepted", true, HOUSE_OF_TESTS.receipt_key,
		HOUSE_OF_TESTS.receipt);
	SEALED.plan.document = span_str(large);
	SEALED.plan.report = span_str(report);
	SEALED.plan.receipt = span_str(receipt);
	WANTED = (struct inside_wants){ .parallel = true, .counter = true };
	assert_sealed(try_once(1));
	WANTED = (struct inside_wants){ 0 };
	SEALED.plan = small;
	free(receipt);
	free(report);
	free(large);
}

static void *seal_some(void *sealed)
{
	struct seal_tools t = { .house = &GATE };

	for (int i = 0; i < 5; i++) {
		struct attempt a = try_with(&t, 1);

		if (a.outcome == ATTEMPT_SEALED) {
			++*(int *)sealed;
			close(a.container_fd);
		}
	}
	seal_tools_done(&t);
	return NULL;
}

/* What the threads share - anchors, clock, libraries - bears it. */
static void threads_seal_side_by_side(void **state)
{
	pthread_t threads[4];
	int sealed[4] = { 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, seal_some, &sealed[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(sealed[i], 5);
	}
}

static void the_daemons_end_is_said(void **state)
{
	(void)state;
	SIGNER.mode = FAKE_AWAY;
	DAEMON.stop_fd = eventfd(1, EFD_CLOEXEC);
	assert_not(try_once(1), ATTEMPT_STOPPED, "seal.stopped");
	close(take_fd(&DAEMON.stop_fd));
	SIGNER.mode = FAKE_GOOD;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_sealed),
		cmocka_unit_test(a_signer_may_be_away),
		cmocka_unit_test(a_restarted_signer_costs_nothing),
		cmocka_unit_test(without_a_signer_nothing_is_sealed),
		cmocka_unit_test(an_authority_must_be_known),
		cmocka_unit_test(by_policy_at_level_b_for_a_while),
		cmocka_unit_test(clocks_must_agree),
		cmocka_unit_test(an_invalid_container_is_quarantined),
		cmocka_unit_test(a_verify_process_may_be_away),
		cmocka_unit_test(a_receipt_of_another_document_is_seen),
		cmocka_unit_test(the_certificate_of_its_receipt_has_no_future),
		cmocka_unit_test(a_large_document_is_sealed_without_what_has_no_room),
		cmocka_unit_test(threads_seal_side_by_side),
		cmocka_unit_test(the_daemons_end_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
