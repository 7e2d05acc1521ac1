/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How much waiting another program is worth that need not answer: few threads at once,
 * and a rest after it did not answer in time. Never waits itself.
 */
#ifndef SEALGATE_WEB_PATIENCE_H
#define SEALGATE_WEB_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PATIENCE_AT_ONCE 2u   /* threads that wait */
#define PATIENCE_REST_MS 5000 /* after an answer that did not come */

/* Zeroed: nobody waits. */
struct patience {
	atomic_uint waiting;
	atomic_int_least64_t rest_until_ms; /* by a clock that never jumps */
};

/* May one more thread wait? Return: true: to be given back with patience_give(). */
bool patience_take(struct patience *p, int64_t now_ms);

/* in_time: whether there was an end to it, an answer or a refusal, in time. */
void patience_give(struct patience *p, int64_t now_ms, bool in_time);

#endif
