/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How fast documents come and go and the disk fills, from samples over the last hour, and
 * what that means for later; never a database, never the clock of day: one that jumps
 * changes nothing.
 */
#ifndef SEALGATE_QUEUE_FORECAST_H
#define SEALGATE_QUEUE_FORECAST_H

#include <jansson.h>
#include <stdint.h>

#define FORECAST_EVERY_S 10
#define FORECAST_SAMPLES 360

struct forecast_sample {
	int64_t at_ms; /* monotonic */
	int64_t room;  /* octets, -1 unknown */
	json_t *flows; /* {destination: {"in": n, "out": n}}, both only rise */
};

/* Zeroed it has no sample yet. */
struct forecast {
	struct forecast_sample samples[FORECAST_SAMPLES]; /* a ring */
	unsigned next, count;
};

/* Is it time for one more? */
int forecast_due(const struct forecast *f, int64_t now_ms);

/* Take a sample; takes flows over. */
void forecast_add(struct forecast *f, int64_t now_ms, int64_t room, json_t *flows);
void forecast_done(struct forecast *f);

/* {"over_s", "disk_hours": hours until there is no room or null, "destinations": {name:
 * {"open", "in_per_s", "out_per_s", "drain_s": seconds until nothing is open, -1 never at
 * this rate, null unknown}}}: a new reference or NULL. */
json_t *forecast_tell(
	const struct forecast *f, int64_t now_ms, int64_t room, const json_t *flows);

/* What of a queue's figures ("forecast", "deliveries", "heads") somebody should look at
 * before it becomes a limit: [{"code": "disk" | "backlog" | "drain" | "heads",
 * "destination", "message"}]. A
 * new reference or NULL. */
struct forecast_bounds {
	int64_t disk_hours, backlog_s, drain_s;
};
json_t *forecast_warnings(const json_t *figures, const struct forecast_bounds *bounds);

#endif
