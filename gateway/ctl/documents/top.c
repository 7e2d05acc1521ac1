/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/documents/top.h"

#include "ctl/documents/timeline.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"

#include <string.h>

#define USAGE_FILE "state/seal/tsa.json"
#define USAGE_MAX 65536u
#define AGES 5

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

json_t *top_authorities(const struct instance *instance)
{
	_cleanup_(freep) uint8_t *text = NULL;
	json_t *usage = NULL;
	char path[PATH_MAX];
	size_t len = 0;

	if (instance_path(instance, USAGE_FILE, path) == 0 &&
		file_read(path, USAGE_MAX, &text, &len) == 0)
		usage = json_read(span_of(text, len), USAGE_MAX);
	return usage ? usage : json_null();
}

static json_int_t records(const json_t *look)
{
	return number(
		json_object_get(json_object_get(look, "queue"), "audit"), "position");
}

static double seconds_between(const json_t *now, const json_t *before)
{
	int64_t a, b;

	if (!before || clock_parse(json_string_of(now, "at"), &a) < 0 ||
		clock_parse(json_string_of(before, "at"), &b) < 0 || a <= b)
		return 0;
	return (double)(a - b);
}

static void print_documents(FILE *out, const json_t *queue)
{
	json_t *documents = json_object_get(queue, "documents"), *n;
	const char *state;

	fputs("documents ", out);
	json_object_foreach(documents, state, n) if (strcmp(state, "oldest") != 0)
		fprintf(out, "  %s %lld", state, (long long)json_integer_value(n));
	fputc('\n', out);
}

static void print_rate(FILE *out, const json_t *forecast, const char *key)
{
	const json_t *v = json_object_get(forecast, key);

	if (json_is_number(v))
		fprintf(out, " %8.2f", json_number_value(v));
	else
		fputs("        -", out);
}

static void print_drain(FILE *out, const json_t *forecast)
{
	const json_t *v = json_object_get(forecast, "drain_s");

	if (!json_is_integer(v))
		fputs("        -", out);
	else if (json_integer_value(v) < 0)
		fputs("    never", out);
	else
		fprintf(out, " %7llds", (long long)json_integer_value(v));
}

/* Destination by age, as Postfix's qshape has it; then how fast it goes. */
static void print_destinations(FILE *out, const json_t *now)
{
	const json_t *forecast =
		json_object_get(json_object_get(now, "queue"), "forecast");
	const json_t *shape = json_object_get(now, "age");
	json_t *f;
	const char *name;

	fprintf(out, "\n%-28s %6s %6s %6s %6s %6s %8s %8s %8s\n", "open by age", "<1m",
		"<10m", "<1h", "<1d", "older", "in/s", "out/s", "drain");
	json_object_foreach(json_object_get(forecast, "destinations"), name, f)
	{
		const json_t *ages = json_object_get(shape, name);

		fprintf(out, "%-28.28s", name);
		for (size_t i = 0; i < AGES; i++)
			fprintf(out, " %6lld",
				(long long)json_integer_value(json_array_get(ages, i)));
		print_rate(out, f, "in_per_s");
		print_rate(out, f, "out_per_s");
		print_drain(out, f);
		fputc('\n', out);
	}
}

static json_int_t count_before(const json_t *before, const char *role)
{
	json_t *r;
	size_t i;

	json_array_foreach(json_object_get(before, "signer"), i, r)
	{
		const char *name = json_string_of(r, "role");

		if (name && strcmp(name, role) == 0)
			return number(r, "count");
	}
	return -1;
}

static void print_signer(FILE *out, const json_t *now, const json_t *before, double s)
{
	const json_t *roles = json_object_get(now, "signer");
	json_t *r;
	size_t i;

	fputs("\nHSM", out);
	if (!json_is_array(roles))
		fputs("  the signer does not answer", out);
	json_array_foreach(roles, i, r)
	{
		const char *name = json_string_of(r, "role");
		json_int_t was = name ? count_before(before, name) : -1;

		fprintf(out, "  %s %lld", name ? name : "?",
			(long long)number(r, "count"));
		if (s > 0 && was >= 0)
			fprintf(out, " (%.1f/s)", (double)(number(r, "count") - was) / s);
	}
	fputc('\n', out);
}

static void print_authorities(FILE *out, const json_t *now)
{
	const json_t *list =
		json_object_get(json_object_get(now, "time_stamps"), "authorities");
	json_t *a;
	size_t i;

	json_array_foreach(list, i, a)
	{
		fputs("TSA  ", out);
		timeline_text(out, json_string_of(a, "name"));
		if (number(a, "per_day"))
			fprintf(out, "  %lld of %lld today", (long long)number(a, "used"),
				(long long)number(a, "per_day"));
		fputs("  last: ", out);
		timeline_text(out, json_string_of(a, "last"));
		fputc('\n', out);
	}
}

void top_print(FILE *out, const json_t *now, const json_t *before)
{
	const json_t *queue = json_object_get(now, "queue");
	const json_t *hours =
		json_object_get(json_object_get(queue, "forecast"), "disk_hours");
	double s = seconds_between(now, before);

	fprintf(out, "%s  records %lld", json_string_of(now, "at"),
		(long long)records(now));
	if (s > 0)
		fprintf(out, " (%.1f/s)", (double)(records(now) - records(before)) / s);
	fprintf(out, "  disk %lld MiB free",
		(long long)number(queue, "disk_free") / (1024 * 1024));
	if (json_is_real(hours))
		fprintf(out, ", full in %.1f h", json_real_value(hours));
	fputc('\n', out);
	print_documents(out, queue);
	timeline_print_legal(out, json_object_get(queue, "legal"));
	timeline_print_heads(out, json_object_get(queue, "heads"));
	print_destinations(out, now);
	timeline_print_breakers(out, json_object_get(queue, "breakers"));
	print_signer(out, now, before, s);
	print_authorities(out, now);
	timeline_print_warnings(out, json_object_get(now, "warnings"));
}
