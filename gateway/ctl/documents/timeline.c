/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/documents/timeline.h"

#include "common/json.h"
#include "document/render.h"
#include "queue/client.h"

#include <stdbool.h>
#include <string.h>

void timeline_text(FILE *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)(text ? text : ""); *p;) {
		size_t n = render_steering(p);

		fputc(n ? '?' : *p, out);
		p += n ? n : 1;
	}
}

static void field(FILE *out, const char *label, const json_t *object, const char *key)
{
	const char *text = json_string_of(object, key);

	if (!text || !*text)
		return;
	fprintf(out, "  %-14s ", label);
	timeline_text(out, text);
	fputc('\n', out);
}

static void print_delivery(FILE *out, const json_t *d)
{
	const char *reply = json_string_of(d, "reply_id"),
		   *detail = json_string_of(d, "detail");
	json_int_t attempts = json_integer_value(json_object_get(d, "attempts"));

	fputs("  -> ", out);
	timeline_text(out, json_string_of(d, "destination"));
	fprintf(out, "  %s", json_string_of(d, "state"));
	if (attempts)
		fprintf(out, ", %lld attempt%s", (long long)attempts,
			attempts == 1 ? "" : "s");
	if (reply && *reply) {
		fputs(", reference ", out);
		timeline_text(out, reply);
	}
	if (detail && *detail) {
		fputs(": ", out);
		timeline_text(out, detail);
	}
	fputc('\n', out);
}

static void print_names(FILE *out, const char *key, const json_t *names)
{
	size_t i;
	json_t *name;

	json_array_foreach(names, i, name)
	{
		if (i == 0)
			fprintf(out, "  %s=", key);
		else
			fputc(',', out);
		timeline_text(out, json_string_value(name));
	}
}

/* What of a record's detail a person wants on the line. */
static void print_detail(FILE *out, const json_t *detail)
{
	static const char *const KEYS[] = { "tls", "address", "certificate",
		"correlation", "destination", "destinations", "to", "reason",
		"hold_reason", "proposal", "proposed_by", "proposed_reason", "until",
		"text", "reply_id", "retry_at", "attempt", "container_sha256", "archive",
		"manifest_sha256" };

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		const json_t *v = json_object_get(detail, KEYS[i]);

		print_names(out, KEYS[i], v);
		if (json_is_integer(v))
			fprintf(out, "  %s=%lld", KEYS[i],
				(long long)json_integer_value(v));
		if (!json_is_string(v) || !*json_string_value(v))
			continue;
		fprintf(out, "  %s=", KEYS[i]);
		timeline_text(out, json_string_value(v));
	}
}

/* What was wrong with it, and how to mend that, as the partner was told. */
static void print_finding(FILE *out, const json_t *f)
{
	const char *where = json_string_of(f, "where"),
		   *severity = json_string_of(f, "severity");

	fprintf(out, "  %s: ", severity ? severity : "finding");
	timeline_text(out, json_string_of(f, "code"));
	if (where && *where) {
		fputs(" at ", out);
		timeline_text(out, where);
	}
	fputs(": ", out);
	timeline_text(out, json_string_of(f, "message"));
	fputc('\n', out);
	field(out, "received", f, "received");
	field(out, "to mend it", f, "fix");
}

/* A partner submits; what became of that is the gate's doing. */
static bool submitted(const json_t *record, const char *partner)
{
	const char *actor = json_string_of(record, "actor");

	return actor && partner && strcmp(actor, partner) == 0;
}

static void print_event(FILE *out, const json_t *event, const char *partner)
{
	const json_t *record = json_object_get(event, "record");

	fprintf(out, "  %s  #%-6lld ", json_string_of(record, "at"),
		(long long)json_integer_value(json_object_get(event, "position")));
	timeline_text(out, json_string_of(record, "event"));
	fputs(submitted(record, partner) ? "  submitted by " : "  by ", out);
	timeline_text(out, json_string_of(record, "actor"));
	print_detail(out, json_object_get(record, "detail"));
	fputc('\n', out);
}

void timeline_print_line(FILE *out, const json_t *d)
{
	fprintf(out, "%s  %s  %-11s  ", json_string_of(d, "received"),
		json_string_of(d, "id"), json_string_of(d, "state"));
	timeline_text(out, json_string_of(d, "partner"));
	fputs("  ", out);
	timeline_text(out, json_string_of(d, "country"));
	fputc(' ', out);
	timeline_text(out, json_string_of(d, "type"));
	fputc(' ', out);
	timeline_text(out, json_string_of(d, "number"));
	fputc('\n', out);
}

void timeline_print(FILE *out, const json_t *d)
{
	json_int_t first = json_integer_value(json_object_get(d, "events_first"));
	json_int_t left_out = json_integer_value(json_object_get(d, "events_left_out"));
	size_t i;
	json_t *item;

	timeline_print_line(out, d);
	field(out, "status", d, "status");
	field(out, "import country", d, "import_country");
	field(out, "urgency", d, "urgency");
	field(out, "expected", d, "expected");
	field(out, "paper", d, "paper");
	field(out, "rehearsed", d, "rehearsed");
	field(out, "sha256", d, "sha256");
	field(out, "held because", d, "hold_reason");
	field(out, "held until", d, "held_until");
	field(out, "policy", d, "policy_digest");
	field(out, "trust store", d, "store_version");
	field(out, "correlation", d, "correlation");
	field(out, "erased", d, "erased");
	json_array_foreach(json_object_get(d, "deliveries"), i, item)
		print_delivery(out, item);
	json_array_foreach(json_object_get(d, "findings"), i, item)
		print_finding(out, item);
	json_array_foreach(json_object_get(d, "events"), i, item)
	{
		print_event(out, item, json_string_of(d, "partner"));
		if (left_out && (json_int_t)i + 1 == first)
			fprintf(out,
				"  ... %lld events are left out here; sealgate audit "
				"export has them\n",
				(long long)left_out);
	}
}

static void print_counts(FILE *out, const char *label, const json_t *counts)
{
	const char *key;
	json_t *v;

	fputs("  ", out);
	timeline_text(out, label);
	fputc(':', out);
	json_object_foreach((json_t *)(uintptr_t)counts, key,
		v) if (json_is_integer(v) && strcmp(key, "oldest") != 0)
		fprintf(out, " %s %lld", key, (long long)json_integer_value(v));
	v = json_object_get(counts, "oldest");
	if (v)
		fprintf(out, " (oldest open: %lld s)", (long long)json_integer_value(v));
	fputc('\n', out);
}

void timeline_print_proposal(FILE *out, const json_t *proposal)
{
	const char *id = json_string_of(proposal, "id"),
		   *partner = json_string_of(proposal, "partner"),
		   *destination = json_string_of(proposal, "destination"),
		   *confirmed = json_string_of(proposal, "confirmed_by");

	fprintf(out, "%lld  release of ",
		(long long)json_integer_value(json_object_get(proposal, "proposal")));
	timeline_text(out, id && *id ? id : "what is held");
	if (partner && *partner) {
		fputs(" from ", out);
		timeline_text(out, partner);
	}
	fputs(" to ", out);
	timeline_text(
		out, destination && *destination ? destination : "all destinations");
	fprintf(out, ", until %s, proposed by ", json_string_of(proposal, "until"));
	timeline_text(out, json_string_of(proposal, "by"));
	fputs(": ", out);
	timeline_text(out, json_string_of(proposal, "reason"));
	if (confirmed) {
		fputs("; being carried out by ", out);
		timeline_text(out, confirmed);
	}
	fputc('\n', out);
}

void timeline_print_maintenance(FILE *out, const json_t *window)
{
	const char *destination = json_string_of(window, "destination"),
		   *until = json_string_of(window, "until"),
		   *every = json_string_of(window, "every");

	fprintf(out, "from %s until %s of ", json_string_of(window, "since"),
		until ? until : "it is ended");
	if (strcmp(destination, QUEUE_INTAKE) == 0)
		fputs("taking new documents", out);
	else
		timeline_text(out, *destination ? destination : "all destinations");
	fprintf(out, "%s%s%s by ",
		json_is_true(json_object_get(window, "now")) ? ", now" : "",
		every ? ", every " : "", every ? every : "");
	timeline_text(out, json_string_of(window, "by"));
	fputs(": ", out);
	timeline_text(out, json_string_of(window, "reason"));
	fputc('\n', out);
}

void timeline_print_breakers(FILE *out, const json_t *breakers)
{
	const char *name, *trial;
	json_t *b;

	json_object_foreach((json_t *)(uintptr_t)breakers, name, b)
	{
		fputs("  breaker ", out);
		timeline_text(out, name);
		fprintf(out, ": %s since %s", json_string_of(b, "state"),
			json_string_of(b, "since"));
		trial = json_string_of(b, "next_trial");
		if (trial)
			fprintf(out, ", next trial %s", trial);
		fputc('\n', out);
	}
}

static void print_head(FILE *out, const char *what, const json_t *head)
{
	const json_t *age = json_object_get(head, "age_s");
	json_int_t waiting = json_integer_value(json_object_get(head, "waiting_s"));

	if (!head || json_is_null(head))
		return;
	fprintf(out, "  heads %s: ", what);
	if (json_is_integer(age))
		fprintf(out, "up to %lld, %lld s old",
			(long long)json_integer_value(json_object_get(head, "position")),
			(long long)json_integer_value(age));
	else
		fputs("none since the start", out);
	if (waiting)
		fprintf(out, "; a newer one has waited for %lld s", (long long)waiting);
	fputc('\n', out);
}

void timeline_print_heads(FILE *out, const json_t *heads)
{
	print_head(out, "sealed", json_object_get(heads, "sealed"));
	print_head(out, "exported", json_object_get(heads, "exported"));
}

void timeline_print_stats(FILE *out, const json_t *stats)
{
	const json_t *audit = json_object_get(stats, "audit");
	const char *name;
	size_t i;
	json_t *v;

	print_counts(out, "documents", json_object_get(stats, "documents"));
	json_object_foreach(json_object_get(stats, "deliveries"), name, v)
		print_counts(out, name, v);
	timeline_print_breakers(out, json_object_get(stats, "breakers"));
	print_counts(out, "ledger", json_object_get(stats, "ledger"));
	if (!json_is_true(json_object_get(json_object_get(stats, "ledger"), "balanced")))
		fputs("  ledger: IT DOES NOT BALANCE, see sealgate ledger --check\n",
			out);
	json_array_foreach(json_object_get(stats, "maintenance"), i, v)
	{
		fputs("  maintenance ", out);
		timeline_print_maintenance(out, v);
	}
	fprintf(out, "  audit: position %lld, chain %s\n",
		(long long)json_integer_value(json_object_get(audit, "position")),
		json_string_of(audit, "chain"));
	timeline_print_heads(out, json_object_get(stats, "heads"));
	if (json_string_of(stats, "clock_behind"))
		fprintf(out,
			"  clock: BEHIND THE LAST RECORD, of %s: nothing is recorded, "
			"see sealgate queue accept-clock\n",
			json_string_of(stats, "clock_behind"));
	timeline_print_legal(out, json_object_get(stats, "legal"));
	if (json_integer_value(json_object_get(stats, "reviews")) > 0)
		fprintf(out, "  releases that await review: %lld\n",
			(long long)json_integer_value(json_object_get(stats, "reviews")));
	fprintf(out, "  free on disk: %lld MiB\n",
		(long long)json_integer_value(json_object_get(stats, "disk_free")) /
			(1024 * 1024));
}

void timeline_print_legal(FILE *out, const json_t *legal)
{
	const json_t *n = json_object_get(legal, "documents");

	if (!json_is_integer(json_object_get(legal, "holds"))) {
		fputs("  legal holds: they cannot be counted now\n", out);
		return;
	}
	fprintf(out, "  legal holds: %lld, on ",
		(long long)json_integer_value(json_object_get(legal, "holds")));
	if (json_is_integer(n))
		fprintf(out, "%lld documents\n", (long long)json_integer_value(n));
	else
		fputs("documents that are still being counted\n", out);
}

void timeline_print_warnings(FILE *out, const json_t *warnings)
{
	size_t i;
	json_t *w;

	json_array_foreach(warnings, i, w)
	{
		const char *destination = json_string_of(w, "destination");

		fputs("  WARNING: ", out);
		timeline_text(out, destination);
		fputs(destination && *destination ? ": " : "", out);
		timeline_text(out, json_string_of(w, "message"));
		fputc('\n', out);
	}
}
