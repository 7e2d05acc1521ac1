/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"
#include "ctl/documents/timeline.h"

#include "common/json.h"

#include <stdbool.h>
#include <string.h>

static int print(struct queue_session *s, int fd, bool json)
{
	_cleanup_json_ json_t *answer = queue_session_json(fd);
	size_t i;
	json_t *d;

	if (!answer)
		return EXIT_INTERNAL;
	json_array_foreach(json_object_get(answer, "documents"), i, d)
		queue_session_add_findings(s, d);
	if (json) {
		json_dumpf(answer, stdout, JSON_SORT_KEYS | JSON_COMPACT);
		putchar('\n');
		return EXIT_CLEAN;
	}
	json_array_foreach(json_object_get(answer, "documents"), i, d)
		timeline_print(stdout, d);
	return EXIT_CLEAN;
}

int cmd_explain(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' }, { 0 }
	};
	_cleanup_session_ struct queue_session s = { 0 };
	bool json = false;
	int c, fd, r;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c != 'f' || command_format(optarg, &json) < 0)
			return command_usage("explain");
	}
	if (command_arguments(argc, argv, 1, 1, "ID, NUMBER, PAPER or SHA256") < 0)
		return command_usage("explain");
	r = queue_session_open(&s);
	if (r != EXIT_CLEAN)
		return r;
	r = queue_explain(s.queue, argv[optind], &fd);
	return r == QUEUE_DONE ? print(&s, fd, json)
			       : queue_session_explain(r, argv[optind]);
}
