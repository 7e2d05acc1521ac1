/* SPDX-License-Identifier: EUPL-1.2 */
/* A document's way through queued, asked over its socket. */
#include "tests/unit/queued/fixture.h"

static int setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));

	house_init(h, "");
	house_start(h);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	house_done(*state);
	free(*state);
	return 0;
}

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
	assert_int_equal(queue_claim_delivery(q, "traces", 60, &claim, &container), QUEUE_DONE);
	assert_string_equal(claim.document.id, id);
	assert_string_equal(claim.destination, "traces");
	assert_int_equal(claim.look_up, 0);
	assert_int_equal(memfd_map(container, 100, &data), 0);
	assert_true(span_equal(data, span_str("container")));
	memfd_unmap(&data);
	close(container);
	assert_delivery(q, id, "traces", "sending");
	assert_int_equal(queue_delivery_result(q, &claim, DELIVERY_DELIVERED, 0, "R-1", "ok"),
		QUEUE_DONE);
	assert_delivery(q, id, "traces", "delivered");
	assert_delivery(q, id, "customs-es", "queued");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commit_then_duplicate_then_conflict, setup,
			teardown),
		cmocka_unit_test_setup_teardown(another_partners_octets_conflict, setup,
			teardown),
		cmocka_unit_test_setup_teardown(whole_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
