/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/replay/replay_orders.h"
#include "ctl/trusted_lists/trust_lists.h"
#include "ctl/trusted_lists/trust_replay.h"
#include "trust/snapshot.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same service: territory, name and first certificate. */
static bool is_same(const struct snapshot_service *a, const struct snapshot_service *b)
{
	return span_equal(a->certificate, b->certificate) &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->territory, b->territory) == 0;
}

static bool find(const struct trust_snapshot *in, const struct snapshot_service *s,
	struct snapshot_service *ret)
{
	for (size_t i = 0; i < trust_snapshot_services(in); i++) {
		trust_snapshot_service(in, i, ret);
		if (ret->in_effect && is_same(ret, s))
			return true;
	}
	return false;
}

static json_t *newest(const struct snapshot_service *s)
{
	return s ? json_pack("{s:o,s:o,s:I}", "type", json_text(s->type), "status",
			   json_text(s->status), "from", (json_int_t)s->from)
		 : json_null();
}

/* s is the service itself, before and after how it was: NULL where it was not. */
static int say(const char *change, const struct snapshot_service *s,
	const struct snapshot_service *from, const struct snapshot_service *to)
{
	_cleanup_json_ json_t *line = json_pack("{s:s,s:s,s:o,s:o,s:o}", "change", change,
		"territory", s->territory, "name", json_text(s->name), "before",
		newest(from), "after", newest(to));

	return line && json_dumpf(line, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF
		       ? 1
		       : -1;
}

/* Return: how many services differ, or -1. */
static int compare(const struct trust_snapshot *a, const struct trust_snapshot *b)
{
	struct snapshot_service s, other;
	int n = 0, r = 0;

	for (size_t i = 0; i < trust_snapshot_services(a) && r >= 0; i++, n += r) {
		trust_snapshot_service(a, i, &s);
		r = 0;
		if (!s.in_effect)
			continue;
		if (!find(b, &s, &other))
			r = say("removed", &s, &s, NULL);
		else if (!span_equal(s.state, other.state))
			r = say("changed", &s, &s, &other);
	}
	for (size_t i = 0; i < trust_snapshot_services(b) && r >= 0; i++, n += r) {
		trust_snapshot_service(b, i, &s);
		r = !s.in_effect || find(a, &s, &other) ? 0 : say("added", &s, NULL, &s);
	}
	return r < 0 ? -1 : n;
}

static int open_at(const char *store, const char *time, struct trust_snapshot **ret)
{
	_cleanup_(freep) char *error = NULL;
	int64_t t;

	if (clock_parse(time, &t) == 0 && trust_snapshot_open(store, t, ret, &error) == 0)
		return 0;
	fprintf(stderr, "sealgate trust diff: %s\n", error ? error : time);
	return -1;
}

struct diff_options {
	const char *store;
	bool replay;
	struct replay_options documents;
};

static int take(struct diff_options *o, int option, const char *value)
{
	char *end;

	switch (option) {
	case 's':
		o->store = value;
		return 0;
	case 'r':
		o->replay = true;
		return 0;
	case 'S':
		return clock_parse(value, &o->documents.since) == 0
			       ? 0
			       : command_fault(
					 "--since is no time of RFC 3339: %s", value);
	case 'n':
		o->documents.limit = strtol(value, &end, 10);
		return *value && !*end && o->documents.limit >= 1 &&
				       o->documents.limit <= REPLAY_LIMIT_TOP
			       ? 0
			       : command_fault("--limit is 1 to %d", REPLAY_LIMIT_TOP);
	default:
		return -EINVAL;
	}
}

static int read_options(int argc, char **argv, struct diff_options *o)
{
	static const struct option OPTIONS[] = {
		{ "store", required_argument, NULL, 's' },
		{ "replay", no_argument, NULL, 'r' },
		{ "since", required_argument, NULL, 'S' },
		{ "limit", required_argument, NULL, 'n' },
		{ 0 },
	};
	int option;

	optind = 1;
	*o = (struct diff_options){ .documents = { .since = INT64_MIN,
					    .limit = REPLAY_LIMIT_DEFAULT } };
	while ((option = command_option(argc, argv, "", OPTIONS)) != -1)
		if (take(o, option, optarg) < 0)
			return -EINVAL;
	o->store = trust_lists_store(o->store);
	if (!o->store)
		return -EINVAL;
	if (o->replay && o->documents.since == INT64_MIN)
		return command_fault("--replay needs --since");
	return command_arguments(argc, argv, 2, 2, "one of two TIMEs");
}

static int replay(const struct diff_options *o, char **times)
{
	int64_t before, after;

	if (clock_parse(times[0], &before) < 0 || clock_parse(times[1], &after) < 0) {
		command_fault("not an RFC 3339 time");
		return command_usage("trust");
	}
	/* Of a person from afar it is run as root, and would become nobody. */
	return getenv(REMOTE_PERSON)
		       ? replay_order_lists(&o->documents, before, after)
		       : trust_replay(o->store, before, after, &o->documents);
}

int trust_lists_diff(int argc, char **argv)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *a = NULL, *b = NULL;
	struct diff_options o;
	int n;

	if (read_options(argc, argv, &o) < 0)
		return command_usage("trust");
	if (o.replay)
		return replay(&o, argv + optind);
	if (open_at(o.store, argv[optind], &a) < 0 ||
		open_at(o.store, argv[optind + 1], &b) < 0)
		return EXIT_USAGE;
	n = compare(a, b);
	return n < 0 ? EXIT_INTERNAL : n > 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}
