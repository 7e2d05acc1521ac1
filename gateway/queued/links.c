/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/links.h"

#include "common/clock.h"
#include "queued/head_seal.h"

#include <errno.h>

#define FIRST_MS 2000 /* after a start: the others may just have come, too */

void links_init(struct chain_links *l, int64_t now_ms, int64_t every_ms)
{
	*l = (struct chain_links){ .next_ms = now_ms + FIRST_MS, .every_ms = every_ms };
}

/* What the others are to link of this chain, then theirs. */
static int link_chains(struct batch *b)
{
	uint8_t sha256[SHA256_SIZE];
	int64_t position;
	int r = 0;

	if (b->heads && head_seal_newest(b->heads, &position, sha256))
		r = engine_sealed_head(b->engine, position, sha256);
	if (r == 0)
		r = engine_link(b->engine, clock_now()) == QUEUE_DONE ? 0 : -EIO;
	return r;
}

int links_run(struct chain_links *l, struct batch *b, int64_t now_ms)
{
	int r;

	if (!l->every_ms || now_ms < l->next_ms)
		return 0;
	if (!b->engine || !batch_may_record(b, clock_now()) || b->failing)
		return 0;
	l->next_ms = now_ms + l->every_ms;
	r = engine_begin(b->engine);
	if (r == 0)
		r = link_chains(b);
	if (r == 0)
		r = engine_commit(b->engine);
	if (r == 0) {
		batch_recorded(b, clock_now());
	} else {
		engine_rollback(b->engine);
		engine_link_forget(b->engine);
	}
	return r < 0 && engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
}
