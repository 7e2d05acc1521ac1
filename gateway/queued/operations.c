/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/operations.h"

#include "common/clock.h"
#include "common/memfd.h"
#include "queue/head_stamp.h"
#include "queued/head_seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct queue_document *document_of(const struct call *c)
{
	return &c->answer->reply.claim.document;
}

int run_find(const struct call *c)
{
	const struct queue_find_request *q = c->body;
	int r = engine_find(c->engine, &q->submission, document_of(c));

	return r == QUEUE_DONE ? engine_closed(c->engine, c->now, document_of(c)) : r;
}

/* The descriptors in the order of the bits of parts. Return: 0 or -errno. */
static int read_parts(
	const struct ipc_message *m, uint32_t parts, struct span ret_parts[3])
{
	static const size_t most[] = { LIMIT_DOCUMENT, LIMIT_REPORT,
		LIMIT_RECEIPT + QUEUE_RECORD_MAX };
	size_t used = 0;

	for (unsigned i = 0; i < 3; i++) {
		int r;

		if (!(parts & (1u << i)))
			continue;
		if (used == m->header.fd_count)
			return -EPROTO;
		r = memfd_read(m->fds[used++], most[i], &ret_parts[i]);
		if (r < 0)
			return r;
	}
	return parts < 8 && used == m->header.fd_count ? 0 : -EPROTO;
}

/* Tell the receipt from the record behind it. Return: 0 or -EPROTO. */
static int split(struct span both, size_t receipt_len, struct engine_parts *p)
{
	if (receipt_len > both.len || receipt_len > LIMIT_RECEIPT ||
		both.len - receipt_len > QUEUE_RECORD_MAX)
		return -EPROTO;
	if (receipt_len)
		p->receipt = span_of(both.data, receipt_len);
	p->record = span_of(both.data + receipt_len, both.len - receipt_len);
	return 0;
}

int run_commit(const struct call *c)
{
	const struct queue_commit_request *q = c->body;
	struct span parts[3] = { 0 };
	struct engine_parts p;
	int r = read_parts(c->message, q->parts, parts);

	p = (struct engine_parts){ .document = parts[0], .report = parts[1] };
	if (r == 0 && parts[2].data)
		r = split(parts[2], q->receipt_len, &p);
	if (r == 0)
		r = engine_insert(c->engine, &q->submission, &p, document_of(c));
	for (size_t i = 0; i < 3; i++)
		memfd_release(&parts[i]);
	return r;
}

int run_get(const struct call *c)
{
	const struct queue_get_request *q = c->body;

	/* The health check asks for what cannot be there, and for nothing else. */
	if (strcmp(c->asker->peer, "health") == 0 && strspn(q->id, "0") != strlen(q->id))
		return QUEUE_ILLEGAL;
	/* Who judges documents anew has the octets as they came, and nothing that was
	 * made of them. */
	if (strcmp(c->asker->peer, "replay") == 0 && q->part != QUEUE_DOCUMENT)
		return QUEUE_ILLEGAL;
	return engine_get(c->engine, q->id, q->partner, (enum queue_part)q->part,
		document_of(c), &c->answer->fds[0]);
}

static bool lease_ok(const struct queue_claim_request *q)
{
	return q->lease_s > 0 && q->lease_s <= QUEUE_LEASE_MAX_S;
}

int run_claim_seal(const struct call *c)
{
	const struct queue_claim_request *q = c->body;

	if (!lease_ok(q))
		return QUEUE_ILLEGAL;
	return engine_claim_seal(c->engine, c->now, (int)q->lease_s,
		&c->answer->reply.claim, c->answer->fds, &c->answer->due);
}

int run_claim_held(const struct call *c)
{
	const struct queue_claim_request *q = c->body;

	if (!lease_ok(q))
		return QUEUE_ILLEGAL;
	return engine_claim_held(c->engine, c->now, (int)q->lease_s,
		&c->answer->reply.claim, &c->answer->fds[0], &c->answer->due);
}

int run_held_due(const struct call *c)
{
	return engine_held_due(c->engine, c->now);
}

int run_judged(const struct call *c)
{
	const struct queue_judged_request *q = c->body;
	struct span report = { 0 };
	int r = c->message->header.fd_count
			? memfd_read(c->message->fds[0], LIMIT_REPORT, &report)
			: 0;

	if (r == 0)
		r = engine_judged(
			c->engine, c->now, q->id, q->fence, &q->judgement, report);
	memfd_release(&report);
	return r;
}

int run_claim_delivery(const struct call *c)
{
	const struct queue_claim_request *q = c->body;

	if (!lease_ok(q) || !q->destination[0] || q->form > QUEUE_FORM_MAX)
		return QUEUE_ILLEGAL;
	return engine_claim_delivery(c->engine, c->now, q->destination, (int)q->lease_s,
		q->form, &c->answer->reply.claim, &c->answer->fds[0], &c->answer->due);
}

int run_sealed(const struct call *c)
{
	const struct queue_sealed_request *q = c->body;
	struct span container = { 0 };
	int r = memfd_read(c->message->fds[0], LIMIT_CONTAINER, &container);

	if (r == 0)
		r = engine_sealed(c->engine, c->now, q->id, q->fence, container);
	memfd_release(&container);
	return r == QUEUE_DONE && q->level[0]
		       ? engine_renew_at(c->engine, q->id, q->level, q->renew_at)
		       : r;
}

int run_claim_renewal(const struct call *c)
{
	const struct queue_claim_request *q = c->body;

	if (!lease_ok(q))
		return QUEUE_ILLEGAL;
	return engine_claim_renewal(c->engine, c->now, (int)q->lease_s,
		&c->answer->reply.claim, &c->answer->fds[0], &c->answer->due);
}

int run_renewed(const struct call *c)
{
	struct span container = { 0 };
	int r = c->message->header.fd_count
			? memfd_read(c->message->fds[0], LIMIT_CONTAINER, &container)
			: 0;

	if (r == 0)
		r = engine_renewed(c->engine, c->now, c->body, container);
	memfd_release(&container);
	return r;
}

int run_claim_stamp(const struct call *c)
{
	const struct queue_claim_request *q = c->body;

	if (!lease_ok(q))
		return QUEUE_ILLEGAL;
	return engine_claim_stamp(c->engine, c->now, (int)q->lease_s,
		&c->answer->reply.claim, &c->answer->fds[0], &c->answer->due);
}

int run_stamped(const struct call *c)
{
	struct span record = { 0 };
	int r = c->message->header.fd_count
			? memfd_read(c->message->fds[0], LIMIT_RECORD, &record)
			: 0;

	if (r == 0)
		r = engine_stamped(c->engine, c->now, c->body, record);
	memfd_release(&record);
	return r;
}

int run_head(const struct call *c)
{
	int64_t position = 0;
	int r = c->heads ? head_seal_unstamped(c->heads, &position, &c->answer->fds[0])
			 : QUEUE_EMPTY;

	c->answer->reply.claim.fence = (uint64_t)position;
	return r;
}

int run_head_stamped(const struct call *c)
{
	const struct queue_head_stamped_request *q = c->body;
	struct queue_audit_request audit = { .event = "audit.head-stamped",
		.actor = "seal" };
	struct span token = { 0 };
	char at[CLOCK_TEXT_SIZE];
	int r = memfd_read(c->message->fds[0], HEAD_STAMP_TOKEN_MAX, &token);

	if (r == 0)
		r = c->heads ? head_seal_stamped(c->heads, q->position, token)
			     : QUEUE_NOT_FOUND;
	memfd_release(&token);
	if (r != QUEUE_DONE)
		return r;
	clock_format(q->time, at);
	(void)snprintf(audit.detail, sizeof(audit.detail),
		"{\"position\":%lld,\"time\":\"%s\"}", (long long)q->position, at);
	return engine_audit(c->engine, c->now, &audit);
}

int run_seal_failed(const struct call *c)
{
	const struct queue_seal_failed_request *q = c->body;

	return engine_seal_failed(
		c->engine, c->now, q->id, q->fence, q->retry_at, q->reason);
}

int run_delivery_result(const struct call *c)
{
	const struct queue_delivery_result_request *q = c->body;

	if (q->followed.what >= FOLLOWS || q->form > QUEUE_FORM_MAX ||
		q->followed.tell_count > QUEUE_DESTINATIONS_MAX)
		return QUEUE_ILLEGAL;
	for (uint32_t i = 0; i < q->followed.tell_count; i++)
		if (!ipc_text_ok(q->followed.tell[i], DESTINATION_NAME_SIZE))
			return QUEUE_ILLEGAL;
	return engine_delivery_result(c->engine, c->now, q);
}

int run_control(const struct call *c)
{
	return engine_control(c->engine, c->now, c->body);
}

int run_act(const struct call *c)
{
	return engine_act(c->engine, c->now, c->body, &c->answer->fds[0]);
}

int run_breaker(const struct call *c)
{
	const struct queue_breaker_request *q = c->body;

	return engine_breaker(c->engine, &q->told) ? QUEUE_DONE : QUEUE_ILLEGAL;
}

int run_propose(const struct call *c)
{
	return engine_propose(c->engine, c->now, c->body, &c->answer->fds[0]);
}

int run_review(const struct call *c)
{
	return engine_review(c->engine, c->now, c->body, &c->answer->fds[0]);
}

int run_reviews(const struct call *c)
{
	return engine_reviews(c->engine, c->now, &c->answer->fds[0]);
}

int run_maintenance(const struct call *c)
{
	return engine_maintenance(c->engine, c->now, c->body);
}

int run_trial(const struct call *c)
{
	return engine_trial(c->engine);
}

int run_reading(const struct call *c)
{
	return engine_reading(c->engine, c->now, c->body);
}

int run_paper(const struct call *c)
{
	return engine_paper(c->engine, c->now, c->body);
}

int run_command(const struct call *c)
{
	return engine_command(c->engine, c->now, c->body);
}

static bool rules_ok(const struct queue_retention_request *q)
{
	for (uint32_t i = 0; i < QUEUE_RETENTION_RULES_MAX; i++)
		if (!ipc_text_ok(q->rules[i].type, DOCUMENT_TYPE_SIZE))
			return false;
	return true;
}

int run_retention(const struct call *c)
{
	const struct queue_retention_request *q = c->body;
	int *fd = &c->answer->fds[0];

	if (q->verb == QUEUE_RETENTION_PLAN && rules_ok(q))
		return engine_retention(c->engine, c->now, q, fd);
	if (q->verb == QUEUE_RETENTION_STATUS)
		return engine_retention_status(c->engine, c->now, q->after, fd);
	if (q->verb == QUEUE_RETENTION_KEEPS)
		return engine_legal_keeps(c->engine, q->hold, q->after, fd);
	return QUEUE_ILLEGAL;
}

int run_erase(const struct call *c)
{
	const struct queue_retention_request *q = c->body;
	int *fd = &c->answer->fds[0];

	if (q->verb == QUEUE_RETENTION_CLAIM && rules_ok(q))
		return engine_retention(c->engine, c->now, q, fd);
	if (q->verb == QUEUE_RETENTION_ERASE)
		return engine_erase(c->engine, c->now, q, fd);
	if (q->verb == QUEUE_RETENTION_END)
		return q->after ? engine_retention_list(c->engine, q->after, fd)
				: engine_retention_end(c->engine, c->now, fd);
	return QUEUE_ILLEGAL;
}

int run_legal_hold(const struct call *c)
{
	return engine_legal_hold(c->engine, c->now, c->body, &c->answer->fds[0]);
}

int run_backup(const struct call *c)
{
	const struct queue_backup_request *q = c->body;

	if (q->start > 1)
		return QUEUE_ILLEGAL;
	return q->start ? engine_backup_start(
				  c->engine, c->asker->connection, &c->answer->fds[0])
			: engine_backup_tell(
				  c->engine, c->asker->connection, &c->answer->fds[0]);
}

int run_stats(const struct call *c)
{
	const struct queue_stats_request *q = c->body;
	struct heads_told told = { 0 };

	if (c->heads)
		head_seal_told(c->heads, &told);
	engine_heads(c->engine, &told);
	return q->shape ? engine_shape(c->engine, c->now, &c->answer->fds[0])
			: engine_stats(c->engine, c->now, &c->answer->fds[0]);
}

int run_outcomes(const struct call *c)
{
	const struct queue_outcomes_request *q = c->body;

	if (q->limit == 0 || q->limit > QUEUE_OUTCOMES_MAX || !q->partner[0])
		return QUEUE_ILLEGAL;
	return engine_outcomes(
		c->engine, q->partner, q->cursor, (int)q->limit, &c->answer->fds[0]);
}

int run_outcomes_acknowledge(const struct call *c)
{
	const struct queue_outcomes_request *q = c->body;

	return q->partner[0] ? engine_outcomes_acknowledge(c->engine, c->now, q->partner,
				       q->cursor, &c->answer->fds[0])
			     : QUEUE_ILLEGAL;
}

int run_claim_callback(const struct call *c)
{
	const struct queue_callback_request *q = c->body;

	if (q->limit == 0 || q->limit > QUEUE_OUTCOMES_MAX || !q->partner[0] ||
		q->lease_s == 0 || q->lease_s > QUEUE_LEASE_MAX_S)
		return QUEUE_ILLEGAL;
	return engine_claim_callback(
		c->engine, c->now, q, &c->answer->reply.claim, &c->answer->fds[0]);
}

int run_called_back(const struct call *c)
{
	return engine_called_back(c->engine, c->now, c->body);
}

int run_status_of(const struct call *c)
{
	const struct queue_status_request *q = c->body;

	if (!q->number[0] || !q->scope.partner[0])
		return QUEUE_ILLEGAL;
	return engine_status_of(c->engine, q, &c->answer->fds[0]);
}

int run_ledger(const struct call *c)
{
	const struct queue_ledger_request *q = c->body;
	int r = 0;

	if (q->walk > QUEUE_WALK_MAX)
		return QUEUE_ILLEGAL;
	if (q->walk)
		r = engine_ledger_walk(c->engine, (int)q->walk);
	return r < 0 ? r : engine_ledger(c->engine, &c->answer->fds[0]);
}

int run_list(const struct call *c)
{
	const struct queue_list_request *q = c->body;

	if (q->limit == 0 || q->limit > QUEUE_LIST_MAX)
		return QUEUE_ILLEGAL;
	return engine_list(
		c->engine, q->state, q->partner, (int)q->limit, &c->answer->fds[0]);
}

int run_sent(const struct call *c)
{
	return engine_sent(c->engine, c->body, &c->answer->fds[0]);
}

int run_explain(const struct call *c)
{
	const struct queue_explain_request *q = c->body;

	return engine_explain(c->engine, q->key, &c->answer->fds[0]);
}

int run_audit_read(const struct call *c)
{
	const struct queue_audit_read_request *q = c->body;

	if (q->limit == 0 || q->limit > QUEUE_AUDIT_READ_MAX || q->after < 0)
		return QUEUE_ILLEGAL;
	return engine_audit_read(c->engine, q->after, (int)q->limit, &c->answer->fds[0]);
}
