/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/queue_control.h"

#include "common/clock.h"
#include "common/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct maintenance_options {
	struct peer peer;
	const char *reason;
	int64_t since, until;
};

static int read_time(const char *text, int64_t *ret)
{
	return clock_parse(text, ret) < 0 ? command_fault("'%s' is not a time", text) : 0;
}

static int read_options(int argc, char **argv, struct maintenance_options *ret)
{
	static const struct option options[] = { PEER_OPTIONS,
		{ "reason", required_argument, NULL, 'r' },
		{ "from", required_argument, NULL, 'f' },
		{ "until", required_argument, NULL, 'U' }, { 0 } };
	int c, r = 0;

	*ret = (struct maintenance_options){ 0 };
	while (r == 0 && (c = command_option(argc, argv, "", options)) != -1) {
		if (c == 'r')
			ret->reason = optarg;
		else if (c == 'f')
			r = read_time(optarg, &ret->since);
		else if (c == 'U')
			r = read_time(optarg, &ret->until);
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

int cmd_maintenance(int argc, char **argv)
{
	struct maintenance_options o;
	char path[64];
	const char *verb = argc > 1 ? argv[1] : NULL;

	if (!verb || (strcmp(verb, "start") != 0 && strcmp(verb, "end") != 0))
		return command_no_verb(verb);
	argc--;
	argv++;
	if (read_options(argc, argv, &o) < 0 ||
		command_arguments(argc, argv, 0, 1, "the destination") < 0)
		return command_usage("maintenance");
	snprintf(path, sizeof(path), "/v1/maintenance/%s", verb);
	return control_post(&o.peer, path,
		json_pack("{s:o,s:o,s:I,s:I}", "reason", json_text(o.reason),
			"destination", json_text(argc > optind ? argv[optind] : ""),
			"since", (json_int_t)o.since, "until", (json_int_t)o.until),
		NULL);
}
