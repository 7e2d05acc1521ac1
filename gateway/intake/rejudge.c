/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/rejudge.h"

#include "common/clock.h"
#include "common/log.h"
#include "intake/judge.h"
#include "policy/verify_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>

/* Longer than one judgement may take, and the pause before the next try when there was
 * none. */
#define LEASE_S 60
#define PAUSE_MS 1000
/* Between two verdicts: a minute more each time, so that a long hold costs little. */
#define AGAIN_STEP_S 60
#define AGAIN_MAX_S 600

/* Copy text whose origin has bounds of its own that are no larger. */
#define PUT(array, text) snprintf((array), sizeof(array), "%s", (text))

static int undecided(const struct queue_document *d, const char *why)
{
	log_event(LOG_ERR, "intake.undecided", d->id,
		"partner %s: held document not judged again: %s", d->partner, why);
	return -EAGAIN;
}

/* The same octets have the same key: what differs is not about this document. */
static bool same_key(const struct queue_document *d, const struct verdict *v)
{
	return strcmp(d->type, v->type) == 0 && strcmp(d->number, v->number) == 0 &&
	       strcmp(d->status, v->status) == 0 &&
	       strcmp(d->country, v->export_country) == 0 &&
	       strcmp(d->import_country, v->import_country) == 0;
}

/* Return: NULL, or why the verdict says nothing. */
static const char *believe(
	const struct queue_document *d, const struct policy *policy, struct judgement *j)
{
	const struct partner *partner = policy_partner(policy, d->partner);
	const char *wrong;

	if (strcmp(j->verdict.policy_digest, policy_digest(policy)) != 0)
		return "verify judges under another policy";
	/* Held as a real document, it is judged as one or not at all. */
	if (partner && partner->sandbox)
		return "the partner has become a sandbox";
	wrong = judgement_read(j, partner);
	if (wrong || j->decision == DECISION_REFUSED)
		return wrong;
	if (!same_key(d, &j->verdict))
		return "another key than at first";
	return judgement_route(j, policy) < 0 ? "out of memory" : NULL;
}

static int ask(const struct rejudge *r, const struct queue_document *d, int document_fd,
	int64_t now, struct judgement *j)
{
	struct verify_request q = { .mode = VERIFY_DOCUMENT, .at = now };
	struct snapshot *snapshot;
	const char *wrong;
	int answered;

	PUT(q.subject, d->partner);
	PUT(q.document_id, d->id);
	answered = verify_ask(r->server->verify_socket, &q, document_fd, d->sha256,
		VERIFY_TIMEOUT_MS, &j->verdict, &j->report_fd);
	if (answered != 1)
		return answered < 0 ? undecided(d, strerror(-answered)) : -EAGAIN;
	snapshot = snapshots_hold(&r->server->snapshots, true);
	wrong = renewed_holds(&r->server->renewed, &j->verdict)
			? believe(d, snapshot->policy, j)
			: "verify judges by something newer";
	snapshot_drop(snapshot);
	return wrong ? undecided(d, wrong) : 0;
}

/* Held again keeps the end that the partner was told, and is refused when it is reached:
 * the report says for want of what. */
static void hold_again(const struct queue_claim *claim, const struct verdict *v,
	int64_t now, struct queue_judgement *ret)
{
	int64_t step = (int64_t)claim->attempt * AGAIN_STEP_S;
	int64_t until = claim->document.held_until;

	if (now >= until) {
		ret->state = DOCUMENT_REFUSED;
		return;
	}
	if (step > AGAIN_MAX_S)
		step = AGAIN_MAX_S;
	ret->state = DOCUMENT_HELD;
	ret->retry_at = now + step < until ? now + step : until;
	ret->held_until = until;
	PUT(ret->hold_reason, v->hold_reason);
}

static void state_of(const struct queue_claim *claim, const struct judgement *j,
	int64_t now, struct queue_judgement *ret)
{
	*ret = (struct queue_judgement){ 0 };
	PUT(ret->policy_digest, j->verdict.policy_digest);
	PUT(ret->store_version, j->verdict.store_version);
	if (j->decision == DECISION_ACCEPTED)
		ret->state = DOCUMENT_ACCEPTED;
	else if (j->decision == DECISION_HELD)
		hold_again(claim, &j->verdict, now, ret);
	else if (j->decision == DECISION_REFUSED)
		ret->state = DOCUMENT_REFUSED;
}

/* Say once that queued is away; what was asked may have happened. */
static int queue_away(struct rejudge *r, int answer)
{
	if (!r->away)
		log_event(LOG_ERR, "intake.queue-away", NULL, "held documents wait: %s",
			answer < 0		 ? strerror(-answer)
			: answer == QUEUE_DENIED ? "denied"
						 : "not possible now");
	r->away = true;
	if (answer < 0) {
		queue_disconnect(r->queue);
		r->queue = NULL;
	}
	return -EAGAIN;
}

static int tell(struct rejudge *r, const struct queue_claim *claim,
	const struct judgement *j, int64_t now)
{
	struct queue_judgement told;
	int answer;

	state_of(claim, j, now, &told);
	if (told.state == DOCUMENT_NONE)
		return undecided(&claim->document, "no decision");
	answer = queue_judged(
		r->queue, claim, &told, told.state == DOCUMENT_HELD ? -1 : j->report_fd);
	if (answer < 0 || answer == QUEUE_UNAVAILABLE)
		return queue_away(r, answer);
	if (answer != QUEUE_DONE)
		return undecided(&claim->document, "it is not ours to judge any more");
	log_event(LOG_INFO, "intake.judged", claim->document.id,
		"partner %s: held, judged again: %s", claim->document.partner,
		document_state_text((enum document_state)told.state));
	return 1;
}

int rejudge_next(struct rejudge *r)
{
	_cleanup_judgement_ struct judgement j = { .report_fd = -1 };
	_cleanup_(closep) int document_fd = -1;
	struct queue_claim claim = { .attempt = 0 };
	int64_t now;
	int answer = 0;

	if (!r->queue)
		answer = queue_connect(
			r->server->queued_socket, QUEUE_TIMEOUT_MS, &r->queue);
	if (answer == 0)
		answer = queue_claim_held(r->queue, LEASE_S, &claim, &document_fd);
	if (answer != QUEUE_DONE && answer != QUEUE_EMPTY)
		return queue_away(r, answer);
	r->away = false;
	if (answer == QUEUE_EMPTY)
		return 0;
	now = clock_now();
	answer = ask(r, &claim.document, document_fd, now, &j);
	return answer < 0 ? answer : tell(r, &claim, &j, now);
}

static bool stopped(const struct rejudge *r, int wait_ms)
{
	struct pollfd p = { .fd = r->stop, .events = POLLIN };

	return poll(&p, 1, wait_ms) > 0;
}

static void *run(void *arg)
{
	struct rejudge *r = arg;
	int wait_ms = 0;

	while (!stopped(r, wait_ms))
		wait_ms = rejudge_next(r) < 0 ? PAUSE_MS : 0;
	return NULL;
}

int rejudge_start(struct rejudge *r, struct server *server)
{
	int e;

	*r = (struct rejudge){ .server = server };
	r->stop = eventfd(0, EFD_CLOEXEC);
	if (r->stop < 0)
		return -errno;
	e = pthread_create(&r->thread, NULL, run, r);
	if (e != 0)
		close(r->stop);
	return -e;
}

void rejudge_stop(struct rejudge *r)
{
	if (eventfd_write(r->stop, 1) < 0)
		return; /* cannot be: the counter is far from full */
	pthread_join(r->thread, NULL);
	queue_disconnect(r->queue);
	r->queue = NULL;
	close(r->stop);
}
