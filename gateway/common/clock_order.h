/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What who keeps the time asks of who may set the clock, a SEQPACKET message each way:
 * one adjtimex(2), and what came of it; never says which of them are carried out.
 */
#ifndef SEALGATE_COMMON_CLOCK_ORDER_H
#define SEALGATE_COMMON_CLOCK_ORDER_H

#include <stdint.h>
#include <sys/timex.h>

#define CLOCK_ORDER_VERSION 1u

struct clock_order {
	uint32_t version;
	struct timex timex;
};

struct clock_done {
	uint32_t version;
	int32_t result; /* of adjtimex */
	int32_t error;	/* errno, where that is negative */
	struct timex timex;
};

#endif
