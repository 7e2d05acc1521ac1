/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What was put in force, and by whom, in the audit chain: the lines of
 * state/policy/journal, each once; never judges a policy.
 */
#ifndef SEALGATE_QUEUED_POLICY_JOURNAL_H
#define SEALGATE_QUEUED_POLICY_JOURNAL_H

#include "queued/batch.h"

struct policy_journal {
	int64_t next_ms; /* when it is looked at next */
	int64_t noted;	 /* octets of it that are in the chain; -1: not read yet */
	bool told;	 /* that it cannot be read */
};

void policy_journal_init(struct policy_journal *j, int64_t now_ms);

/* Record what is new. How far that was is kept in state/queue/policy-noted after the
 * commit: a crash between the two records a line again, which its digest shows.
 * Return: as batch_run. */
int policy_journal_run(struct policy_journal *j, struct batch *b, int64_t now_ms);

#endif
