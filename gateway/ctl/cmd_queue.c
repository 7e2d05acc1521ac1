/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/queue_control.h"
#include "ctl/queue_session.h"
#include "ctl/timeline.h"

#include "common/json.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct queue_options {
	const char *state, *partner;
	int limit;
	bool json;
};

static int read_options(int argc, char **argv, struct queue_options *ret)
{
	static const struct option options[] = { { "format", required_argument, NULL,
							 'f' },
		{ "state", required_argument, NULL, 's' },
		{ "partner", required_argument, NULL, 'p' },
		{ "limit", required_argument, NULL, 'n' }, { 0 } };
	char *end;
	long n;
	int c;

	*ret = (struct queue_options){ .state = "", .partner = "", .limit = 50 };
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			ret->json = strcmp(optarg, "json") == 0;
			if (!ret->json && strcmp(optarg, "text") != 0)
				return -EINVAL;
			break;
		case 's':
			ret->state = optarg;
			break;
		case 'p':
			ret->partner = optarg;
			break;
		case 'n':
			n = strtol(optarg, &end, 10);
			if (*end || n < 1 || n > 1000)
				return -EINVAL;
			ret->limit = (int)n;
			break;
		default:
			return -EINVAL;
		}
	}
	if (*ret->state && document_state_find(ret->state) == DOCUMENT_NONE)
		return -EINVAL;
	return 0;
}

static int dump(const json_t *value)
{
	json_dumpf(value, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	putchar('\n');
	return EXIT_CLEAN;
}

static int list(
	struct queue_session *s, const struct queue_options *o, int argc, char **argv)
{
	_cleanup_json_ json_t *answer = NULL;
	size_t i;
	json_t *d;
	int fd, r;

	(void)argv;
	if (argc)
		return command_usage("queue");
	r = queue_list(s->queue, o->state, o->partner, o->limit, &fd);
	if (r != QUEUE_DONE)
		return queue_session_explain(r, NULL);
	answer = queue_session_json(fd);
	if (!answer)
		return EXIT_INTERNAL;
	if (o->json)
		return dump(answer);
	json_array_foreach(answer, i, d) timeline_print_line(stdout, d);
	return EXIT_CLEAN;
}

static int show(
	struct queue_session *s, const struct queue_options *o, int argc, char **argv)
{
	_cleanup_json_ json_t *answer = NULL;
	struct queue_document d;
	int fd, r;

	if (argc != 1)
		return command_usage("queue");
	r = queue_get(s->queue, argv[0], NULL, QUEUE_META, &d, &fd);
	if (r != QUEUE_DONE)
		return queue_session_explain(r, argv[0]);
	answer = queue_session_json(fd);
	if (!answer)
		return EXIT_INTERNAL;
	queue_session_add_findings(s, answer);
	if (o->json)
		return dump(answer);
	timeline_print(stdout, answer);
	return EXIT_CLEAN;
}

static int stats(
	struct queue_session *s, const struct queue_options *o, int argc, char **argv)
{
	_cleanup_json_ json_t *answer = NULL;
	int fd, r;

	(void)argv;
	if (argc)
		return command_usage("queue");
	r = queue_stats(s->queue, &fd);
	if (r != QUEUE_DONE)
		return queue_session_explain(r, NULL);
	answer = queue_session_json(fd);
	if (!answer)
		return EXIT_INTERNAL;
	if (o->json)
		return dump(answer);
	timeline_print_stats(stdout, answer);
	return EXIT_CLEAN;
}

static const struct {
	const char *name;
	int (*run)(struct queue_session *s, const struct queue_options *o, int argc,
		char **argv);
} READINGS[] = { { "list", list }, { "show", show }, { "stats", stats } };

int cmd_queue(int argc, char **argv)
{
	_cleanup_session_ struct queue_session s = { 0 };
	const char *verb = argc > 1 ? argv[1] : "stats";
	struct queue_options o;
	int r;

	if (argc > 1) {
		argc--;
		argv++;
	}
	if (strcmp(verb, "hold") == 0 || strcmp(verb, "release") == 0 ||
		strcmp(verb, "redrive") == 0)
		return queue_control_run("queue", argc, argv);
	for (size_t i = 0; i < sizeof(READINGS) / sizeof(READINGS[0]); i++) {
		if (strcmp(verb, READINGS[i].name) != 0)
			continue;
		if (read_options(argc, argv, &o) < 0)
			return command_usage("queue");
		r = queue_session_open(&s);
		if (r != EXIT_CLEAN)
			return r;
		return READINGS[i].run(&s, &o, argc - optind, argv + optind);
	}
	return command_usage("queue");
}

int cmd_hold(int argc, char **argv)
{
	return queue_control_run("hold", argc, argv);
}

int cmd_release(int argc, char **argv)
{
	return queue_control_run("release", argc, argv);
}

int cmd_redrive(int argc, char **argv)
{
	return queue_control_run("redrive", argc, argv);
}
