/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The log's word of CRLs after whose end nobody is let in, while there is time; never
 * fetches one.
 */
#ifndef SEALGATE_TRUSTD_ENDS_H
#define SEALGATE_TRUSTD_ENDS_H

#include "common/instance.h"

#include <stdint.h>

/* Zeroed at first. */
struct ends {
	int64_t look_ms; /* clock_monotonic_ms of the next look */
	int64_t said;	 /* when it was said last, 0 never */
	char text[512];	 /* what was */
};

/* Look once an hour; say what ends first when that is something else than before, and
 * once a day. */
void ends_look(struct ends *e, const struct instance *instance);

#endif
