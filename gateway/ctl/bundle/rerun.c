/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/rerun.h"

#include "common/json.h"

#include <errno.h>
#include <string.h>

void rerun_change_done(struct rerun_change *c)
{
	json_decref(c->gained);
	json_decref(c->lost);
	*c = (struct rerun_change){ 0 };
}

const char *rerun_decision_text(enum decision d)
{
	switch (d) {
	case DECISION_ACCEPTED:
		return "accepted";
	case DECISION_HELD:
		return "held";
	case DECISION_REFUSED:
		return "refused";
	case DECISION_UNDECIDED:
	default:
		return "undecided";
	}
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
	const char *x = json_string_of(a, key), *y = json_string_of(b, key);

	return strcmp(x ? x : "", y ? y : "") == 0;
}

/* Words may change without anything else being otherwise. */
static bool same_finding(const json_t *a, const json_t *b)
{
	return same_text(a, b, "code") && same_text(a, b, "rule") &&
	       same_text(a, b, "where") && same_text(a, b, "severity");
}

static bool has(const json_t *list, const json_t *finding)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (same_finding(json_array_get(list, i), finding))
			return true;
	return false;
}

/* What is in one list and not in the other: a new array, or NULL. */
static json_t *minus(const json_t *list, const json_t *other)
{
	json_t *rest = json_array();

	for (size_t i = 0; rest && i < json_array_size(list); i++) {
		json_t *finding = json_array_get(list, i);

		if (has(other, finding))
			continue;
		if (json_array_append(rest, finding) < 0) {
			json_decref(rest);
			return NULL;
		}
	}
	return rest;
}

static bool has_error(const json_t *findings)
{
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const char *severity =
			json_string_of(json_array_get(findings, i), "severity");

		if (severity && strcmp(severity, "error") == 0)
			return true;
	}
	return false;
}

static bool goes_to(const struct rerun *r, const char *destination)
{
	for (size_t i = 0; i < r->route_count; i++)
		if (strcmp(r->route[i], destination) == 0)
			return true;
	return false;
}

static bool same_route(const struct rerun *a, const struct rerun *b)
{
	bool same = a->route_count == b->route_count;

	for (size_t i = 0; same && i < a->route_count; i++)
		same = goes_to(b, a->route[i]);
	return same;
}

int rerun_compare(enum decision stored, const struct rerun *base,
	const struct rerun *next, struct rerun_change *ret_change)
{
	struct rerun_change c = { .was = stored,
		.would = next->decision,
		.gained = minus(next->findings, base->findings),
		.lost = minus(base->findings, next->findings),
		.route = !same_route(base, next) };

	if (!c.gained || !c.lost) {
		rerun_change_done(&c);
		return -ENOMEM;
	}
	if (base->decision != stored && base->decision == next->decision)
		c.would = has_error(c.gained) ? DECISION_REFUSED : stored;
	c.verdict = c.would != c.was;
	*ret_change = c;
	return 0;
}
