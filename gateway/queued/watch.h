/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The ledger, checked all the time in small steps between batches: alarms that name ids,
 * balances in the audit chain once a day; never changes a document.
 */
#ifndef SEALGATE_QUEUED_WATCH_H
#define SEALGATE_QUEUED_WATCH_H

#include "queued/batch.h"

/* What the audit chain has. */
struct watch_told {
	int64_t day;	    /* of the last balance, since 1970 */
	int64_t count;	    /* of all mismatches, when more than are named below */
	json_t *mismatches; /* that still are, as engine_ledger_found; NULL: none */
	json_t *unbalanced; /* that still is: partner and destination, or documents */
};

struct watch {
	int64_t next_ms; /* when the next step is due */
	struct watch_told told;
};

/* The first step is due a moment after the start, which has other things to do. */
void watch_init(struct watch *w, int64_t now_ms);

/* Take a step when one is due. Return: as batch_run. */
int watch_run(struct watch *w, struct batch *b, int64_t now_ms);
void watch_done(struct watch *w);

#endif
