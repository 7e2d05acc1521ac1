/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows of time that come again and again, every day or week of UTC; never reads a
 * clock or a database.
 */
#ifndef SEALGATE_QUEUE_CALENDAR_H
#define SEALGATE_QUEUE_CALENDAR_H

#include <jansson.h>
#include <stdint.h>

#define CALENDAR_DAY 86400
#define CALENDAR_WEEK (7 * CALENDAR_DAY)

/* "day" or "week" and its seconds. NULL, 0: no such period. */
const char *calendar_period_text(int64_t every);
int64_t calendar_period_find(const char *text);

/* The first time after `after` (in seconds, as all) at which a series that began at since
 * comes again; since itself when that is later. */
int64_t calendar_next(int64_t since, int64_t every, int64_t after);

/* What the windows of queue_stats' "maintenance" mean until horizon: each time of a
 * series by itself, by the order in which they begin. A new reference or NULL. */
json_t *calendar_expand(const json_t *windows, int64_t horizon);

#endif
