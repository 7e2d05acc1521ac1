/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/attempt.h"

#include "common/clock.h"
#include "common/clock_watch.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/memfd.h"
#include "evidence/container.h"
#include "evidence/inside.h"
#include "seal/batch.h"
#include "seal/inside.h"
#include "seal/validation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#define SIGNER_TIMEOUT_MS 10000
#define ROLE "seal"

/* An attempt under way. Every step returns true to go on, or false with its outcome said.
 */
struct run {
	struct seal_tools *tools;
	const struct seal_input *input;
	struct attempt *ret;
	struct container *container;
	struct buf record;	      /* the evidence record; empty: none */
	struct buf parallel, counter; /* the document with a seal in it; empty: none */
	uint8_t digest[64];
	size_t digest_len;
	uint8_t receipt_signer[SHA256_SIZE];
	int64_t now;
};

__attribute__((format(printf, 4, 5))) static bool end(struct run *r,
	enum attempt_outcome outcome, const char *code, const char *format, ...)
{
	va_list ap;

	if (daemon_wait(r->tools->house->daemon, 0)) {
		outcome = ATTEMPT_STOPPED;
		code = "seal.stopped";
	}
	r->ret->outcome = outcome;
	r->ret->code = code;
	va_start(ap, format);
	(void)vsnprintf(r->ret->reason, sizeof(r->ret->reason), format, ap);
	va_end(ap);
	return false;
}

static bool check_clock(struct run *r)
{
	struct seal_house *house = r->tools->house;
	char reason[ATTEMPT_REASON_SIZE];

	if (clock_watch_trusts(house->clock_watched, reason, sizeof(reason)) &&
		clock_guard_forward(&house->clock, r->now, r->input->received, reason,
			sizeof(reason)))
		return true;
	return end(r, ATTEMPT_AWAY, "seal.clock", "%s", reason);
}

/* Nothing is signed, and no time-stamp asked for, for what is known to wait. */
static bool check_receipt(struct run *r)
{
	struct seal_house *house = r->tools->house;

	/* What is none, validation says. */
	if (receipt_signer_of(r->input->receipt, r->receipt_signer) < 0 ||
		receipt_waits_ask(
			&house->receipts, r->receipt_signer, clock_monotonic_ms()))
		return true;
	return end(r, ATTEMPT_LATER, "seal.receipt-not-proven",
		"receipts by the same certificate cannot be proven yet");
}

static void drop_signer(struct seal_tools *t)
{
	if (t->signer)
		signer_disconnect(TAKE(t->signer));
}

static bool connect_signer(struct run *r)
{
	struct seal_tools *t = r->tools;
	int e;

	if (t->signer)
		return true;
	e = signer_connect(t->house->signer_socket, SIGNER_TIMEOUT_MS, &t->signer);
	if (e == 0)
		return true;
	t->signer = NULL;
	return end(r, ATTEMPT_AWAY, "seal.signer-away", "no connection to the signer: %s",
		strerror(-e));
}

/* The signer did not do what it was asked. */
static bool signer_failed(struct run *r, int answer, const struct signer_result *result)
{
	if (answer < 0) {
		drop_signer(r->tools);
		return end(r, ATTEMPT_AWAY, "seal.signer-away", "the signer: %s",
			strerror(-answer));
	}
	return end(r, ATTEMPT_AWAY,
		answer == SIGNER_REFUSED ? "seal.signer-refused" : "seal.signer-away",
		"the signer: %s", result->reason);
}

/* A connection that broke is made anew once: the signer may have been restarted. */
static bool broke(struct run *r, int answer, int tried)
{
	if (answer >= 0 || tried)
		return false;
	drop_signer(r->tools);
	return connect_signer(r);
}

static bool fetch_certificates(struct run *r)
{
	struct seal_tools *t = r->tools;
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result result = { 0 };
	int answer, tried = 0;
	size_t len = 0;

	do
		answer = signer_certificates(t->signer, ROLE, &der, &len, &result);
	while (broke(r, answer, tried++));
	if (answer != SIGNER_SIGNED)
		return r->ret->code ? false : signer_failed(r, answer, &result);
	certificates_done(&t->certificates);
	if (certificates_read(span_of(der, len), result.mechanism, &t->certificates) < 0)
		return end(r, ATTEMPT_AWAY, "seal.certificate",
			"the signer has no usable certificate for the role " ROLE);
	t->certificates.fetched = clock_monotonic_ms();
	return true;
}

static bool have_certificates(struct run *r)
{
	const struct certificates *c = &r->tools->certificates;

	if (!c->count || clock_monotonic_ms() - c->fetched > CERTIFICATES_FRESH_MS)
		if (!fetch_certificates(r))
			return false;
	if (!certificates_valid(c, r->now))
		return end(r, ATTEMPT_AWAY, "seal.certificate",
			"the certificate of the seal is not within its validity");
	return true;
}

/* Is the seal without a time-stamp of its own: by policy, or for want of one? */
static bool is_level_b(const struct run *r)
{
	return r->ret->bare ||
	       (r->record.len && r->tools->house->authorities.batch.level_b);
}

static bool prepare(struct run *r)
{
	const struct certificates *c = &r->tools->certificates;
	const struct seal_house *house = r->tools->house;
	_cleanup_(freep) char *reason = NULL;
	const X509 *chain[CERTIFICATES_MAX];
	int e;

	for (size_t i = 1; i < c->count; i++)
		chain[i - 1] = c->list[i];
	e = container_prepare(&(struct container_plan){ .document = r->input->document,
				      .report = r->input->report,
				      .receipt = r->input->receipt,
				      .record = buf_span(&r->record),
				      .parallel = buf_span(&r->parallel),
				      .counter = buf_span(&r->counter),
				      .level_b = is_level_b(r),
				      .document_id = r->input->document_id,
				      .instance = house->instance_name,
				      .test = house->test,
				      .signer = c->list[0],
				      .chain = chain,
				      .chain_count = c->count - 1,
				      .mechanism = c->mechanism,
				      .signing_time = r->now },
		&r->container, r->digest, &r->digest_len, &reason);
	if (e == 0)
		return true;
	return end(r, e == -E2BIG ? ATTEMPT_FAULTY : ATTEMPT_LATER, "seal.prepare",
		"the seal cannot be prepared: %s", reason ? reason : strerror(-e));
}

static bool sign(struct run *r)
{
	struct seal_tools *t = r->tools;
	struct signer_result result = { 0 };
	int answer, tried = 0, e;

	do
		answer = signer_sign(t->signer, ROLE, r->digest, r->digest_len,
			r->input->document_id, &result);
	while (broke(r, answer, tried++));
	if (answer != SIGNER_SIGNED)
		return r->ret->code ? false : signer_failed(r, answer, &result);
	e = container_set_value(r->container, span_of(result.value, result.value_len));
	if (e == 0)
		return true;
	certificates_done(&t->certificates); /* the key may have been replaced */
	return end(r, ATTEMPT_AWAY, "seal.value",
		"the signature value does not verify with the certificate of the seal: "
		"%s",
		strerror(-e));
}

/* The document is held, and how long that may go on before it is an alarm is said. */
static bool without_stamp(struct run *r, const char *reason)
{
	bool grace = r->tools->house->degraded.mode == DEGRADED_GRACE, first;
	int left = authorities_countdown(&r->tools->house->authorities, &first);

	if (grace && authorities_missing(&r->tools->house->authorities) <
			     r->tools->house->degraded.seconds)
		return end(r, ATTEMPT_LATER, "seal.tsa-away",
			"no time-stamp, sealed at level B next: %s", reason);
	if (first)
		log_event(LOG_CRIT, "seal.tsa-alarm", NULL,
			"no authority has given a time-stamp for %d s: accepted "
			"documents "
			"are held. The last said: %s",
			r->tools->house->authorities.alarm_s, reason);
	return end(r, ATTEMPT_AWAY, "seal.tsa-away",
		left >= 0 ? "no time-stamp, the document is held (alarm in %d s): %s"
			  : "no time-stamp, the document is held (%d s, alarm): %s",
		left, reason);
}

static bool no_stamp(struct run *r, enum stamp outcome, const char *reason)
{
	return outcome == STAMP_SKEWED ? end(r, ATTEMPT_AWAY, "seal.clock", "%s", reason)
				       : without_stamp(r, reason);
}

static bool has_room(const struct run *r)
{
	const struct seal_input *i = r->input;

	return container_fits(i->document.len + i->report.len + i->receipt.len +
			      r->record.len + r->parallel.len + i->document.len +
			      INSIDE_MAX);
}

static bool without_inside(const struct run *r, const char *reason)
{
	log_event(LOG_WARNING, "seal.inside-impossible", r->input->document_id,
		"no seal in the document, who wants it there gets none: %s", reason);
	return true;
}

/* A document that cannot have it is sealed all the same: only the destination that wants
 * it does not get it. */
static bool seal_in(struct run *r, bool wanted, enum xades_place place, struct buf *ret)
{
	const struct inside_wish wish = {
		.place = place, .input = r->input, .level_b = is_level_b(r), .now = r->now
	};
	char reason[ATTEMPT_REASON_SIZE] = "";

	if (!wanted)
		return true;
	if (!has_room(r))
		return without_inside(r, "the container would be too large with it");
	switch (inside_seal(r->tools, &wish, ret, reason, sizeof(reason))) {
	case INSIDE_MADE:
		return true;
	case INSIDE_IMPOSSIBLE:
		return without_inside(r, reason);
	case INSIDE_NO_STAMP:
		return no_stamp(r, STAMP_NONE, reason);
	case INSIDE_SKEWED:
		return no_stamp(r, STAMP_SKEWED, reason);
	case INSIDE_UNDECIDED:
	case INSIDE_LATER:
	default:
		drop_signer(r->tools);
		return end(r, ATTEMPT_LATER, "seal.inside-away",
			"no seal in the document yet: %s", reason);
	}
}

static bool inside(struct run *r)
{
	const struct inside_wants *wants = &r->input->inside;

	return seal_in(r, wants->parallel, XADES_PARALLEL, &r->parallel) &&
	       seal_in(r, wants->counter, XADES_COUNTER, &r->counter);
}

/* Policy may have documents sealed at level B while there are no time-stamps, for a
 * while; what was known to be away is then not asked: a thread of its own does that. */
static bool decide_level(struct run *r)
{
	struct seal_house *house = r->tools->house;
	int missing = authorities_missing(&house->authorities);

	r->ret->bare = house->degraded.mode == DEGRADED_GRACE && missing >= 0 &&
		       missing < house->degraded.seconds;
	if (r->ret->bare)
		log_event(LOG_WARNING, "seal.level-b", r->input->document_id,
			"no time-stamp for %d s: sealed at level B, as "
			"policies/degraded/tsa.cfg has it for %lld s; the time-stamp is "
			"added when there is one",
			missing, (long long)house->degraded.seconds);
	return true;
}

/* Does the record that was made while the document was held still prove its time? It
 * proves an earlier one than any that could be made now. */
static bool record_of_before(struct run *r)
{
	_cleanup_(pki_material_freep) struct pki_material *material = NULL;
	const struct seal_input *input = r->input;
	char reason[ATTEMPT_REASON_SIZE] = "no memory";
	struct record_result result = { 0 };
	bool proves;

	if (!input->record.len)
		return false;
	material = pki_material_new();
	proves = material &&
		 anchors_evidence(&r->tools->house->anchors, material, reason,
			 sizeof(reason)) == 0 &&
		 record_verify(input->record, input->document, material, r->now,
			 &result) == 0 &&
		 result.outcome == RECORD_PASSED &&
		 buf_add(&r->record, input->record.data, input->record.len) == 0;
	if (!proves)
		log_event(LOG_WARNING, "seal.held-record", input->document_id,
			"the time-stamp of the time when it was held proves nothing any "
			"more, there is a new one: %s",
			result.reason ? result.reason : reason);
	record_result_done(&result);
	return proves;
}

/* The received octets, together with those of other documents. */
static bool record(struct run *r)
{
	const struct seal_house *house = r->tools->house;
	char reason[ATTEMPT_REASON_SIZE] = "";
	enum stamp outcome;

	if (record_of_before(r))
		return true;
	if (!house->batches || !house->authorities.batch.documents || r->ret->bare)
		return true;
	outcome = batch_record(r->tools, r->input->document, &r->record,
		&r->ret->gen_time, reason, sizeof(reason));
	return outcome == STAMP_MADE || no_stamp(r, outcome, reason);
}

static bool stamp(struct run *r)
{
	char reason[ATTEMPT_REASON_SIZE] = "";
	_cleanup_(freep) uint8_t *token = NULL;
	_cleanup_buf_ struct buf octets;
	enum stamp outcome;
	size_t len = 0;
	int e;

	buf_init(&octets, LIMIT_CONTAINER);
	if (is_level_b(r))
		return true;
	e = container_timestamp_octets(r->container, &octets);
	if (e < 0)
		return end(r, ATTEMPT_LATER, "seal.prepare",
			"no octets to time-stamp: %s", strerror(-e));
	outcome = stamp_octets(r->tools, buf_span(&octets), &token, &len,
		&r->ret->gen_time, reason, sizeof(reason));
	if (outcome != STAMP_MADE)
		return no_stamp(r, outcome, reason);
	e = container_add_timestamp(r->container, span_of(token, len));
	return e == 0 || end(r, ATTEMPT_LATER, "seal.prepare",
				 "the time-stamp cannot be added: %s", strerror(-e));
}

static bool finish(struct run *r)
{
	_cleanup_buf_ struct buf octets;
	int e;

	buf_init(&octets, LIMIT_CONTAINER);
	e = container_finish(r->container, &octets);
	if (e == 0)
		e = r->ret->container_fd = memfd_from("container", buf_span(&octets));
	if (e < 0)
		return end(r, e == -E2BIG ? ATTEMPT_FAULTY : ATTEMPT_LATER, "seal.finish",
			"the container cannot be written: %s", strerror(-e));
	return true;
}

static bool validate(struct run *r)
{
	bool parses = r->parallel.len || r->counter.len;
	const struct validation_subject subject = { parses ? r->input->partner : "seal",
		r->input->document_id };
	char reason[ATTEMPT_REASON_SIZE] = "";

	switch (validate_container(r->tools->house, &subject, r->ret->container_fd,
		reason, sizeof(reason))) {
	case VALIDATION_PASSED:
		receipt_waits_worked(&r->tools->house->receipts, r->receipt_signer);
		if (*reason)
			log_event(LOG_WARNING, "seal.receipt-ended",
				r->input->document_id,
				"sealed; its receipt is not proven by itself any more: "
				"%s",
				reason);
		return true;
	case VALIDATION_FAILED:
		return end(r, ATTEMPT_FAULTY, "seal.not-valid",
			"the finished container is not valid: %s", reason);
	case VALIDATION_UNPROVEN:
		return end(r, ATTEMPT_AWAY, "seal.not-proven",
			"the finished container cannot be proven here: %s", reason);
	case VALIDATION_RECEIPT_UNPROVEN:
		/* Others may have receipts of another certificate. */
		receipt_waits_failed(&r->tools->house->receipts, r->receipt_signer,
			clock_monotonic_ms());
		return end(r, ATTEMPT_LATER, "seal.receipt-not-proven",
			"the receipt in the container cannot be proven yet: %s", reason);
	case VALIDATION_AWAY:
	default:
		/* Of a container that ends the verify process again and again, only this
		 * document shall suffer. */
		return end(r, r->input->attempt > 3 ? ATTEMPT_LATER : ATTEMPT_AWAY,
			"seal.verify-away", "the container could not be validated: %s",
			reason);
	}
}

void attempt_run(
	struct seal_tools *t, const struct seal_input *input, struct attempt *ret)
{
	struct run r = { .tools = t, .input = input, .ret = ret, .now = clock_now() };

	*ret = (struct attempt){ .container_fd = -1 };
	buf_init(&r.record, RECORD_SIZE_MAX);
	buf_init(&r.parallel, INSIDE_ORDER_MAX);
	buf_init(&r.counter, INSIDE_ORDER_MAX);
	if (check_clock(&r) && check_receipt(&r) && connect_signer(&r) &&
		have_certificates(&r) && decide_level(&r) && record(&r) && inside(&r) &&
		prepare(&r) && sign(&r) && stamp(&r) && finish(&r) && validate(&r)) {
		ret->outcome = ATTEMPT_SEALED;
		ret->level = is_level_b(&r) ? LEVEL_B : LEVEL_T;
		clock_guard_sealed(&t->house->clock, r.now);
	}
	container_free(r.container);
	buf_done(&r.record);
	buf_done(&r.parallel);
	buf_done(&r.counter);
	if (ret->outcome != ATTEMPT_SEALED && ret->container_fd >= 0)
		close(take_fd(&ret->container_fd));
}

void seal_tools_done(struct seal_tools *t)
{
	certificates_done(&t->certificates);
	certificates_done(&t->inside);
	drop_signer(t);
	for (size_t i = 0; i < AUTHORITIES_MAX; i++)
		tsa_free(t->tsa[i]);
	*t = (struct seal_tools){ .house = t->house };
}
