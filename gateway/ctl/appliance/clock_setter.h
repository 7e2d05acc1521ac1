/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Carries out what chronyd asks of the clock (clock_order.h), and not everything: who
 * keeps the time speaks to a network, and may be somebody else's by now; never measures
 * a time itself.
 */
#ifndef SEALGATE_CTL_CLOCK_SETTER_H
#define SEALGATE_CTL_CLOCK_SETTER_H

#include <stdint.h>
#include <sys/timex.h>

/* As chrony.conf has it (makestep): a start of the machine needs one. */
#define CLOCK_STEPS_MAX 3u

struct clock_setter {
	const char *folder; /* where steps are counted, for as long as the machine runs */
	int64_t not_before; /* no step leads to a time before this */
	int (*adjust)(struct timex *t); /* adjtimex(2) */
};

/* Why an order is refused at the time now, after so many steps; NULL: it is not. An
 * order reads the state, steers by frequency and length of a tick, within the bounds of
 * the kernel, says whether the clock is synchronised and which leap second comes, or
 * steps. */
const char *clock_setter_refuses(
	const struct clock_setter *s, const struct timex *t, int64_t now, unsigned steps);

/* Take one order from the socket, and answer. A step is counted before it is done.
 * Return: 0 carried out, 1 refused, or the kernel did not (both answered, and logged),
 * -EAGAIN nothing is there, -EPIPE who asks has gone, -EPROTO no order, -errno. */
int clock_setter_serve(const struct clock_setter *s, int fd);

#endif
