/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/documents/queue_control.h"
#include "ctl/documents/queue_session.h"
#include "ctl/documents/timeline.h"

#include "common/buf.h"
#include "common/durable.h"
#include "common/json.h"
#include "queue/protocol.h"
#include "web/remote.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1000

struct queue_options {
	const char *state, *partner;
	int limit;
	bool json;
};

static int check_state(const char *state)
{
	char known[256] = "";

	if (document_state_find(state) != DOCUMENT_NONE)
		return 0;
	for (int i = DOCUMENT_NONE + 1; i < DOCUMENT_STATES; i++) {
		size_t len = strlen(known);

		snprintf(known + len, sizeof(known) - len, "%s%s", len ? ", " : "",
			document_state_text((enum document_state)i));
	}
	return command_fault("there is no state '%s' (%s)", state, known);
}

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
	while ((c = command_option(argc, argv, "", options)) != -1) {
		switch (c) {
		case 'f':
			if (command_format(optarg, &ret->json) < 0)
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
			if (*end || n < 1 || n > LIST_MAX)
				return command_fault(
					"--limit is 1 to %d, not '%s'", LIST_MAX, optarg);
			ret->limit = (int)n;
			break;
		default:
			return -EINVAL;
		}
	}
	return *ret->state ? check_state(ret->state) : 0;
}

static int dump(const json_t *value)
{
	json_dumpf(value, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	putchar('\n');
	return EXIT_CLEAN;
}

/* What queued answered, r being how. Return: EXIT_CLEAN with it, or why there is none. */
static int read_answer(int r, int fd, const char *asked, json_t **ret_answer)
{
	if (r != QUEUE_DONE)
		return asked ? queue_session_explain_id(r, asked)
			     : queue_session_explain(r, NULL);
	*ret_answer = queue_session_json(fd);
	return *ret_answer ? EXIT_CLEAN : EXIT_INTERNAL;
}

static int list(struct queue_session *s, const struct queue_options *o, char **arguments)
{
	_cleanup_json_ json_t *answer = NULL;
	size_t i;
	json_t *d;
	int fd, r;

	(void)arguments;
	r = queue_list(s->queue, o->state, o->partner, o->limit, &fd);
	r = read_answer(r, fd, NULL, &answer);
	if (r != EXIT_CLEAN)
		return r;
	if (o->json)
		return dump(answer);
	json_array_foreach(answer, i, d) timeline_print_line(stdout, d);
	return EXIT_CLEAN;
}

static int show(struct queue_session *s, const struct queue_options *o, char **arguments)
{
	_cleanup_json_ json_t *answer = NULL;
	struct queue_document d;
	int fd, r;

	r = queue_get(s->queue, arguments[0], NULL, QUEUE_META, &d, &fd);
	r = read_answer(r, fd, arguments[0], &answer);
	if (r != EXIT_CLEAN)
		return r;
	queue_session_add_findings(s, answer);
	if (o->json)
		return dump(answer);
	timeline_print(stdout, answer);
	return EXIT_CLEAN;
}

static int stats(struct queue_session *s, const struct queue_options *o, char **arguments)
{
	_cleanup_json_ json_t *answer = NULL;
	int fd, r;

	(void)arguments;
	r = queue_stats(s->queue, &fd);
	r = read_answer(r, fd, NULL, &answer);
	if (r != EXIT_CLEAN)
		return r;
	if (o->json)
		return dump(answer);
	timeline_print_stats(stdout, answer);
	return EXIT_CLEAN;
}

static int reviews(
	struct queue_session *s, const struct queue_options *o, char **arguments)
{
	_cleanup_json_ json_t *answer = NULL;
	size_t i;
	json_t *p;
	int fd, r;

	(void)arguments;
	r = queue_reviews(s->queue, &fd);
	r = read_answer(r, fd, NULL, &answer);
	if (r != EXIT_CLEAN)
		return r;
	if (o->json)
		return dump(answer);
	json_array_foreach(answer, i, p) timeline_print_proposal(stdout, p);
	if (json_array_size(answer) == 0)
		puts("no release waits for another person");
	return EXIT_CLEAN;
}

/* Where queued looks for it: whoever may write there may say so. */
static int accept(const struct queue_session *s, const char *last)
{
	_cleanup_buf_ struct buf line;
	char path[PATH_MAX];
	int r = instance_path(&s->instance, "state/queue/" QUEUE_ACCEPT_CLOCK, path);

	buf_init(&line, QUEUE_TIME_SIZE + 1);
	buf_addf(&line, "%s\n", last);
	if (r == 0)
		r = line.error ? line.error : durable_write(path, buf_span(&line), 0644);
	if (r < 0)
		fprintf(stderr, "sealgate: %s: %s\n", path, strerror(-r));
	else
		puts("accepted: queued goes on from now");
	return r < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

/* From afar it is done when it is on record, which it is before this runs, or not at
 * all. What was accepted may be said again. */
static int accept_clock(
	struct queue_session *s, const struct queue_options *o, char **arguments)
{
	_cleanup_json_ json_t *answer = NULL;
	const char *said = arguments[0], *last, *accepted;
	bool afar = getenv(REMOTE_PERSON) != NULL;
	int fd, r;

	(void)o;
	r = queue_stats(s->queue, &fd);
	r = read_answer(r, fd, NULL, &answer);
	if (r != EXIT_CLEAN)
		return r;
	last = json_string_of(answer, "clock_behind");
	accepted = json_string_of(answer, "clock_accepted");
	if (!last && accepted && strcmp(accepted, said) == 0) {
		puts("accepted: the clock is not behind the last record");
		return EXIT_CLEAN;
	}
	if (!last) {
		fprintf(stderr, "sealgate: the clock is not behind the last record: "
				"there is nothing to accept\n");
		return EXIT_NOT_PASSED;
	}
	if (!afar && strcmp(last, said) == 0)
		return accept(s, last);
	fprintf(stderr, "sealgate: the last record is of %s\n", last);
	return EXIT_NOT_PASSED;
}

static const struct {
	const char *name;
	int arguments;
	const char *argument;
	int (*run)(
		struct queue_session *s, const struct queue_options *o, char **arguments);
} READINGS[] = { { "list", 0, "nothing", list }, { "show", 1, "the document's ID", show },
	{ "stats", 0, "nothing", stats }, { "reviews", 0, "nothing", reviews },
	{ "accept-clock", 1, "the time of the last record", accept_clock } };

static int read_queue(size_t reading, int argc, char **argv)
{
	_cleanup_session_ struct queue_session s = { 0 };
	int wanted = READINGS[reading].arguments, r;
	struct queue_options o;

	if (read_options(argc, argv, &o) < 0 ||
		command_arguments(
			argc, argv, wanted, wanted, READINGS[reading].argument) < 0)
		return command_usage("queue");
	r = queue_session_open(&s);
	return r == EXIT_CLEAN ? READINGS[reading].run(&s, &o, argv + optind) : r;
}

static bool has_option(int argc, char **argv, const char *option)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return true;
	return false;
}

int cmd_queue(int argc, char **argv)
{
	bool named = argc > 1 && argv[1][0] != '-';
	const char *verb = named ? argv[1] : "stats";

	argc -= named;
	argv += named;
	if (strcmp(verb, "reroute") == 0 || has_option(argc, argv, "--all"))
		return queue_act_run(argc, argv);
	if (strcmp(verb, "hold") == 0 || strcmp(verb, "release") == 0 ||
		strcmp(verb, "redrive") == 0)
		return queue_control_run("queue", argc, argv);
	if (strcmp(verb, "confirm") == 0 || strcmp(verb, "decline") == 0)
		return queue_review_run(argc, argv);
	for (size_t i = 0; i < sizeof(READINGS) / sizeof(READINGS[0]); i++)
		if (strcmp(verb, READINGS[i].name) == 0)
			return read_queue(i, argc, argv);
	return command_no_verb(verb);
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
