/* SPDX-License-Identifier: EUPL-1.2 */
/* Many partners at once while policy changes and daemons break: what `make tsan-intake`
 * runs under ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/id.h"
#include "intake/pool.h"
#include "visit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define WORKERS 4
#define CLIENTS 8
#define BODIES 12
#define BOUND_MS                                                                         \
	120000 /* for one client; a few seconds are enough on an idle machine            \
		*/

static struct house house;
static struct fake_verify verify;
static struct fake_queue queue;
static struct fake_signer signer;
static struct server server;
static struct pool pool, away;
static char policies[128];
static atomic_uint visits;

static void *begin(void *arg)
{
	const struct server *s = arg;
	struct links *l = malloc(sizeof(*l));

	links_init(l, s->queued_socket, s->signer_socket);
	return l;
}

static void serve(void *arg, void *kept, int socket)
{
	server_serve(arg, kept, socket);
}

static void end(void *arg, void *kept)
{
	(void)arg;
	links_done(kept);
	free(kept);
}

/* One visit through the pools, as main.c hands connections over. */
static void go(const struct visit *v, struct answer *ret)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	if (!pool_give(&pool, pair[1]) && !pool_give(&away, pair[1]))
		close(pair[1]);
	visit_over(pair[0], v, ret);
	close(pair[0]);
}

struct client {
	pthread_t thread;
	int number;
	int64_t until_ms;
	char ids[BODIES][DOCUMENT_ID_SIZE];
	unsigned int firsts, duplicates, busy, other;
};

/* What goes wrong meanwhile: at every few visits something else. */
static void make_trouble(unsigned int visit)
{
	if (visit % 25 == 0) {
		house_policy(&house, "partners/note.txt", "version %u", visit);
		snapshot_drop(snapshots_hold(&server.snapshots, true));
	}
	if (visit % 7 == 0) {
		pthread_mutex_lock(&queue.lock);
		queue.mood = visit % 2 ? QUEUE_BREAKS_AFTER_COMMIT
				       : QUEUE_BREAKS_BEFORE_COMMIT;
		pthread_mutex_unlock(&queue.lock);
	}
	if (visit % 11 == 0) {
		pthread_mutex_lock(&signer.lock);
		signer.mood = SIGNER_BREAKS;
		pthread_mutex_unlock(&signer.lock);
	}
}

/* Send until it is acknowledged, as a partner would. */
static void submit(struct client *c, int body_number)
{
	char body[64];
	struct visit v = { .who = &house.kenya,
		.method = "POST",
		.uri = "/v1/documents",
		.body = body };

	snprintf(body, sizeof(body), "<d n='%d'/>", c->number / 2 * BODIES + body_number);
	while (!*c->ids[body_number] && clock_monotonic_ms() < c->until_ms) {
		struct answer a;

		make_trouble(atomic_fetch_add(&visits, 1));
		go(&v, &a);
		c->firsts += a.status == 202;
		c->duplicates += a.status == 200;
		c->busy += a.status == 503;
		c->other += a.status != 202 && a.status != 200 && a.status != 503;
		if (a.status == 202 || a.status == 200)
			snprintf(c->ids[body_number], DOCUMENT_ID_SIZE, "%s",
				answer_text(&a, "id"));
		answer_done(&a);
	}
}

static void *be_client(void *arg)
{
	struct client *c = arg;

	c->until_ms = clock_monotonic_ms() + BOUND_MS;
	for (int i = 0; i < BODIES; i++)
		submit(c, i);
	return NULL;
}

static bool stored(const char *id)
{
	for (size_t i = 0; i < queue.count; i++)
		if (strcmp(queue.documents[i].document.id, id) == 0)
			return true;
	return false;
}

static void start(void)
{
	const struct pool_work work = { begin, serve, end, &server, NULL, -1 };
	const struct pool_work turn_away = { NULL, serve, NULL, &server, NULL, -1 };
	char *error = NULL;

	house_build(&house);
	fake_verify_start(&verify, &house);
	snprintf(policies, sizeof(policies), "%s/policies", house.dir);
	pthread_mutex_lock(&verify.lock);
	verify.policies = policies;
	verify.number_by_content = true;
	pthread_mutex_unlock(&verify.lock);
	fake_queue_start(&queue, &house);
	fake_signer_start(&signer, &house);
	assert_int_equal(server_init(&server, &house.instance, &error), 0);
	assert_int_equal(pool_start(&pool, WORKERS, WORKERS, &work), 0);
	assert_int_equal(pool_start(&away, 1, 64, &turn_away), 0);
}

static void stop(void)
{
	pool_stop(&pool);
	pool_stop(&away);
	server_done(&server);
	fake_stop(&verify.daemon);
	fake_stop(&signer.daemon);
}

/* Two clients each send the same bodies: every body is accepted exactly once, everybody
 * gets the id of that one acceptance, and nothing was acknowledged that is not stored. */
static void test_every_document_once(void **state)
{
	static struct client clients[CLIENTS];
	unsigned int firsts = 0;

	(void)state;
	start();
	for (int i = 0; i < CLIENTS; i++) {
		clients[i].number = i;
		assert_int_equal(
			pthread_create(&clients[i].thread, NULL, be_client, &clients[i]),
			0);
	}
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
	stop();
	for (int i = 0; i < CLIENTS; i++) {
		firsts += clients[i].firsts;
		assert_int_equal(clients[i].other, 0);
		for (int b = 0; b < BODIES; b++) {
			assert_true(id_valid(clients[i].ids[b]));
			assert_true(stored(clients[i].ids[b]));
			assert_string_equal(clients[i].ids[b], clients[i ^ 1].ids[b]);
		}
	}
	/* 202 may be lost to a 503, never be said twice. */
	assert_true(firsts <= CLIENTS / 2 * BODIES);
	assert_int_equal(queue.count, CLIENTS / 2 * BODIES);
	fake_queue_stop(&queue);
	house_tear_down(&house);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_document_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
