/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/clock_guard.h"

#include "common/clock.h"

#include <stdio.h>

void clock_guard_init(struct clock_guard *g)
{
	*g = (struct clock_guard){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

static bool behind(
	int64_t now, int64_t then, const char *what, char *ret_reason, size_t size)
{
	char a[CLOCK_TEXT_SIZE], b[CLOCK_TEXT_SIZE];

	if (now >= then - CLOCK_BACK_MAX)
		return false;
	clock_format(now, a);
	clock_format(then, b);
	(void)snprintf(ret_reason, size,
		"the clock says %s, which is before %s (%s); sealing goes on when it is "
		"set "
		"right, or has passed that time",
		a, b, what);
	return true;
}

bool clock_guard_forward(struct clock_guard *g, int64_t now, int64_t received,
	char *ret_reason, size_t size)
{
	int64_t last;

	pthread_mutex_lock(&g->lock);
	last = g->last;
	pthread_mutex_unlock(&g->lock);
	return !behind(now, last, "the last seal", ret_reason, size) &&
	       !behind(now, received, "the document's reception", ret_reason, size);
}

bool clock_guard_agrees(
	int64_t now, int64_t gen_time, int max, char *ret_reason, size_t size)
{
	char a[CLOCK_TEXT_SIZE], b[CLOCK_TEXT_SIZE];

	if (now - gen_time <= max && gen_time - now <= max)
		return true;
	clock_format(now, a);
	clock_format(gen_time, b);
	(void)snprintf(ret_reason, size,
		"the clock says %s, the time-stamping authority %s: more than %d s "
		"apart; "
		"sealing goes on when they agree",
		a, b, max);
	return false;
}

void clock_guard_sealed(struct clock_guard *g, int64_t now)
{
	pthread_mutex_lock(&g->lock);
	if (now > g->last)
		g->last = now;
	pthread_mutex_unlock(&g->lock);
}
