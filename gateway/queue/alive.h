/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether those who take work from the queue still ask for it, by the answer of
 * queue_stats; never asks queued itself.
 */
#ifndef SEALGATE_QUEUE_ALIVE_H
#define SEALGATE_QUEUE_ALIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Longer than any pause between two claims: those of a program whose other side fails. */
#define QUEUE_PAUSE_MAX_S 120

/* Has "seal" or "forward" asked within its lease and a pause? *ret_seconds: since when it
 * has not, -1 unknown. */
bool queue_alive(
	const json_t *stats, const char *program, int64_t lease_s, int64_t *ret_seconds);

#endif
