/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether the machine's clock may stand in a record: it must not be behind the last
 * record of the audit chain, which outlives the program; never sets the clock.
 */
#ifndef SEALGATE_QUEUED_CLOCK_H
#define SEALGATE_QUEUED_CLOCK_H

#include "queue/engine.h"

#include <stdbool.h>

#define CLOCK_BACK_MAX 2      /* seconds that a clock may be set back, as NTP does */
#define CLOCK_RECHECK_MS 1000 /* while it is behind */

struct clock_watch {
	int64_t last;	  /* seconds of the last record; 0: none yet */
	int64_t accepted; /* of the one that a person said was wrong; 0: none was */
	bool behind;	  /* and that was said */
	bool granted; /* a person has accepted the clock, which was asked over the socket
		       */
};

enum clock_answer {
	CLOCK_BEHIND = 0,
	CLOCK_GOES_ON,
	CLOCK_ACCEPTED, /* by an operator: to be recorded */
};

/* Look up the time of the last record. Return: 0 or negative. */
int clock_watch_init(struct clock_watch *w, struct engine *e);

/* May something be recorded at now? folder: state/queue. */
enum clock_answer clock_watch_check(
	struct clock_watch *w, const char *folder, int64_t now);

/* A person says that the record of this time was wrong: where it is the last one, the
 * next look accepts the clock. Return: whether it does. */
bool clock_watch_grant(struct clock_watch *w, const char *last);

/* Is there nothing to accept at this time: is the clock behind a record of another time,
 * or not behind, and that of this time was not the one that was accepted? */
bool clock_watch_denies(const struct clock_watch *w, const char *last);

/* Something was recorded at now. */
void clock_watch_recorded(struct clock_watch *w, int64_t now);

#endif
