/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/worker.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/memfd.h"
#include "queue/client.h"
#include "seal/inside.h"

#include <errno.h>

#define QUEUE_TIMEOUT_MS 30000
#define AGAIN_MS 500

/* A claim that one thread has, and what it is about. */
struct job {
	struct queue_claim claim;
	int document_fd, report_fd, receipt_fd, record_fd;
	struct inside_wants inside;
	int64_t deadline; /* monotonic ms: the lease's end */
};

struct loop {
	struct seal_worker *worker;
	struct seal_tools tools;
	struct queue *queue; /* NULL: not connected */
	bool told;	     /* that the queue is away */
};

static void drop_queue(struct loop *l, const char *why)
{
	if (l->queue)
		queue_disconnect(TAKE(l->queue));
	if (!l->told)
		log_event(LOG_WARNING, "seal.queue-away", NULL,
			"the queue: %s; asking again", why);
	l->told = true;
}

static bool have_queue(struct loop *l)
{
	const struct seal_house *house = l->worker->house;
	int r;

	if (l->queue)
		return true;
	r = queue_connect(house->queued_socket, QUEUE_TIMEOUT_MS, &l->queue);
	if (r == 0)
		return true;
	l->queue = NULL;
	drop_queue(l, strerror(-r));
	return false;
}

/* What was made of it while it was held. */
static int fetch_record(struct loop *l, struct job *j)
{
	struct queue_document document;

	return queue_get(l->queue, j->claim.document.id, NULL, QUEUE_RECORD, &document,
		&j->record_fd);
}

/* Return: true with a job. */
static bool claim(struct loop *l, struct job *j)
{
	const struct seal_house *house = l->worker->house;
	int r;

	*j = (struct job){
		.document_fd = -1, .report_fd = -1, .receipt_fd = -1, .record_fd = -1
	};
	j->deadline = clock_monotonic_ms() + (int64_t)house->lease_s * 1000;
	r = queue_claim_seal(l->queue, house->lease_s, &j->claim, &j->document_fd,
		&j->report_fd, &j->receipt_fd);
	if (r == QUEUE_DONE && j->claim.stamped)
		r = fetch_record(l, j);
	if (r == QUEUE_DONE && inside_wanted(house->profiles, l->queue,
				       j->claim.document.id, &j->inside) < 0)
		r = QUEUE_UNAVAILABLE;
	if (r == QUEUE_DONE || r == QUEUE_EMPTY) {
		l->told = false;
		return r == QUEUE_DONE;
	}
	drop_queue(l, r < 0 ? strerror(-r) : "it gives no work");
	daemon_wait(house->daemon, AGAIN_MS);
	return false;
}

static void job_done(struct job *j)
{
	closep(&j->document_fd);
	closep(&j->report_fd);
	closep(&j->receipt_fd);
	closep(&j->record_fd);
}

static int map_parts(const struct job *j, struct seal_input *input)
{
	int r = memfd_map(j->document_fd, LIMIT_DOCUMENT, &input->document);

	if (r == 0)
		r = memfd_map(j->report_fd, LIMIT_REPORT, &input->report);
	if (r == 0)
		r = memfd_map(j->receipt_fd, LIMIT_RECEIPT, &input->receipt);
	if (r == 0 && j->record_fd >= 0)
		r = memfd_map(j->record_fd, LIMIT_RECORD, &input->record);
	return r;
}

static void unmap_parts(struct seal_input *input)
{
	memfd_unmap(&input->document);
	memfd_unmap(&input->report);
	memfd_unmap(&input->receipt);
	memfd_unmap(&input->record);
}

static void attempt(struct loop *l, const struct job *j, struct attempt *ret)
{
	struct seal_input input = { .document_id = j->claim.document.id,
		.partner = j->claim.document.partner,
		.inside = j->inside,
		.received = j->claim.document.received,
		.attempt = j->claim.attempt };
	int r = map_parts(j, &input);

	if (r == 0) {
		attempt_run(&l->tools, &input, ret);
	} else {
		*ret = (struct attempt){
			.outcome = ATTEMPT_LATER, .code = "seal.parts", .container_fd = -1
		};
		(void)snprintf(ret->reason, sizeof(ret->reason),
			"the parts of the document cannot be read: %s", strerror(-r));
	}
	unmap_parts(&input);
}

/* Tell the queue within the lease, through restarts of queued; a result that was told
 * twice or too late changes nothing. retry_at is of a failure. Return: enum queue_answer,
 * negative when it was never told. */
static int tell(
	struct loop *l, const struct job *j, const struct attempt *a, int64_t retry_at)
{
	const struct seal_house *house = l->worker->house;
	int r = -ENOTCONN;

	do {
		if (have_queue(l)) {
			r = a->outcome == ATTEMPT_SEALED
				    ? queue_sealed(l->queue, &j->claim,
					      seal_level_text(a->level),
					      renewal_due(&house->renewal, a->level,
						      a->bare, clock_now(), 0),
					      a->container_fd)
				    : queue_seal_failed(
					      l->queue, &j->claim, retry_at, a->reason);
			if (r >= 0 && r != QUEUE_UNAVAILABLE)
				return r;
			if (r < 0)
				drop_queue(l, strerror(-r));
		}
		if (daemon_wait(house->daemon, AGAIN_MS))
			break;
	} while (clock_monotonic_ms() < j->deadline);
	return r;
}

/* Milliseconds until the next attempt of this document. */
static int delay_of(struct loop *l, const struct job *j, const struct attempt *a)
{
	switch (a->outcome) {
	case ATTEMPT_AWAY:
		return breaker_failed(l->worker->breaker, clock_monotonic_ms());
	case ATTEMPT_STOPPED:
		return 0;
	case ATTEMPT_UNDECIDED:
	case ATTEMPT_SEALED:
	case ATTEMPT_LATER:
	case ATTEMPT_FAULTY:
	default:
		breaker_skipped(l->worker->breaker);
		return backoff_seconds(j->claim.attempt) * 1000;
	}
}

static void failed(struct loop *l, const struct job *j, const struct attempt *a)
{
	const char *id = j->claim.document.id;
	int ms = delay_of(l, j, a);

	if (a->outcome == ATTEMPT_FAULTY) {
		log_event(LOG_CRIT, a->code, id,
			"%s. The document is in quarantine: it is not delivered until an "
			"operator has it sealed again (sealgate redrive)",
			a->reason);
		tell(l, j, a, 0);
		return;
	}
	log_event(a->outcome == ATTEMPT_STOPPED ? LOG_INFO : LOG_WARNING, a->code, id,
		"%s; attempt %u, next in %d s", a->reason, j->claim.attempt,
		(ms + 999) / 1000);
	tell(l, j, a, clock_now() + (ms + 999) / 1000);
}

static void sealed(struct loop *l, const struct job *j, const struct attempt *a)
{
	const char *id = j->claim.document.id;
	int r;

	if (breaker_worked(l->worker->breaker))
		log_event(LOG_NOTICE, "seal.resumed", NULL, "documents are sealed again");
	r = tell(l, j, a, 0);
	if (r == QUEUE_DONE)
		log_event(LOG_INFO, "seal.sealed", id, "sealed at attempt %u",
			j->claim.attempt);
	else
		log_event(LOG_NOTICE, "seal.late", id,
			"the container was not taken (%s): the document is sealed again "
			"unless it is already",
			r < 0 ? strerror(-r) : "the claim was lost");
}

/* Whoever has a document waits for a seat; few do, for the lease runs. */
static bool claim_seated(struct loop *l, struct job *j)
{
	struct seats *seats = &l->worker->house->seats;
	bool claimed = false;

	*j = (struct job){
		.document_fd = -1, .report_fd = -1, .receipt_fd = -1, .record_fd = -1
	};
	seats_take(&seats->claims);
	if (!daemon_wait(l->worker->house->daemon, 0))
		claimed = claim(l, j);
	if (claimed)
		seats_take(&seats->work);
	seats_give(&seats->claims);
	return claimed;
}

static void one(struct loop *l)
{
	struct attempt a;
	struct job j;

	if (!claim_seated(l, &j)) {
		breaker_skipped(l->worker->breaker);
		job_done(&j);
		return;
	}
	attempt(l, &j, &a);
	if (a.outcome == ATTEMPT_SEALED)
		sealed(l, &j, &a);
	else
		failed(l, &j, &a);
	seats_give(&l->worker->house->seats.work);
	if (a.container_fd >= 0)
		close(a.container_fd);
	job_done(&j);
}

void *worker_run(void *arg)
{
	struct loop l = { .worker = arg };

	l.tools.house = l.worker->house;
	while (breaker_wait(l.worker->breaker, l.worker->house->daemon)) {
		if (have_queue(&l)) {
			one(&l);
		} else {
			breaker_skipped(l.worker->breaker);
			daemon_wait(l.worker->house->daemon, AGAIN_MS);
		}
	}
	seal_tools_done(&l.tools);
	if (l.queue)
		queue_disconnect(l.queue);
	return NULL;
}
