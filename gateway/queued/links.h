/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Links to the chains of other appliances, now and then; never keeps a batch waiting.
 */
#ifndef SEALGATE_QUEUED_LINKS_H
#define SEALGATE_QUEUED_LINKS_H

#include "queued/batch.h"

struct chain_links {
	int64_t next_ms, every_ms;
};

void links_init(struct chain_links *l, int64_t now_ms, int64_t every_ms);

/* Add links when it is time. Return: as batch_run. */
int links_run(struct chain_links *l, struct batch *b, int64_t now_ms);

#endif
