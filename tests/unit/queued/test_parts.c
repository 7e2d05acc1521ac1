/* SPDX-License-Identifier: EUPL-1.2 */
/* What comes with a commit: its descriptors, and the receipt with the record behind it.
 */
#include "tests/unit/queued/fixture.h"

#include "queued/connection.h"
#include "queued/dispatch.h"

#include <sys/socket.h>

/* Descriptors that could change, are no memory, or are too long. */
static void descriptors_that_are_not_sealed(void **state)
{
	_cleanup_(queue_disconnectp) struct queue *q = house_connect(*state);
	struct queue_document first;
	struct parcel p;
	int unsealed = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int file = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int keep;

	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	assert_int_equal(ftruncate(unsealed, 1000), 0);
	keep = p.document;
	p.document = unsealed;
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_ILLEGAL);
	p.document = file;
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_ILLEGAL);
	p.document = -1;
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_ILLEGAL);
	p.document = p.report; /* other octets than the hash says */
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_ILLEGAL);
	p.document = keep;
	close(unsealed);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	parcel_done(&p);
	close(file);
}

static int commit_said(
	const struct house *h, const struct parcel *p, struct span both, size_t said)
{
	struct queue_commit_request body = {
		.submission = p->s, .parts = 7, .receipt_len = (uint32_t)said
	};
	_cleanup_(closep) int socket = ipc_connect(h->socket, 10000);
	_cleanup_(closep) int record = memfd_from("both", both);
	struct ipc_message m;
	int answer;

	assert_int_equal(ipc_call(socket, QUEUE_OP_COMMIT, &body, sizeof(body),
				 (const int[]){ p->document, p->report, record }, 3, &m),
		0);
	answer = (int)((const struct queue_reply *)m.body)->answer;
	ipc_message_done(&m);
	return answer;
}

/* The receipt and the record behind it, whatever is said of where it starts. */
static void receipt_and_record_in_one(void **state)
{
	static char both[LIMIT_RECEIPT + 1024];
	struct house *h = *state;
	size_t receipt = strlen("receipt"), record;
	struct parcel p;

	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	record = strlen(p.record);
	snprintf(both, sizeof(both), "receipt%s", p.record);
	assert_int_equal(
		commit_said(h, &p, span_of(both, receipt + record), receipt + record + 1),
		QUEUE_ILLEGAL);
	assert_int_equal(commit_said(h, &p, span_of(both, receipt + record), UINT32_MAX),
		QUEUE_ILLEGAL);
	assert_int_equal(commit_said(h, &p, span_of(both, receipt + record), 0),
		QUEUE_ILLEGAL); /* no receipt, and no record with it before it */
	assert_int_equal(
		commit_said(h, &p, span_of(both, receipt), receipt), QUEUE_ILLEGAL);
	assert_int_equal(commit_said(h, &p, span_of(p.record, record), 0), QUEUE_ILLEGAL);
	memset(both, 'x', LIMIT_RECEIPT + 1);
	memcpy(both + LIMIT_RECEIPT + 1, p.record, record);
	assert_int_equal(commit_said(h, &p, span_of(both, LIMIT_RECEIPT + 1 + record),
				 LIMIT_RECEIPT + 1),
		QUEUE_ILLEGAL);
	memcpy(both + LIMIT_RECEIPT, p.record, record);
	assert_int_equal(
		commit_said(h, &p, span_of(both, LIMIT_RECEIPT + record), LIMIT_RECEIPT),
		QUEUE_DONE);
	parcel_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			descriptors_that_are_not_sealed, house_setup, house_teardown),
		cmocka_unit_test_setup_teardown(
			receipt_and_record_in_one, house_setup, house_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
