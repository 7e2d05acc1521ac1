/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/documents/queue_control.h"

#include "common/clock.h"
#include "common/json.h"
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct act_options {
	struct peer peer;
	const char *reason, *id, *partner, *destination, *to;
	int64_t older_than; /* seconds */
};

static int read_seconds(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || *end || end == text || *ret <= 0 ? -EINVAL : 0;
}

static int take_option(struct act_options *o, int letter, const char *value)
{
	switch (letter) {
	case 'r':
		o->reason = value;
		return 0;
	case 'i':
		o->id = value;
		return 0;
	case 'p':
		o->partner = value;
		return 0;
	case 'd':
		o->destination = value;
		return 0;
	case 't':
		o->to = value;
		return 0;
	case 'o':
		return read_seconds(value, &o->older_than) < 0
			       ? command_fault("--older-than wants seconds")
			       : 0;
	case 'A':
		return 0;
	default:
		return peer_option(&o->peer, letter, value) ? 0 : -EINVAL;
	}
}

static int read_options(int argc, char **argv, struct act_options *ret)
{
	static const struct option options[] = { PEER_OPTIONS,
		{ "reason", required_argument, NULL, 'r' },
		{ "id", required_argument, NULL, 'i' },
		{ "partner", required_argument, NULL, 'p' },
		{ "destination", required_argument, NULL, 'd' },
		{ "to", required_argument, NULL, 't' },
		{ "older-than", required_argument, NULL, 'o' },
		{ "all", no_argument, NULL, 'A' }, { 0 } };
	int c;

	*ret = (struct act_options){
		.id = "", .partner = "", .destination = "", .to = ""
	};
	while ((c = command_option(argc, argv, "", options)) != -1)
		if (take_option(ret, c, optarg) < 0)
			return -EINVAL;
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return -EINVAL;
	if (!peer_complete(&ret->peer) || !ret->reason)
		return command_fault(
			"--url, --ca, --cert, --key and --reason are needed");
	return 0;
}

static json_t *question(const struct act_options *o, int64_t before, const json_t *last)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I}", "reason",
		json_text(o->reason), "id", json_text(o->id), "partner",
		json_text(o->partner), "destination", json_text(o->destination), "to",
		json_text(o->to), "before", (json_int_t)before, "state",
		json_integer_value(json_object_get(last, "state")), "after",
		json_integer_value(json_object_get(last, "after")));
}

int queue_act_run(int argc, char **argv)
{
	_cleanup_json_ json_t *last = NULL;
	struct act_options o;
	int64_t before;
	char path[64];
	int status;

	if (read_options(argc, argv, &o) < 0 ||
		snprintf(path, sizeof(path), "/v1/acts/%s", argv[0]) >= (int)sizeof(path))
		return command_usage("queue");
	before = o.older_than ? clock_now() - o.older_than : 0;
	do {
		json_t *answer = NULL;

		status = control_post(&o.peer, path, question(&o, before, last), &answer);
		json_decref(last);
		last = answer;
	} while (status == EXIT_CLEAN && json_is_true(json_object_get(last, "more")));
	return status;
}
