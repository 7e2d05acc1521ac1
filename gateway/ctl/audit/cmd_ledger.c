/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/command.h"
#include "ctl/documents/queue_session.h"

#include "common/json.h"
#include "queue/ledger_walk.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALK_STEP 500
#define PAGE_LINES 1000

/* One answer; *ret_status says why there is none. */
static json_t *ask(struct queue_session *s, int walk, int *ret_status)
{
	json_t *answer;
	int fd, r = queue_ledger(s->queue, walk, &fd);

	if (r != QUEUE_DONE) {
		*ret_status = queue_session_explain(r, NULL);
		return NULL;
	}
	answer = queue_session_json(fd);
	*ret_status = answer ? EXIT_CLEAN : EXIT_INTERNAL;
	return answer;
}

static json_int_t rounds(const json_t *ledger)
{
	return json_integer_value(
		json_object_get(json_object_get(ledger, "check"), "rounds"));
}

/* Until a whole round has begun and ended: the one under way may be half over. */
static json_t *ask_all(struct queue_session *s, int *ret_status)
{
	json_t *ledger = ask(s, 0, ret_status);
	json_int_t until = rounds(ledger) + 2;

	while (ledger && rounds(ledger) < until) {
		json_decref(ledger);
		ledger = ask(s, WALK_STEP, ret_status);
	}
	return ledger;
}

/* The totals of the statistics stand in the ledger, too. */
static int add_totals(struct queue_session *s, json_t *ledger)
{
	_cleanup_json_ json_t *stats = NULL;
	int fd, r = queue_stats(s->queue, &fd);

	if (r != QUEUE_DONE)
		return queue_session_explain(r, NULL);
	stats = queue_session_json(fd);
	if (!stats)
		return EXIT_INTERNAL;
	json_object_update_missing(ledger, json_object_get(stats, "ledger"));
	json_object_del(ledger, "mismatches");
	json_object_set(ledger, "documents", json_object_get(stats, "documents"));
	return EXIT_CLEAN;
}

/* The signer counts by itself what it sealed; less than is sealed here cannot be. NULL
 * while it does not answer. */
static json_t *signer_count(const struct queue_session *s, const json_t *ledger)
{
	_cleanup_json_ json_t *state = queue_session_signer(s);
	json_int_t sealed = json_integer_value(json_object_get(ledger, "sealed_here"));
	json_int_t seals = 0;
	size_t i;
	json_t *role;

	if (!state)
		return json_null();
	json_array_foreach(json_object_get(state, "roles"), i, role)
	{
		const char *name = json_string_of(role, "role");

		if (name && strcmp(name, "seal") == 0)
			seals = json_integer_value(json_object_get(role, "count"));
	}
	return json_pack("{s:I,s:I,s:b}", "seals", seals, "sealed", sealed, "balanced",
		(int)(seals >= sealed));
}

static bool clean(const json_t *ledger)
{
	const json_t *check = json_object_get(ledger, "check");

	return json_is_true(json_object_get(ledger, "balanced")) &&
	       json_array_size(json_object_get(check, "mismatches")) == 0 &&
	       !json_is_false(
		       json_object_get(json_object_get(ledger, "signer"), "balanced"));
}

static int tell(struct queue_session *s, bool all)
{
	_cleanup_json_ json_t *ledger = NULL;
	int status = EXIT_CLEAN;

	ledger = all ? ask_all(s, &status) : ask(s, 0, &status);
	if (!ledger)
		return status;
	status = add_totals(s, ledger);
	if (status != EXIT_CLEAN)
		return status;
	json_object_set_new(ledger, "signer", signer_count(s, ledger));
	json_dumpf(ledger, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	putchar('\n');
	return clean(ledger) ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

/* A page of the file of what the last whole round found, each with its number. */
static int print_page(FILE *file, long long after)
{
	_cleanup_(freep) char *line = NULL;
	long long n = 0;
	size_t size = 0;

	while (getline(&line, &size, file) > 0) {
		if (n++ < after)
			continue;
		if (n > after + PAGE_LINES) {
			fprintf(stderr, "sealgate ledger: there are more: --after %lld\n",
				after + PAGE_LINES);
			break;
		}
		printf("{\"line\":%lld,\"mismatch\":%.*s}\n", n, (int)strcspn(line, "\n"),
			line);
	}
	return n > 0 ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

static int tell_mismatches(const struct queue_session *s, long long after)
{
	char path[PATH_MAX];
	FILE *file;
	int status;

	if (instance_path(&s->instance, "state/queue/" LEDGER_EVIDENCE, path) < 0)
		return EXIT_INTERNAL;
	file = fopen(path, "re");
	if (!file) {
		if (errno == ENOENT)
			return EXIT_CLEAN; /* nothing is found */
		fprintf(stderr, "sealgate ledger: %s: %s\n", path, strerror(errno));
		return EXIT_INTERNAL;
	}
	status = print_page(file, after);
	fclose(file);
	return status;
}

static bool read_number(const char *text, long long *ret)
{
	char *end;

	*ret = strtoll(text, &end, 10);
	return *text && !*end && *ret >= 0;
}

/* Where everything is that was ever acknowledged. */
int cmd_ledger(int argc, char **argv)
{
	static const struct option options[] = { { "check", no_argument, NULL, 'c' },
		{ "mismatches", no_argument, NULL, 'm' },
		{ "after", required_argument, NULL, 'a' }, { 0 } };
	_cleanup_session_ struct queue_session s = { 0 };
	bool all = false, mismatches = false;
	long long after = 0;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		all |= c == 'c';
		mismatches |= c == 'm';
		if (c == '?' || (c == 'a' && !read_number(optarg, &after)))
			return command_usage("ledger");
	}
	if (command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("ledger");
	c = queue_session_open(&s);
	if (c != EXIT_CLEAN)
		return c;
	return mismatches ? tell_mismatches(&s, after) : tell(&s, all);
}
