/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/forecast.h"

#include "common/json.h"

#include <string.h>

/* Others write on the disk, too: a moment says nothing. */
#define DISK_S 600

static const struct forecast_sample *oldest(const struct forecast *f)
{
	unsigned at = f->count < FORECAST_SAMPLES ? 0 : f->next;

	return f->count ? &f->samples[at] : NULL;
}

int forecast_due(const struct forecast *f, int64_t now_ms)
{
	unsigned last = (f->next + FORECAST_SAMPLES - 1) % FORECAST_SAMPLES;

	return f->count == 0 ||
	       now_ms - f->samples[last].at_ms >= FORECAST_EVERY_S * 1000;
}

void forecast_add(struct forecast *f, int64_t now_ms, int64_t room, json_t *flows)
{
	struct forecast_sample *s = &f->samples[f->next];

	json_decref(s->flows);
	*s = (struct forecast_sample){ .at_ms = now_ms, .room = room, .flows = flows };
	f->next = (f->next + 1) % FORECAST_SAMPLES;
	if (f->count < FORECAST_SAMPLES)
		f->count++;
}

void forecast_done(struct forecast *f)
{
	for (unsigned i = 0; i < f->count; i++)
		json_decref(f->samples[i].flows);
	*f = (struct forecast){ 0 };
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static json_t *drain(json_int_t open, double in, double out)
{
	if (open == 0)
		return json_integer(0);
	return json_integer(
		out > in ? (json_int_t)((double)open / (out - in)) : (json_int_t)-1);
}

/* seconds 0: nothing is known of the rates yet. */
static json_t *destination_of(const json_t *then, const json_t *now, double seconds)
{
	json_int_t open = number(now, "in") - number(now, "out");
	double in = 0, out = 0;

	if (seconds <= 0)
		return json_pack("{s:I,s:n,s:n,s:n}", "open", open, "in_per_s",
			"out_per_s", "drain_s");
	in = (double)(number(now, "in") - number(then, "in")) / seconds;
	out = (double)(number(now, "out") - number(then, "out")) / seconds;
	return json_pack("{s:I,s:f,s:f,s:o}", "open", open, "in_per_s", in, "out_per_s",
		out, "drain_s", drain(open, in, out));
}

/* Hours until a disk that fills at this rate is full. */
static json_t *hours(const struct forecast_sample *then, int64_t room, double seconds)
{
	double rate;

	if (!then || then->room < 0 || room < 0 || seconds < DISK_S || room >= then->room)
		return json_null();
	rate = (double)(then->room - room) / seconds;
	return json_real((double)room / rate / 3600);
}

json_t *forecast_tell(
	const struct forecast *f, int64_t now_ms, int64_t room, const json_t *flows)
{
	const struct forecast_sample *then = oldest(f);
	double seconds = then ? (double)(now_ms - then->at_ms) / 1000 : 0;
	json_t *all = json_object(), *now;
	const char *name;

	if (seconds < FORECAST_EVERY_S)
		seconds = 0;
	json_object_foreach((json_t *)(uintptr_t)flows, name, now)
		json_object_set_new(all, name,
			destination_of(then ? json_object_get(then->flows, name) : NULL,
				now, seconds));
	return json_pack("{s:I,s:o,s:o}", "over_s", (json_int_t)seconds, "disk_hours",
		hours(then, room, seconds), "destinations", all);
}

static void warn(json_t *list, const char *code, const char *destination, json_t *message)
{
	json_array_append_new(
		list, json_pack("{s:s,s:s,s:o}", "code", code, "destination", destination,
			      "message", message));
}

static void warn_of_destination(json_t *list, const char *name, const json_t *forecast,
	const json_t *counts, const struct forecast_bounds *b)
{
	const json_t *left = json_object_get(forecast, "drain_s");
	json_int_t age = number(counts, "oldest");

	if (age > b->backlog_s)
		warn(list, "backlog", name,
			json_sprintf("the oldest has waited for %lld seconds",
				(long long)age));
	if (!json_is_integer(left) || number(forecast, "open") == 0)
		return;
	if (json_integer_value(left) > b->drain_s)
		warn(list, "drain", name,
			json_sprintf("what is open takes %lld seconds at this rate",
				(long long)json_integer_value(left)));
	else if (json_integer_value(left) < 0 && age > b->backlog_s)
		warn(list, "drain", name,
			json_sprintf("%lld are open, and more come than go",
				(long long)number(forecast, "open")));
}

/* Heads of the audit chain that nobody could hold against it later. */
static void warn_of_heads(json_t *list, const json_t *heads)
{
	json_int_t late = number(heads, "late_s");
	json_int_t sealed = number(json_object_get(heads, "sealed"), "waiting_s");
	json_int_t exported = number(json_object_get(heads, "exported"), "waiting_s");

	if (sealed > late)
		warn(list, "heads", "",
			json_sprintf("the head of the audit chain has waited to be "
				     "sealed for %lld seconds",
				(long long)sealed));
	if (exported > late)
		warn(list, "heads", "",
			json_sprintf("a sealed head has waited for %lld seconds to be "
				     "put into the folder of audit.export",
				(long long)exported));
}

/* Containers whose proof ends one day, unless whatever is in their way is taken away. */
static void warn_of_renewals(json_t *list, const json_t *renewals)
{
	json_int_t failing = number(renewals, "failing");

	if (failing > 0)
		warn(list, "renewals", "",
			json_sprintf("%lld containers do not get what proves them "
				     "longer; the log says why (seal.not-augmented)",
				(long long)failing));
}

json_t *forecast_warnings(const json_t *figures, const struct forecast_bounds *bounds)
{
	const json_t *forecast = json_object_get(figures, "forecast");
	const json_t *left = json_object_get(forecast, "disk_hours");
	json_t *list = json_array(), *f;
	const char *name;

	if (list && json_is_real(left) &&
		json_real_value(left) < (double)bounds->disk_hours)
		warn(list, "disk", "",
			json_sprintf("the disk is full in %.1f hours at this rate",
				json_real_value(left)));
	json_object_foreach(json_object_get(forecast, "destinations"), name,
		f) warn_of_destination(list, name, f,
		json_object_get(json_object_get(figures, "deliveries"), name), bounds);
	if (list) {
		warn_of_heads(list, json_object_get(figures, "heads"));
		warn_of_renewals(list, json_object_get(figures, "renewals"));
	}
	return list;
}
