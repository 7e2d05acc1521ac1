/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every sealed head is held against the chain once, a few at a time while queued serves,
 * and none a second time: a start itself looks at the newest only (head_heal). Never a
 * file that the chain does not tell of is renamed.
 */
#ifndef SEALGATE_QUEUED_HEAD_LOOK_H
#define SEALGATE_QUEUED_HEAD_LOOK_H

#include "queue/head_list.h"
#include "queued/batch.h"

/* POSITION:CHAIN of state/queue: all heads up to there were held against a chain with
 * that end. A chain that does not hold it has all of them looked at again. */
#define HEADS_LOOKED_AT "heads-looked-at"

struct head_look {
	bool begun, done;
	int64_t next_ms;	 /* monotonic; not before */
	struct engine_head upto; /* the chain's end when the look began */
	int64_t after, below;	 /* what is left of it lies between */
	struct head_list l;	 /* some of that */
	size_t left;		 /* of l, from its end */
	/* Of a lost chain: positions, from the newest down; and the newest below the last
	 * of them that this chain holds. */
	int64_t *lost, from;
	size_t lost_count, lost_size, aside;
	bool told, open_below, stuck;
};

/* One step, when it is due. Heads that the chain denies are noted in it
 * (queued.set-back) when all have been looked at, and then set aside with their
 * time-stamps, as head_heal does. Return: 0, or -EIO when what is on the disk is unknown.
 */
int head_look_run(struct head_look *l, struct batch *b, int64_t now_ms);

void head_look_done(struct head_look *l);

#endif
