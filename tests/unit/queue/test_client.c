/* SPDX-License-Identifier: EUPL-1.2 */
/* The client against a queued that says anything: only a well-formed answer is believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/ipc.h"
#include "common/memfd.h"
#include "queue/client.h"
#include "queue/protocol.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* What the other side does with one question. */
struct script {
	int socket;
	uint16_t type;	    /* of the answer; 0: that of the question */
	uint64_t id_change; /* added to the id */
	size_t len;	    /* of the body */
	uint32_t answer;
	size_t fds;
	bool hang_up;
	pthread_t thread;
	struct queue *client;
};

static void *serve_one(void *arg)
{
	struct script *s = arg;
	_Alignas(8) uint8_t body[2048] = { 0 };
	struct ipc_message m;
	int fd = memfd_from("x", span_str("x")), fds[4] = { fd, fd, fd, fd };

	memcpy(body, &s->answer, sizeof(s->answer));
	if (ipc_receive(s->socket, &m) > 0) {
		if (!s->hang_up)
			ipc_send(s->socket, s->type ? s->type : m.header.type,
				m.header.id + s->id_change, body, s->len, fds, s->fds);
		ipc_message_done(&m);
	}
	close(fd);
	close(s->socket);
	return NULL;
}

static void start(struct script *s)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	s->socket = fds[1];
	assert_int_equal(queue_from_socket(fds[0], 0, &s->client), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve_one, s), 0);
}

static void stop(struct script *s)
{
	queue_disconnect(s->client);
	pthread_join(s->thread, NULL);
}

static int ask_stats(struct script *s)
{
	int fd = -1, r;

	start(s);
	r = queue_stats(s->client, &fd);
	if (r != QUEUE_DONE)
		assert_int_equal(fd, -1);
	closep(&fd);
	/* after anything that cannot be understood the connection is of no use */
	if (r < 0)
		assert_int_equal(queue_stats(s->client, &fd), -ENOTCONN);
	stop(s);
	return r;
}

#define REPLY sizeof(struct queue_reply)

static void good_answers(void **state)
{
	(void)state;
	assert_int_equal(ask_stats(&(struct script){
				 .len = REPLY, .answer = QUEUE_DONE, .fds = 1 }),
		QUEUE_DONE);
	assert_int_equal(
		ask_stats(&(struct script){ .len = REPLY, .answer = QUEUE_DENIED }),
		QUEUE_DENIED);
	assert_int_equal(
		ask_stats(&(struct script){ .len = REPLY, .answer = QUEUE_UNAVAILABLE }),
		QUEUE_UNAVAILABLE);
}

static void bad_answers_are_undecided(void **state)
{
	(void)state;
	assert_true(ask_stats(&(struct script){
			    .len = REPLY, .answer = QUEUE_UNDECIDED }) < 0);
	assert_true(ask_stats(&(struct script){ .len = REPLY, .answer = 99 }) < 0);
	assert_true(
		ask_stats(&(struct script){ .len = REPLY, .answer = QUEUE_DONE }) < 0);
	assert_true(ask_stats(&(struct script){
			    .len = REPLY, .answer = QUEUE_DONE, .fds = 2 }) < 0);
	assert_true(ask_stats(&(struct script){
			    .len = REPLY, .answer = QUEUE_DENIED, .fds = 1 }) < 0);
	assert_true(ask_stats(&(struct script){
			    .len = REPLY - 1, .answer = QUEUE_DONE, .fds = 1 }) < 0);
	assert_true(ask_stats(&(struct script){
			    .len = REPLY + 1, .answer = QUEUE_DONE, .fds = 1 }) < 0);
	assert_true(ask_stats(&(struct script){
			    .len = 0, .answer = QUEUE_DONE, .fds = 1 }) < 0);
	assert_true(ask_stats(&(struct script){ .len = REPLY,
			    .answer = QUEUE_DONE,
			    .fds = 1,
			    .type = QUEUE_OP_FIND }) < 0);
	assert_true(
		ask_stats(&(struct script){
			.len = REPLY, .answer = QUEUE_DONE, .fds = 1, .id_change = 1 }) <
		0);
	assert_int_equal(ask_stats(&(struct script){ .hang_up = true }), -ECONNRESET);
}

static void commit_is_undecided_when_the_answer_is_lost(void **state)
{
	struct script s = { .hang_up = true };
	struct queue_submission q = { 0 };
	struct queue_document first;

	(void)state;
	start(&s);
	assert_true(queue_commit(s.client, &q, -1, -1, (struct span){ 0 }, span_str("{}"),
			    &first) < 0);
	stop(&s);
}

static void texts_that_do_not_fit(void **state)
{
	struct script s = { .hang_up = true };
	char long_text[4096];
	struct queue_document d;
	int fd;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	start(&s);
	assert_int_equal(queue_get(s.client, long_text, NULL, QUEUE_META, &d, &fd),
		QUEUE_NOT_FOUND);
	assert_int_equal(queue_explain(s.client, long_text, &fd), QUEUE_NOT_FOUND);
	assert_int_equal(queue_list(s.client, "", long_text, 1, &fd), -E2BIG);
	assert_int_equal(
		queue_control(s.client, QUEUE_HOLD, "x", long_text, "a", "b"), -E2BIG);
	/* none of these broke the connection */
	assert_true(queue_stats(s.client, &fd) < 0);
	stop(&s);
}

/* A reason is cut, and not inside a character. */
static void reasons_are_cut(void **state)
{
	struct queue_claim claim = { 0 };
	char reason[QUEUE_TEXT_SIZE * 2];
	const struct queue_seal_failed_request *q;
	struct ipc_message m;
	struct queue *client;
	int fds[2];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(reason); i += 2)
		memcpy(reason + i, "\xC3\xA9", 2);
	reason[sizeof(reason) - 2] = '\0';
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(queue_from_socket(fds[0], 0, &client), 0);
	shutdown(fds[0], SHUT_RD); /* no answer will come */
	assert_true(queue_seal_failed(client, &claim, 0, reason) < 0);
	assert_int_equal(ipc_receive(fds[1], &m), 1);
	q = ipc_body(&m, sizeof(*q));
	assert_non_null(q);
	assert_int_equal(strlen(q->reason), QUEUE_TEXT_SIZE - 2);
	ipc_message_done(&m);
	queue_disconnect(client);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_answers),
		cmocka_unit_test(bad_answers_are_undecided),
		cmocka_unit_test(commit_is_undecided_when_the_answer_is_lost),
		cmocka_unit_test(texts_that_do_not_fit),
		cmocka_unit_test(reasons_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
