/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What each row of the table in dispatch.c runs: the message's body into a call of the
 * engine; never who may ask.
 */
#ifndef SEALGATE_QUEUED_OPERATIONS_H
#define SEALGATE_QUEUED_OPERATIONS_H

#include "queued/dispatch.h"

struct call {
	struct engine *engine;
	struct head_seal *heads; /* NULL: none are sealed */
	const struct ipc_message *message;
	const void *body;
	const struct asker *asker;
	int64_t now;
	struct answer *answer;
};

/* Each: enum queue_answer or negative. */
int run_find(const struct call *c);
int run_commit(const struct call *c);
int run_get(const struct call *c);
int run_claim_seal(const struct call *c);
int run_claim_held(const struct call *c);
int run_held_due(const struct call *c);
int run_judged(const struct call *c);
int run_claim_delivery(const struct call *c);
int run_sealed(const struct call *c);
int run_seal_failed(const struct call *c);
int run_delivery_result(const struct call *c);
int run_control(const struct call *c);
int run_act(const struct call *c);
int run_trial(const struct call *c);
int run_breaker(const struct call *c);
int run_propose(const struct call *c);
int run_review(const struct call *c);
int run_reviews(const struct call *c);
int run_maintenance(const struct call *c);
int run_command(const struct call *c);
int run_retention(const struct call *c);
int run_erase(const struct call *c);
int run_legal_hold(const struct call *c);
int run_backup(const struct call *c);
int run_stats(const struct call *c);
int run_outcomes(const struct call *c);
int run_status_of(const struct call *c);
int run_claim_renewal(const struct call *c);
int run_renewed(const struct call *c);
int run_claim_stamp(const struct call *c);
int run_stamped(const struct call *c);
int run_head(const struct call *c);
int run_head_stamped(const struct call *c);
int run_reading(const struct call *c);
int run_paper(const struct call *c);
int run_outcomes_acknowledge(const struct call *c);
int run_claim_callback(const struct call *c);
int run_called_back(const struct call *c);
int run_ledger(const struct call *c);
int run_list(const struct call *c);
int run_sent(const struct call *c);
int run_explain(const struct call *c);
int run_audit_read(const struct call *c);

#endif
