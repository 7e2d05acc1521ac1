/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/backup.h"

#include "common/log.h"

#include <errno.h>

#define STEP_PAGES 256

uint64_t backup_owner(const struct batch *b)
{
	return b->engine ? engine_backup_state(b->engine).owner : 0;
}

bool backup_running(const struct batch *b)
{
	return b->engine && engine_backup_state(b->engine).running;
}

int backup_run(struct batch *b, bool note)
{
	int r;

	if (!backup_running(b))
		return 0;
	r = engine_backup_step(b->engine, STEP_PAGES);
	if (r < 0)
		log_event(LOG_ERR, "queued.backup", NULL,
			"the copy could not be written; the queue goes on without it");
	if (r != 0)
		return 0;
	log_event(LOG_NOTICE, "queued.backup", NULL, "a copy is whole up to record %lld",
		(long long)engine_backup_state(b->engine).head.position);
	return note ? batch_note(b, "queued.backup") : 0;
}
