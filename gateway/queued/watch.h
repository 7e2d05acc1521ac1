/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The ledger, checked all the time in small steps between batches: alarms that name ids,
 * balances in the audit chain once a day; never changes a document.
 */
#ifndef SEALGATE_QUEUED_WATCH_H
#define SEALGATE_QUEUED_WATCH_H

#include "queued/batch.h"

struct watch {
	int64_t next_ms; /* when the next step is due */
	int64_t day;	 /* of the last balance that was recorded, since 1970 */
	json_t *told;	 /* mismatches that an alarm was raised for, or NULL */
	bool unbalanced; /* and said to be */
};

/* The first step is due a moment after the start, which has other things to do. */
void watch_init(struct watch *w, int64_t now_ms);

/* Take a step when one is due. Return: as batch_run. */
int watch_run(struct watch *w, struct batch *b, int64_t now_ms);
void watch_done(struct watch *w);

#endif
