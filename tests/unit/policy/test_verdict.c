/* SPDX-License-Identifier: EUPL-1.2 */
/* What a verdict must be before it is believed, and the client that asks for one. */
#include "policy/verify_client.h"

#include "common/ipc.h"
#include "common/memfd.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_zero_is_undecided(void **state)
{
	struct verdict v = { 0 };

	(void)state;
	assert_false(verdict_ok(&v));
}

static void test_decisions(void **state)
{
	struct verdict v = { .judged_at = 100 };

	(void)state;
	for (uint32_t d = 0; d < 256; d++) {
		v.decision = d;
		assert_int_equal(
			verdict_ok(&v), d == DECISION_REFUSED || d == DECISION_ACCEPTED);
	}
	v.decision = DECISION_HELD;
	v.hold_until = 101;
	assert_false(verdict_ok(&v));
	memcpy(v.hold_reason, "x", 2);
	assert_true(verdict_ok(&v));
	v.hold_until = 100;
	assert_false(verdict_ok(&v));
}

static void test_accepted_has_no_errors(void **state)
{
	struct verdict v = { .decision = DECISION_ACCEPTED, .error_count = 1 };

	(void)state;
	assert_false(verdict_ok(&v));
}

static void test_arrays_end(void **state)
{
	static const struct {
		size_t offset, size;
	} ARRAYS[] = {
#define ARRAY(name)                                                                      \
	{ offsetof(struct verdict, name), sizeof(((struct verdict *)0)->name) }
		ARRAY(policy_digest),
		ARRAY(store_version),
		ARRAY(type),
		ARRAY(number),
		ARRAY(status),
		ARRAY(export_country),
		ARRAY(import_country),
		ARRAY(hold_reason),
		ARRAY(grace),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ARRAYS) / sizeof(ARRAYS[0]); i++) {
		struct verdict v = { .decision = DECISION_REFUSED };

		assert_true(verdict_ok(&v));
		memset((char *)&v + ARRAYS[i].offset, 'x', ARRAYS[i].size);
		assert_false(verdict_ok(&v));
	}
}

/* A server that answers one question as told. */
struct server {
	char path[64];
	int listener;
	pthread_t thread;
	uint16_t type;
	struct verdict verdict;
	size_t body_len;
	bool silent, no_report;
	struct verify_request seen;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->listener, NULL, NULL);
	int report = memfd_from("report", span_str("{}"));
	struct ipc_message m;

	assert_int_equal(ipc_receive(fd, &m), 1);
	assert_int_equal(m.header.fd_count, 1);
	s->seen = *(const struct verify_request *)ipc_body(&m, sizeof(s->seen));
	if (!s->silent)
		ipc_send(fd, s->type, m.header.id, &s->verdict, s->body_len, &report,
			s->type == VERIFY_ANSWER && !s->no_report);
	ipc_message_done(&m);
	close(report);
	close(fd);
	return NULL;
}

static int ask(struct server *s, struct verdict *ret_verdict)
{
	struct verify_request request = { .mode = VERIFY_DOCUMENT, .subject = "ke" };
	const uint8_t expect[SHA256_SIZE] = { 1, 2, 3 };
	int input = memfd_from("input", span_str("<a/>"));
	int report = -1, r;

	snprintf(s->path, sizeof(s->path), "/tmp/verify-%d.sock", (int)getpid());
	s->listener = ipc_listen(s->path, 0600);
	assert_true(s->listener >= 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	memset(ret_verdict, 0, sizeof(*ret_verdict));
	r = verify_ask(s->path, &request, input, expect, 10000, ret_verdict, &report);
	pthread_join(s->thread, NULL);
	assert_int_equal(r == 1, report >= 0);
	if (report >= 0)
		close(report);
	close(input);
	close(s->listener);
	unlink(s->path);
	return r;
}

static struct server server(void)
{
	return (struct server){ .type = VERIFY_ANSWER,
		.body_len = sizeof(struct verdict),
		.verdict = { .decision = DECISION_ACCEPTED, .sha256 = { 1, 2, 3 } } };
}

static void test_answer(void **state)
{
	struct server s = server();
	struct verdict v;

	(void)state;
	assert_int_equal(ask(&s, &v), 1);
	assert_int_equal(v.decision, DECISION_ACCEPTED);
	assert_memory_equal(s.seen.sha256, s.verdict.sha256, SHA256_SIZE);
}

static void test_busy(void **state)
{
	struct server s = server();
	struct verdict v;

	(void)state;
	s.type = VERIFY_BUSY;
	s.body_len = 0;
	assert_int_equal(ask(&s, &v), 0);
	assert_int_equal(v.decision, DECISION_UNDECIDED);
}

/* A verdict about other octets, or a torn one, is no verdict. */
static void test_not_about(void **state)
{
	struct server s = server();
	struct verdict v;

	(void)state;
	s.verdict.sha256[31] = 1;
	assert_int_equal(ask(&s, &v), -EBADMSG);
	assert_int_equal(v.decision, DECISION_UNDECIDED);
	s = server();
	s.verdict.decision = DECISION_UNDECIDED;
	assert_int_equal(ask(&s, &v), -EBADMSG);
}

static void test_wrong_shape(void **state)
{
	struct server s = server();
	struct verdict v;

	(void)state;
	s.body_len--;
	assert_int_equal(ask(&s, &v), -EPROTO);
	s = server();
	s.no_report = true;
	assert_int_equal(ask(&s, &v), -EPROTO);
	s = server();
	s.type = VERIFY_ASK;
	assert_int_equal(ask(&s, &v), -EPROTO);
}

static void test_closed(void **state)
{
	struct server s = server();
	struct verdict v;

	(void)state;
	s.silent = true;
	assert_int_equal(ask(&s, &v), -ECONNRESET);
}

static void test_nobody_listens(void **state)
{
	struct verify_request request = { .mode = VERIFY_DOCUMENT };
	const uint8_t expect[SHA256_SIZE] = { 0 };
	struct verdict v;
	int report = -1;

	(void)state;
	assert_int_equal(verify_ask("/nonexistent", &request, 0, expect, 10, &v, &report),
		-ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_zero_is_undecided),
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_accepted_has_no_errors),
		cmocka_unit_test(test_arrays_end), cmocka_unit_test(test_answer),
		cmocka_unit_test(test_busy), cmocka_unit_test(test_not_about),
		cmocka_unit_test(test_wrong_shape), cmocka_unit_test(test_closed),
		cmocka_unit_test(test_nobody_listens) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
