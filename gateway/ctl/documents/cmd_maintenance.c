/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/documents/queue_control.h"
#include "ctl/documents/queue_session.h"
#include "ctl/documents/timeline.h"

#include "common/clock.h"
#include "common/json.h"
#include "queue/calendar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 92

struct maintenance_options {
	struct peer peer;
	const char *reason, *every;
	int64_t since, until;
	bool intake;
};

static int read_time(const char *text, int64_t *ret)
{
	return clock_parse(text, ret) < 0 ? command_fault("'%s' is not a time", text) : 0;
}

static int read_every(const char *text, const char **ret)
{
	*ret = text;
	return calendar_period_find(text) ? 0
					  : command_fault("--every is day or week, not "
							  "'%s'",
						    text);
}

static int read_options(int argc, char **argv, struct maintenance_options *ret)
{
	static const struct option options[] = { PEER_OPTIONS,
		{ "reason", required_argument, NULL, 'r' },
		{ "from", required_argument, NULL, 'f' },
		{ "until", required_argument, NULL, 'U' },
		{ "every", required_argument, NULL, 'e' },
		{ "intake", no_argument, NULL, 'i' }, { 0 } };
	int c, r = 0;

	*ret = (struct maintenance_options){ 0 };
	while (r == 0 && (c = command_option(argc, argv, "", options)) != -1) {
		if (c == 'r')
			ret->reason = optarg;
		else if (c == 'f')
			r = read_time(optarg, &ret->since);
		else if (c == 'U')
			r = read_time(optarg, &ret->until);
		else if (c == 'i')
			ret->intake = true;
		else if (c == 'e')
			r = read_every(optarg, &ret->every);
		else if (!peer_option(&ret->peer, c, optarg))
			r = -EINVAL;
	}
	if (r < 0)
		return r;
	return peer_complete(&ret->peer) && ret->reason
		       ? 0
		       : command_fault("--url, --ca, --cert, --key and --reason are "
				       "needed");
}

static int change(const char *verb, int argc, char **argv)
{
	struct maintenance_options o;
	char path[64];

	if (read_options(argc, argv, &o) < 0 ||
		command_arguments(argc, argv, 0, o.intake ? 0 : 1, "the destination") < 0)
		return command_usage("maintenance");
	snprintf(path, sizeof(path), "/v1/maintenance/%s", verb);
	return control_post(&o.peer, path,
		json_pack("{s:o,s:o,s:I,s:I,s:o,s:b}", "reason", json_text(o.reason),
			"destination", json_text(argc > optind ? argv[optind] : ""),
			"since", (json_int_t)o.since, "until", (json_int_t)o.until,
			"every", json_text(o.every), "intake", o.intake),
		NULL);
}

struct calendar_options {
	int days;
	bool json;
};

static int read_calendar_options(int argc, char **argv, struct calendar_options *ret)
{
	static const struct option options[] = { { "days", required_argument, NULL, 'd' },
		{ "format", required_argument, NULL, 'f' }, { 0 } };
	char *end;
	long days;
	int c;

	*ret = (struct calendar_options){ .days = 28 };
	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c == 'f') {
			if (command_format(optarg, &ret->json) < 0)
				return -EINVAL;
		} else if (c == 'd') {
			days = strtol(optarg, &end, 10);
			if (*end || days < 1 || days > DAYS_MAX)
				return command_fault(
					"--days is 1 to %d, not '%s'", DAYS_MAX, optarg);
			ret->days = (int)days;
		} else {
			return -EINVAL;
		}
	}
	return 0;
}

static void print_calendar(const json_t *calendar)
{
	const json_t *window;
	size_t i;

	if (json_array_size(calendar) == 0)
		puts("no maintenance");
	json_array_foreach(calendar, i, window)
		timeline_print_maintenance(stdout, window);
}

static int calendar(int argc, char **argv)
{
	_cleanup_session_ struct queue_session s = { 0 };
	_cleanup_json_ json_t *stats = NULL, *list = NULL;
	struct calendar_options o;
	int fd, r;

	if (read_calendar_options(argc, argv, &o) < 0 ||
		command_arguments(argc, argv, 0, 0, NULL) < 0)
		return command_usage("maintenance");
	r = queue_session_open(&s);
	if (r != EXIT_CLEAN)
		return r;
	r = queue_stats(s.queue, &fd);
	if (r != QUEUE_DONE)
		return queue_session_explain(r, NULL);
	stats = queue_session_json(fd);
	list = stats ? calendar_expand(json_object_get(stats, "maintenance"),
			       clock_now() + (int64_t)o.days * CALENDAR_DAY)
		     : NULL;
	if (!list)
		return EXIT_INTERNAL;
	if (o.json) {
		json_dumpf(list, stdout, JSON_SORT_KEYS | JSON_COMPACT);
		putchar('\n');
	} else {
		print_calendar(list);
	}
	return EXIT_CLEAN;
}

int cmd_maintenance(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "calendar") == 0)
		return calendar(argc - 1, argv + 1);
	if (strcmp(verb, "start") == 0 || strcmp(verb, "end") == 0)
		return change(verb, argc - 1, argv + 1);
	return command_no_verb(argc > 1 ? verb : NULL);
}
