/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many documents a legal hold keeps, counted a part at a time: a hold on a partner or
 * on a type may keep a million, and whoever asks is not to wait for that; never decides
 * what is kept.
 */
#ifndef SEALGATE_QUEUE_LEGAL_COUNT_H
#define SEALGATE_QUEUE_LEGAL_COUNT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "queue/types.h"

struct engine;

/* Zeroed: not begun. */
struct legal_count {
	int64_t holds, which; /* in force; which ones, as the sum of their numbers */
	int64_t broad;	      /* of these, on no single document */
	/* Of the round that is under way: first the ids of holds, then documents. */
	char after_id[DOCUMENT_ID_SIZE];
	bool ids_done;
	int64_t after, so_far;
	int64_t documents; /* of the last whole round */
	bool known;
};

/* {"holds": in force, "documents": that they keep, or null until all were looked at, and
 * where they cannot be}: a new reference, or NULL without memory. Each call looks at some
 * more, for some milliseconds. In a transaction. */
json_t *legal_to_json(struct engine *e);

#endif
