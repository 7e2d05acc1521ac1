/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which trust was in force from when on, in the audit chain: each new snapshot of the
 * trusted lists in state/trust/lists, by name and digest; never reads what it says.
 */
#ifndef SEALGATE_QUEUED_TRUST_JOURNAL_H
#define SEALGATE_QUEUED_TRUST_JOURNAL_H

#include "queued/batch.h"

#include <limits.h>

struct trust_journal {
	int64_t next_ms; /* when it is looked at next */
	bool read;
	char noted[NAME_MAX + 1]; /* the newest that is in the chain; "": none */
	bool told;		  /* that it cannot be recorded */
};

void trust_journal_init(struct trust_journal *j, int64_t now_ms);

/* Record what is new as trust.published. Its name is kept in state/queue/trust-noted
 * after the commit: a crash between the two records it again, with the same digest.
 * Return: as batch_run. */
int trust_journal_run(struct trust_journal *j, struct batch *b, int64_t now_ms);

#endif
