/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A look, after a start and each hour, at deliveries that wait for what does not come;
 * never long at a time.
 */
#ifndef SEALGATE_QUEUED_STRANDED_H
#define SEALGATE_QUEUED_STRANDED_H

#include "queued/batch.h"

struct stranded_watch {
	int64_t next_ms;
	struct stranded_look look;
	int settled; /* by this look */
};

void stranded_init(struct stranded_watch *w, int64_t now_ms);

/* Go on with the look when it is time, in a transaction of its own. Return: as batch_run.
 */
int stranded_run(struct stranded_watch *w, struct batch *b, int64_t now_ms);

#endif
