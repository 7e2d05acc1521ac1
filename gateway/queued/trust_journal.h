/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which trust was in force from when on, in the audit chain: each new snapshot of the
 * trusted lists in state/trust/lists, by name and version; never reads more of one than
 * its header.
 */
#ifndef SEALGATE_QUEUED_TRUST_JOURNAL_H
#define SEALGATE_QUEUED_TRUST_JOURNAL_H

#include "queued/batch.h"
#include "trust/snapshot_find.h"

struct trust_journal {
	int64_t next_ms; /* when it is looked at next */
	bool read;
	struct snapshot_head noted; /* the last that is in the chain; name "": none is */
	bool told;		    /* that it cannot be recorded */
};

void trust_journal_init(struct trust_journal *j, int64_t now_ms);

/* Record as trust.published what is new: each that came behind the last, in their order;
 * the newest, where that is now another one or has another version; that there is none
 * any more. What was last is noted in state/queue/trust-noted after the commit: a crash
 * between the two records it again, as does a chain that lost the record.
 * Return: as batch_run. */
int trust_journal_run(struct trust_journal *j, struct batch *b, int64_t now_ms);

#endif
