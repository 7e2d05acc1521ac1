/* SPDX-License-Identifier: EUPL-1.2 */
/* How long intake waits for a program that need not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "stage.h"
#include "web/patience.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOW 1000
#define CLIENTS 8

static void few_at_once(void **state)
{
	struct patience p = { 0 };

	(void)state;
	for (unsigned i = 0; i < PATIENCE_AT_ONCE; i++)
		assert_true(patience_take(&p, NOW));
	assert_false(patience_take(&p, NOW));
	patience_give(&p, NOW, true);
	assert_true(patience_take(&p, NOW));
	assert_false(patience_take(&p, NOW));
}

static void a_rest_after_no_answer(void **state)
{
	struct patience p = { 0 };

	(void)state;
	assert_true(patience_take(&p, NOW));
	patience_give(&p, NOW, false);
	assert_false(patience_take(&p, NOW));
	assert_false(patience_take(&p, NOW + PATIENCE_REST_MS - 1));
	assert_true(patience_take(&p, NOW + PATIENCE_REST_MS));
	patience_give(&p, NOW + PATIENCE_REST_MS, true);
	assert_true(patience_take(&p, NOW + PATIENCE_REST_MS));
}

/* It takes connections and answers none. */
static int deaf_socket(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[PATH_MAX];

	assert_int_equal(instance_socket(&house.instance, "handshake", path), 0);
	assert_true(strlen(path) < sizeof(sa.sun_path));
	memcpy(sa.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 64), 0);
	return fd;
}

struct client {
	pthread_t thread;
	struct links links;
	struct answer answer;
	int64_t took_ms;
};

static void *be_refused(void *argument)
{
	struct visit v = {
		.who = &house.stranger, .method = "GET", .uri = "/v1/handshakes"
	};
	struct client *c = argument;
	int64_t began = clock_monotonic_ms();

	visit(&server, &c->links, &v, &c->answer);
	c->took_ms = clock_monotonic_ms() - began;
	return NULL;
}

static void who_does_not_answer_holds_few_threads(void **state)
{
	static struct client clients[CLIENTS];
	int deaf = deaf_socket();
	size_t slow = 0;

	(void)state;
	for (size_t i = 0; i < CLIENTS; i++)
		assert_int_equal(
			pthread_create(&clients[i].thread, NULL, be_refused, &clients[i]),
			0);
	for (size_t i = 0; i < CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		slow += clients[i].took_ms >= 450;
		expect_problem(&clients[i].answer, 403, "partner.unknown");
		answer_done(&clients[i].answer);
	}
	assert_true(slow >= 1 && slow <= PATIENCE_AT_ONCE);
	/* and for a while nobody asks it */
	(void)be_refused(&clients[0]);
	assert_true(clients[0].took_ms < 450);
	answer_done(&clients[0].answer);
	close(deaf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_at_once),
		cmocka_unit_test(a_rest_after_no_answer),
		ON_STAGE(who_does_not_answer_holds_few_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
