/* SPDX-License-Identifier: EUPL-1.2 */
/* A document's way through queued, asked over its socket. */
#include "tests/unit/queued/fixture.h"

#include <pthread.h>

static void commit_then_duplicate_then_conflict(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	struct queue_document first = { 0 };
	struct parcel p, other;

	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(queue_find(q, &p.s, &first), QUEUE_DONE);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	assert_int_equal(queue_find(q, &p.s, &first), QUEUE_DUPLICATE);
	assert_string_equal(first.id, p.s.id);
	/* the same octets under another id */
	parcel_init(&other, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(parcel_commit(q, &other, &first), QUEUE_DUPLICATE);
	assert_string_equal(first.id, p.s.id);
	parcel_done(&other);
	/* the same number with other octets */
	parcel_init(&other, "N1", DOCUMENT_ACCEPTED, 1001);
	assert_int_equal(queue_find(q, &other.s, &first), QUEUE_CONFLICT);
	assert_int_equal(parcel_commit(q, &other, &first), QUEUE_CONFLICT);
	assert_string_equal(first.id, p.s.id);
	/* another status of the same number is another document */
	snprintf(other.s.status, sizeof(other.s.status), "39");
	assert_int_equal(parcel_commit(q, &other, &first), QUEUE_DONE);
	parcel_done(&other);
	parcel_done(&p);
}

static void another_partners_octets_conflict(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	struct queue_document first = { 0 };
	struct parcel p;

	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	parcel_done(&p);
	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	snprintf(p.s.partner, sizeof(p.s.partner), "partner-b");
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_CONFLICT);
	assert_string_equal(first.partner, "partner-a");
	parcel_done(&p);
}

static void whole_way(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	struct span data;
	int container;

	house_accept(q, "N1", id);
	assert_delivery(q, id, "traces", "waiting");
	house_seal(q, &claim);
	assert_string_equal(claim.document.id, id);
	assert_int_equal(claim.attempt, 1);
	assert_delivery(q, id, "traces", "queued");
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &container), QUEUE_DONE);
	assert_string_equal(claim.document.id, id);
	assert_string_equal(claim.destination, "traces");
	assert_int_equal(claim.look_up, 0);
	assert_int_equal(memfd_map(container, 100, &data), 0);
	assert_true(span_equal(data, span_str("container")));
	memfd_unmap(&data);
	close(container);
	assert_delivery(q, id, "traces", "sending");
	assert_int_equal(
		queue_delivery_result(q, &claim, DELIVERY_DELIVERED, 0, "R-1", "ok"),
		QUEUE_DONE);
	assert_delivery(q, id, "traces", "delivered");
	assert_delivery(q, id, "customs-es", "queued");
}

struct waiter {
	struct house *house;
	struct queue_claim claim;
	int answer;
	int64_t waited_ms;
	int asks; /* at most so often */
};

static void *claim_until_done(void *arg)
{
	struct waiter *w = arg;
	struct queue *q = house_connect(w->house);
	int document = -1, report = -1, receipt = -1;
	int64_t start = clock_monotonic_ms();

	do
		w->answer =
			queue_claim_seal(q, 60, &w->claim, &document, &report, &receipt);
	while (w->answer == QUEUE_EMPTY && --w->asks > 0);
	w->waited_ms = clock_monotonic_ms() - start;
	closep(&document);
	closep(&report);
	closep(&receipt);
	queue_disconnect(q);
	return NULL;
}

/* Nothing to do: the answer comes after the wait, not before. */
static void claim_waits(void **state)
{
	struct waiter w = { .house = *state, .asks = 1 };

	house_ready(*state);
	claim_until_done(&w);
	assert_int_equal(w.answer, QUEUE_EMPTY);
	assert_true(w.waited_ms >= 900);
}

/* A short timeout of the connection bounds the wait. */
static void claim_waits_less_than_the_timeout(void **state)
{
	struct house *h = *state;
	struct queue_claim claim;
	struct queue *q;
	int fd;

	house_ready(h);
	assert_int_equal(queue_connect(h->socket, 2 * 300, &q), 0);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &fd), QUEUE_EMPTY);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &fd), QUEUE_EMPTY);
	queue_disconnect(q);
}

/* Many wait, as many documents come: each gets its own, none gets two. */
static void each_document_is_claimed_once(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	struct waiter w[6];
	pthread_t threads[6];
	char id[DOCUMENT_ID_SIZE], number[16];

	for (int i = 0; i < 6; i++) {
		w[i] = (struct waiter){ .house = *state, .asks = 30 };
		assert_int_equal(
			pthread_create(&threads[i], NULL, claim_until_done, &w[i]), 0);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(number, sizeof(number), "N%d", i);
		house_accept(q, number, id);
	}
	for (int i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(w[i].answer, QUEUE_DONE);
		for (int n = 0; n < i; n++)
			assert_string_not_equal(
				w[i].claim.document.id, w[n].claim.document.id);
	}
}

/* Who waits has the work with its commit, not at the next question. */
static void work_wakes_at_once(void **state)
{
	struct house *h = *state;
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(h);
	_cleanup_(closep) int waiting = ipc_connect(h->socket, 5000);
	struct queue_claim_request claim = { .lease_s = 60, .wait_ms = 10000 };
	const struct queue_reply *reply;
	char id[DOCUMENT_ID_SIZE];
	struct ipc_message m;

	assert_int_equal(
		ipc_send(waiting, QUEUE_OP_CLAIM_SEAL, 7, &claim, sizeof(claim), NULL, 0),
		0);
	/* after two questions of another the first has been read */
	house_ready(h);
	house_ready(h);
	house_accept(q, "N1", id);
	assert_int_equal(ipc_receive(waiting, &m), 1);
	reply = ipc_body(&m, sizeof(*reply));
	assert_non_null(reply);
	assert_int_equal(reply->answer, QUEUE_DONE);
	assert_string_equal(reply->claim.document.id, id);
	assert_int_equal(m.header.fd_count, 3);
	assert_int_equal(m.header.id, 7);
	ipc_message_done(&m);
}

/* What an operator lets go is found by whoever waits. */
static void release_wakes(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int container;

	house_accept(q, "N1", id);
	house_seal(q, &claim);
	assert_int_equal(queue_control(q, QUEUE_HOLD, id, "", "op", "why"), QUEUE_DONE);
	assert_int_equal(queue_claim_delivery(q, "traces", 60, 0, &claim, &container),
		QUEUE_EMPTY);
	assert_int_equal(
		queue_control(q, QUEUE_RELEASE, id, "traces", "op", "why"), QUEUE_DONE);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &container), QUEUE_DONE);
	close(container);
	assert_delivery(q, id, "customs-es", "held");
}

/* A deferred delivery comes back by itself when it is due: to who waits, not only to who
 * asks again. */
static void due_time_wakes(void **state)
{
	struct house *h = *state;
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(h);
	_cleanup_(closep) int waiting = ipc_connect(h->socket, 6 * QUEUE_WAIT_MAX_MS);
	struct queue_claim_request ask = { .lease_s = 60, .wait_ms = QUEUE_WAIT_MAX_MS };
	const struct queue_reply *reply;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	struct ipc_message m;
	int64_t due, began;
	int container;

	house_accept(q, "N1", id);
	house_seal(q, &claim);
	assert_int_equal(
		queue_claim_delivery(q, "traces", 60, 0, &claim, &container), QUEUE_DONE);
	close(container);
	due = clock_now() + 2;
	assert_int_equal(
		queue_delivery_result(q, &claim, DELIVERY_DEFERRED, due, "", "busy"),
		QUEUE_DONE);
	began = clock_monotonic_ms();
	snprintf(ask.destination, sizeof(ask.destination), "traces");
	assert_int_equal(
		ipc_send(waiting, QUEUE_OP_CLAIM_DELIVERY, 7, &ask, sizeof(ask), NULL, 0),
		0);
	assert_int_equal(ipc_receive(waiting, &m), 1);
	assert_true(clock_now() >= due);
	assert_true(clock_monotonic_ms() - began < QUEUE_WAIT_MAX_MS);
	reply = ipc_body(&m, sizeof(*reply));
	assert_non_null(reply);
	assert_int_equal(reply->answer, QUEUE_DONE);
	assert_int_equal(reply->claim.attempt, 2);
	ipc_message_done(&m);
}

static void lists_and_stats(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	_cleanup_json_ json_t *all = NULL, *some = NULL, *none = NULL, *stats = NULL;
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int fd;

	house_accept(q, "N1", a);
	house_accept(q, "N2", b);
	house_seal(q, &claim);
	assert_int_equal(queue_list(q, "", "", 10, &fd), QUEUE_DONE);
	all = json_of(fd);
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(json_string_of(json_array_get(all, 0), "id"), b);
	assert_int_equal(queue_list(q, "sealed", "partner-a", 10, &fd), QUEUE_DONE);
	some = json_of(fd);
	assert_int_equal(json_array_size(some), 1);
	assert_string_equal(json_string_of(json_array_get(some, 0), "id"), a);
	assert_int_equal(queue_list(q, "", "partner-b", 10, &fd), QUEUE_DONE);
	none = json_of(fd);
	assert_int_equal(json_array_size(none), 0);
	assert_int_equal(queue_stats(q, &fd), QUEUE_DONE);
	stats = json_of(fd);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(stats, "documents"), "sealed")),
		1);
	assert_true(json_integer_value(json_object_get(stats, "disk_free")) > 0);
}

/* Someone who asks and goes away, or never reads, is nobody else's trouble. */
static void rude_clients(void **state)
{
	struct house *h = *state;
	struct queue_claim_request claim = { .lease_s = 60, .wait_ms = 10000 };
	struct queue_stats_request stats = { 0 };
	struct queue *q;
	char id[DOCUMENT_ID_SIZE];
	struct queue_claim c;
	int fds[40];

	house_ready(h);
	for (int i = 0; i < 40; i++) {
		fds[i] = ipc_connect(h->socket, 100);
		assert_true(fds[i] >= 0);
	}
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ipc_send(fds[i], QUEUE_OP_CLAIM_SEAL, 1, &claim,
					 sizeof(claim), NULL, 0),
			0);
		close(fds[i]);
	}
	/* questions without end and no answer read: the connection is closed, sooner or
	 * later */
	for (int i = 20; i < 40; i++)
		for (int n = 0; n < 200; n++)
			if (ipc_send(fds[i], QUEUE_OP_STATS, 1, &stats, sizeof(stats),
				    NULL, 0) < 0)
				break;
	q = house_connect(h);
	house_accept(q, "N1", id);
	house_seal(q, &c);
	assert_string_equal(c.document.id, id);
	queue_disconnect(q);
	for (int i = 20; i < 40; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			commit_then_duplicate_then_conflict, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			another_partners_octets_conflict, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(whole_way, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(claim_waits, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			claim_waits_less_than_the_timeout, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			each_document_is_claimed_once, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			work_wakes_at_once, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			release_wakes, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			due_time_wakes, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			lists_and_stats, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			rude_clients, house_setup, house_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
