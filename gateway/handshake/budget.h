/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many records are made in a second, whoever asks; never waits.
 */
#ifndef SEALGATE_HANDSHAKE_BUDGET_H
#define SEALGATE_HANDSHAKE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_SECOND 5	  /* records a second */
#define BUDGET_AT_ONCE 20 /* after a rest */

struct handshake_budget {
	int64_t left_ms; /* what is left, in milliseconds of a second's worth */
	int64_t at_ms;	 /* as of when; a clock that never jumps */
};

void budget_init(struct handshake_budget *b, int64_t now_ms);

/* Take one. Return: true when there was one. */
bool budget_take(struct handshake_budget *b, int64_t now_ms);

#endif
