/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether the machine's clock may stand in a seal: it must agree with the time-stamping
 * authority and not run back; never reads or sets the clock.
 */
#ifndef SEALGATE_SEAL_CLOCK_GUARD_H
#define SEALGATE_SEAL_CLOCK_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_BACK_MAX 2 /* seconds that a clock may be set back, as NTP does */

struct clock_guard {
	pthread_mutex_t lock;
	int64_t last; /* our clock at the last seal; 0: none yet */
};

void clock_guard_init(struct clock_guard *g);

/* Before a seal: now must not be behind the last seal nor behind the document's
 * reception. Return: true, or false with one sentence in ret_reason. */
bool clock_guard_forward(struct clock_guard *g, int64_t now, int64_t received,
	char *ret_reason, size_t size);

/* After the time-stamp: now must agree with its genTime, to max seconds. */
bool clock_guard_agrees(
	int64_t now, int64_t gen_time, int max, char *ret_reason, size_t size);

/* A seal was made at now. */
void clock_guard_sealed(struct clock_guard *g, int64_t now);

#endif
