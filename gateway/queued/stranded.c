/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/stranded.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>

#define FIRST_MS 1000 /* after a start */
#define STEP_MS 200
#define AGAIN_MS 10000		 /* where nothing can be recorded now */
#define REST_MS (60 * 60 * 1000) /* between looks */

void stranded_init(struct stranded_watch *w, int64_t now_ms)
{
	*w = (struct stranded_watch){ .next_ms = now_ms + FIRST_MS };
}

static void tell(struct stranded_watch *w)
{
	if (w->settled)
		log_event(LOG_NOTICE, "queued.stranded", NULL,
			"%d deliveries waited for what had come to its end, and go or "
			"end",
			w->settled);
	w->settled = 0;
}

int stranded_run(struct stranded_watch *w, struct batch *b, int64_t now_ms)
{
	struct stranded_look look = w->look;
	int r, settled = 0;
	bool more = false;

	if (now_ms < w->next_ms)
		return 0;
	w->next_ms = now_ms + AGAIN_MS;
	if (!batch_may_record(b, clock_now()) || b->failing)
		return 0;
	r = engine_begin(b->engine);
	if (r == 0)
		r = engine_stranded(b->engine, clock_now(), &look, &settled);
	if (r >= 0) {
		more = r > 0;
		r = engine_commit(b->engine);
	}
	if (r < 0) {
		engine_rollback(b->engine);
		return engine_failure(b->engine) == ENGINE_FATAL ? -EIO : 0;
	}
	batch_recorded(b, clock_now());
	w->next_ms = now_ms + (more ? STEP_MS : REST_MS);
	w->look = look;
	w->settled += settled;
	if (!more)
		tell(w);
	return 0;
}
