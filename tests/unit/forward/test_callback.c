/* SPDX-License-Identifier: EUPL-1.2 */
/* A turn whose signature comes late, or when nobody is to call any more, is not the
 * partner's failure; who is slow is not asked twice. Nobody takes the partner's calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/ipc.h"
#include "common/memfd.h"
#include "forward/callback.h"
#include "pkcs11/client.h"
#include "queue/protocol.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define FEED "{\"acknowledged\":\"0\",\"more\":false,\"next\":\"7\",\"outcomes\":[{}]}"
#define LEASE_S 5    /* a call may begin in its first three seconds */
#define LATE_MS 3300 /* that a signature takes, and less than forward waits for it */
#define UNSIGNED_S                                                                       \
	5 /* to the next try without a signature; a failure's is 2 at first              \
	   */
#define CONNECTIONS 64
#define CALLERS 20
#define NEVER (-1)
#define WHEN_OVER (-2)

/* Queue and signer, as threads of the test. */
struct house {
	char dir[64];
	struct daemon daemon;
	struct partner partner;
	struct credentials credentials;
	struct trunk trunk;
	struct notary notary;
	atomic_bool over;
	atomic_uint heard;  /* of which callers, a bit each */
	atomic_int calls;   /* connections that came to the queue */
	int queue, signer;  /* listening */
	atomic_int sign_ms; /* that a signature takes, or NEVER, or WHEN_OVER */
	atomic_int asked;
	atomic_bool ended;
	sem_t ask, end;
	int64_t retry_in_s;
	bool turn_over; /* nothing is new any more */
	struct caller caller;
	pthread_t threads[2];
};

static void note_caller(struct house *h, const struct ipc_message *m)
{
	const struct queue_outcomes_request *q = ipc_body(m, sizeof(*q));
	unsigned n;

	if (m->header.type == QUEUE_OP_OUTCOMES && q &&
		sscanf(q->partner, "many-%u", &n) == 1 && n < CALLERS)
		atomic_fetch_or(&h->heard, 1u << n);
}

static void answer_queue(struct house *h, int socket, const struct ipc_message *m)
{
	struct queue_reply reply = { .answer = QUEUE_DONE };
	const struct queue_called_back_request *q = ipc_body(m, sizeof(*q));
	int fd = memfd_from("feed", span_str(FEED));

	note_caller(h, m);
	reply.claim.fence = 1;
	reply.claim.attempt = 1;
	if (h->turn_over) {
		reply.answer = QUEUE_EMPTY;
	} else if (m->header.type == QUEUE_OP_CALLED_BACK) {
		h->retry_in_s = q ? q->retry_at - clock_now() : -1;
		h->turn_over = true;
		sem_post(&h->end);
	}
	ipc_send(socket, m->header.type, m->header.id, &reply, sizeof(reply), &fd,
		!h->turn_over);
	close(fd);
}

static void answer_signer(struct house *h, int socket, const struct ipc_message *m)
{
	struct signer_result result = { .answer = SIGNER_SIGNED };
	int fd = memfd_from("jws", span_str("eyJ.eyJ.AA")), ms = atomic_load(&h->sign_ms);

	atomic_fetch_add(&h->asked, 1);
	sem_post(&h->ask);
	if (ms > 0)
		(void)poll(NULL, 0, ms);
	while (ms == WHEN_OVER && !atomic_load(&h->over))
		(void)poll(NULL, 0, 10);
	if (ms != NEVER)
		ipc_send(socket, SIGNER_RESULT, m->header.id, &result, sizeof(result),
			&fd, 1);
	close(fd);
}

/* Every connection at once, each question in its turn, until the end. */
static void serve_at(struct house *h, int listener,
	void (*answer)(struct house *, int, const struct ipc_message *))
{
	struct pollfd fds[1 + CONNECTIONS] = { { .fd = listener, .events = POLLIN } };
	nfds_t n = 1;

	while (!atomic_load(&h->ended)) {
		struct ipc_message m;

		(void)poll(fds, n, 50);
		if ((fds[0].revents & POLLIN) && n <= CONNECTIONS) {
			fds[n++] = (struct pollfd){ .fd = accept(listener, NULL, NULL),
				.events = POLLIN };
			atomic_fetch_add(&h->calls, listener == h->queue);
		}
		for (nfds_t i = 1; i < n; i++) {
			if (fds[i].fd < 0 || !(fds[i].revents & POLLIN))
				continue;
			if (ipc_receive(fds[i].fd, &m) > 0) {
				answer(h, fds[i].fd, &m);
				ipc_message_done(&m);
			} else {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
	}
	for (nfds_t i = 1; i < n; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
}

static void *serve_queue(void *arg)
{
	struct house *h = arg;

	serve_at(h, h->queue, answer_queue);
	return NULL;
}

static void *serve_signer(void *arg)
{
	struct house *h = arg;

	serve_at(h, h->signer, answer_signer);
	return NULL;
}

static int listen_as(const struct house *h, const char *name)
{
	char path[PATH_MAX];
	int fd;

	assert_int_equal(instance_socket(&h->daemon.instance, name, path), 0);
	fd = ipc_listen(path, 0600);
	assert_true(fd >= 0);
	return fd;
}

static int set_up(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	char path[128], *error = NULL;
	FILE *f;

	assert_non_null(h);
	snprintf(h->dir, sizeof(h->dir), "/tmp/test_forward_XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	snprintf(path, sizeof(path), "%s/run", h->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/sealgate.conf", h->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f,
		"instance = { name = \"unit\"; test = true; };\n"
		"forward = { lease_s = %d; };\n",
		LEASE_S);
	fclose(f);
	if (instance_open(h->dir, &h->daemon.instance, &error) < 0)
		fail_msg("%s", error);
	h->daemon.stop_fd = eventfd(0, EFD_CLOEXEC);
	snprintf(h->partner.name, sizeof(h->partner.name), "nz-mpi");
	snprintf(
		h->partner.callback, sizeof(h->partner.callback), "https://127.0.0.1:1/");
	h->queue = listen_as(h, "queued");
	h->signer = listen_as(h, "signer");
	sem_init(&h->ask, 0, 0);
	sem_init(&h->end, 0, 0);
	trunk_init(&h->trunk, &h->daemon.instance);
	notary_init(&h->notary, &h->daemon.instance);
	assert_int_equal(pthread_create(&h->threads[0], NULL, serve_queue, h), 0);
	assert_int_equal(pthread_create(&h->threads[1], NULL, serve_signer, h), 0);
	*state = h;
	return 0;
}

static int tear_down(void **state)
{
	struct house *h = *state;
	char command[128];

	atomic_store(&h->ended, true);
	for (size_t i = 0; i < 2; i++)
		pthread_join(h->threads[i], NULL);
	trunk_done(&h->trunk);
	notary_done(&h->notary);
	close(h->queue);
	close(h->signer);
	close(h->daemon.stop_fd);
	sem_destroy(&h->ask);
	sem_destroy(&h->end);
	instance_done(&h->daemon.instance);
	snprintf(command, sizeof(command), "rm -rf '%s'", h->dir);
	assert_int_equal(system(command), 0);
	free(h);
	return 0;
}

static void call(struct house *h, int sign_ms)
{
	atomic_store(&h->sign_ms, sign_ms);
	assert_int_equal(caller_start(&h->caller, &h->daemon, &h->partner,
				 &h->credentials, &h->trunk, &h->notary, &h->over),
		0);
	sem_wait(&h->ask);
}

static void call_ends(struct house *h)
{
	sem_wait(&h->end);
	atomic_store(&h->over, true);
	caller_join(&h->caller);
}

/* What a partner that is not there comes to: the others are held against it. */
static void the_partners_failure(void **state)
{
	struct house *h = *state;

	call(h, 0);
	call_ends(h);
	assert_in_range(h->retry_in_s, 0, 2);
}

static void a_signature_that_comes_too_late(void **state)
{
	struct house *h = *state;

	call(h, LATE_MS);
	call_ends(h);
	assert_in_range(h->retry_in_s, 3, UNSIGNED_S);
	assert_int_equal(h->caller.waits, 1);
}

static void a_signature_when_nobody_is_to_call(void **state)
{
	struct house *h = *state;

	call(h, WHEN_OVER);
	atomic_store(&h->over, true);
	call_ends(h);
	assert_in_range(h->retry_in_s, 3, UNSIGNED_S);
}

/* A question may be answered yet: each one more is a signature more. */
static void who_is_slow_is_asked_once(void **state)
{
	char why[NOTARY_REASON_SIZE];
	struct house *h = *state;
	char *jws = notary_sign(&h->notary, "nz-mpi", false, 7, span_str(FEED), why);

	assert_non_null(jws);
	free(jws);
	assert_int_equal(atomic_load(&h->asked), 1);
	atomic_store(&h->sign_ms, NEVER);
	assert_null(notary_sign(&h->notary, "nz-mpi", false, 8, span_str(FEED), why));
	assert_int_equal(atomic_load(&h->asked), 2);
	/* and is connected to anew */
	atomic_store(&h->sign_ms, 0);
	jws = notary_sign(&h->notary, "nz-mpi", false, 8, span_str(FEED), why);
	assert_non_null(jws);
	free(jws);
}

/* However many there are, they take no connections from the couriers. */
static void callers_share_a_connection(void **state)
{
	static struct partner partners[CALLERS];
	struct caller callers[CALLERS];
	struct house *h = *state;

	h->turn_over = true; /* nothing is new */
	for (unsigned i = 0; i < CALLERS; i++) {
		partners[i] = h->partner;
		snprintf(partners[i].name, sizeof(partners[i].name), "many-%u", i);
		assert_int_equal(
			caller_start(&callers[i], &h->daemon, &partners[i],
				&h->credentials, &h->trunk, &h->notary, &h->over),
			0);
	}
	for (int i = 0; i < 1000 && atomic_load(&h->heard) != (1u << CALLERS) - 1; i++)
		(void)poll(NULL, 0, 10);
	atomic_store(&h->over, true);
	for (unsigned i = 0; i < CALLERS; i++)
		caller_join(&callers[i]);
	assert_int_equal(atomic_load(&h->heard), (1u << CALLERS) - 1);
	assert_int_equal(atomic_load(&h->calls), 1);
}

/* A connection that breaks is made anew, for all of them. */
static void a_broken_connection_is_made_anew(void **state)
{
	struct house *h = *state;
	struct queue *q = trunk_take(&h->trunk);
	int fd = -1;

	h->turn_over = true;
	assert_non_null(q);
	assert_int_equal(queue_outcomes(q, "nz-mpi", -1, 1, &fd), QUEUE_EMPTY);
	trunk_give(&h->trunk, QUEUE_EMPTY);
	assert_ptr_equal(trunk_take(&h->trunk), q);
	trunk_give(&h->trunk, -ECONNRESET);
	q = trunk_take(&h->trunk);
	assert_non_null(q);
	assert_int_equal(queue_outcomes(q, "nz-mpi", -1, 1, &fd), QUEUE_EMPTY);
	trunk_give(&h->trunk, QUEUE_EMPTY);
	assert_int_equal(atomic_load(&h->calls), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_partners_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_signature_that_comes_too_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_signature_when_nobody_is_to_call, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_is_slow_is_asked_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			callers_share_a_connection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_broken_connection_is_made_anew, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
