/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/rerun.h"

#include "common/clock.h"
#include "common/json.h"

#include <errno.h>
#include <string.h>

static const char *const COUNTS[] = { "documents", "verdicts", "routes", "findings",
	"undecided", "not_kept" };

#define COUNT_COUNT (sizeof(COUNTS) / sizeof(COUNTS[0]))

int rerun_account_init(struct rerun_account *a)
{
	*a = (struct rerun_account){ .partners = json_object(), .changes = json_array() };
	return a->partners && a->changes ? 0 : -ENOMEM;
}

void rerun_account_done(struct rerun_account *a)
{
	json_decref(a->partners);
	json_decref(a->changes);
	*a = (struct rerun_account){ 0 };
}

static json_t *new_counts(const char *name)
{
	json_t *counts = json_object();

	if (json_object_set_new(counts, "partner", json_text(name)) < 0)
		return counts;
	for (size_t i = 0; i < COUNT_COUNT; i++)
		(void)json_object_set_new(counts, COUNTS[i], json_integer(0));
	return counts;
}

static int count(struct rerun_account *a, const char *partner, const char *what)
{
	json_t *counts = json_object_get(a->partners, partner), *n;

	if (!counts) {
		counts = new_counts(partner);
		if (json_object_set_new(a->partners, partner, counts) < 0)
			return -ENOMEM;
	}
	n = json_object_get(counts, what);
	return json_integer_set(n, json_integer_value(n) + 1) < 0 ? -ENOMEM : 0;
}

static json_t *route_of(const struct rerun *r)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < r->route_count; i++)
		json_array_append_new(list, json_text(r->route[i]));
	return list;
}

static json_t *change_of(const struct queue_document *d, const struct rerun *base,
	const struct rerun *next, const struct rerun_change *c)
{
	char received[CLOCK_TEXT_SIZE];

	clock_format(d->received, received);
	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:{s:s, s:s}, s:{s:o, s:o}, s:O, "
			 "s:O}",
		"id", d->id, "partner", json_text(d->partner), "type", json_text(d->type),
		"number", json_text(d->number), "received", received, "verdict", "was",
		rerun_decision_text(c->was), "would", rerun_decision_text(c->would),
		"route", "was", route_of(base), "would", route_of(next), "gained",
		c->gained, "lost", c->lost);
}

static int keep_change(struct rerun_account *a, const struct queue_document *d,
	const struct rerun *base, const struct rerun *next, const struct rerun_change *c)
{
	json_t *change;
	size_t octets;

	a->changed++;
	if (json_array_size(a->changes) == RERUN_CHANGES_MAX) {
		a->left_off++;
		return 0;
	}
	change = change_of(d, base, next, c);
	octets = json_dumpb(change, NULL, 0, JSON_COMPACT);
	if (octets > RERUN_OCTETS_MAX - a->octets) {
		json_decref(change);
		a->left_off++;
		return 0;
	}
	a->octets += octets;
	return json_array_append_new(a->changes, change) < 0 ? -ENOMEM : 0;
}

int rerun_note(struct rerun_account *a, const struct queue_document *d,
	const struct rerun *base, const struct rerun *next, const struct rerun_change *c)
{
	bool findings = json_array_size(c->gained) || json_array_size(c->lost);
	int r = count(a, d->partner, "documents");

	a->judged++;
	if (r == 0 && c->verdict)
		r = count(a, d->partner, "verdicts");
	if (r == 0 && c->route)
		r = count(a, d->partner, "routes");
	if (r == 0 && findings)
		r = count(a, d->partner, "findings");
	if (r < 0 || !(c->verdict || c->route || findings))
		return r;
	return keep_change(a, d, base, next, c);
}

int rerun_note_undecided(struct rerun_account *a, const struct queue_document *d)
{
	a->undecided++;
	return count(a, d->partner, "undecided");
}

int rerun_note_not_kept(struct rerun_account *a, const char *partner)
{
	a->not_kept++;
	return count(a, partner, "not_kept");
}

json_t *rerun_to_json(const struct rerun_account *a)
{
	json_t *partners = json_array(), *counts;
	const char *name;

	json_object_foreach(a->partners, name, counts)
		json_array_append(partners, counts);
	return json_pack("{s:I, s:I, s:I, s:I, s:b, s:I, s:o, s:O, s:s*}", "judged",
		(json_int_t)a->judged, "changed", (json_int_t)a->changed, "undecided",
		(json_int_t)a->undecided, "not_kept", (json_int_t)a->not_kept, "complete",
		!a->cut, "left_off", (json_int_t)a->left_off, "partners", partners,
		"changes", a->changes, "cut", a->cut);
}

static void print_findings(FILE *out, char sign, const json_t *findings)
{
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const json_t *f = json_array_get(findings, i);
		const char *rule = json_string_of(f, "rule");
		const char *where = json_string_of(f, "where");
		const char *message = json_string_of(f, "message");

		/* What is kept of a replay from afar has no words of rules. */
		if (!message)
			message = where ? where : "";
		fprintf(out, "    %c %s %s%s%s%s%s\n", sign,
			json_string_of(f, "severity"), json_string_of(f, "code"),
			rule ? " " : "", rule ? rule : "", *message ? ": " : "", message);
	}
}

static void print_route(FILE *out, const char *what, const json_t *route)
{
	fprintf(out, "%s", what);
	for (size_t i = 0; i < json_array_size(route); i++)
		fprintf(out, "%s%s", i ? ", " : " ",
			json_string_value(json_array_get(route, i)));
	if (json_array_size(route) == 0)
		fputs(" nowhere", out);
}

static bool same_verdict(const json_t *verdict)
{
	return json_equal(
		json_object_get(verdict, "was"), json_object_get(verdict, "would"));
}

static void print_change(FILE *out, const json_t *c)
{
	const json_t *verdict = json_object_get(c, "verdict");
	const json_t *route = json_object_get(c, "route");
	const json_t *was = json_object_get(route, "was");
	const json_t *would = json_object_get(route, "would");

	fprintf(out, "%s %s %s %s: %s", json_string_of(c, "id"),
		json_string_of(c, "partner"), json_string_of(c, "type"),
		json_string_of(c, "number"), json_string_of(verdict, "was"));
	if (!same_verdict(verdict))
		fprintf(out, ", would be %s", json_string_of(verdict, "would"));
	if (!json_equal(was, would)) {
		print_route(out, "; to", was);
		print_route(out, ", would go to", would);
	}
	fputc('\n', out);
	print_findings(out, '+', json_object_get(c, "gained"));
	print_findings(out, '-', json_object_get(c, "lost"));
}

static void print_counts(FILE *out, const json_t *counts)
{
	fprintf(out, "%s:", json_string_of(counts, "partner"));
	for (size_t i = 0; i < COUNT_COUNT; i++)
		fprintf(out, " %s %lld", COUNTS[i],
			(long long)json_integer_value(
				json_object_get(counts, COUNTS[i])));
	fputc('\n', out);
}

void rerun_print(FILE *out, const json_t *account)
{
	const char *cut = json_string_of(account, "cut");
	long long left_off = json_integer_value(json_object_get(account, "left_off"));
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(account, "changes"), i, item)
		print_change(out, item);
	if (left_off)
		fprintf(out, "and %lld more\n", left_off);
	json_array_foreach(json_object_get(account, "partners"), i, item)
		print_counts(out, item);
	if (cut && strcmp(cut, RERUN_LIMIT) == 0)
		fputs("there were more documents than --limit allows\n", out);
	else if (cut)
		fprintf(out, "there were more documents: it was ended, %s\n", cut);
}
