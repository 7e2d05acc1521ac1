/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/remote/remote_replay.h"

#include "common/clock.h"
#include "common/json.h"
#include "ctl/bundle/rerun.h"
#include "ctl/command.h"
#include "ctl/remote/remote.h"
#include "web/remote.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (2u * REMOTE_OUTPUT_MAX)
#define TIMEOUT_S (REMOTE_MS / 1000 + 30)
#define FIRST_MS 200
#define LAST_MS 5000
#define FAILURES_MAX 10 /* one after the other: it may be busy, or start again */
#define BEGINS_MS 120000

struct following {
	char id[128];
	int failures, unended;
	int64_t asked_ms; /* since when it has not begun */
};

static const char *text_at(const json_t *arguments, size_t i)
{
	const char *text = json_string_value(json_array_get(arguments, i));

	return text ? text : "";
}

bool replay_wanted(int argc, char *const *argv)
{
	bool asked = false;

	if (argc < 2)
		return false;
	for (int i = 2; i < argc; i++)
		asked = asked || strcmp(argv[i], "--replay") == 0;
	return (strcmp(argv[0], "policy") == 0 && strcmp(argv[1], "replay") == 0) ||
	       (asked && strcmp(argv[0], "trust") == 0 && strcmp(argv[1], "diff") == 0);
}

void replay_arguments(json_t *arguments)
{
	if (strcmp(text_at(arguments, 0), "trust") != 0)
		return;
	for (size_t i = json_array_size(arguments); i-- > 2;)
		if (strcmp(text_at(arguments, i), "--replay") == 0)
			json_array_remove(arguments, i);
	json_array_insert_new(arguments, 2, json_string("--replay"));
}

/* As the command here has it: JSON of lists, of a policy where it was asked for. */
static bool wants_json(const json_t *arguments)
{
	bool json = strcmp(text_at(arguments, 0), "trust") == 0;

	for (size_t i = 2; i < json_array_size(arguments); i++)
		if (strcmp(text_at(arguments, i), "--format=json") == 0 ||
			(strcmp(text_at(arguments, i), "--format") == 0 &&
				strcmp(text_at(arguments, i + 1), "json") == 0))
			json = true;
	return json;
}

/* What a command printed, as JSON; a new reference. *ret_status: its own, or what the
 * gate's answer makes of it. What it complained of is printed. */
static json_t *run(const struct peer *peer, const json_t *request, int *ret_status)
{
	_cleanup_(http_response_done) struct http_response response = { 0 };
	_cleanup_json_ json_t *answer = NULL;
	const char *output, *errors;
	int r = peer_post(peer, REMOTE_PATH, request, ANSWER_MAX, TIMEOUT_S, &response);

	*ret_status = peer_status(r);
	if (r < 0)
		return NULL;
	if (response.status != 200) {
		*ret_status = remote_refused(&response);
		return NULL;
	}
	answer = json_read(buf_span(&response.body), ANSWER_MAX);
	output = json_string_of(answer, "output");
	errors = json_string_of(answer, "errors");
	if (errors)
		fputs(errors, stderr);
	if (json_is_integer(json_object_get(answer, "status")))
		*ret_status = (int)json_integer_value(json_object_get(answer, "status"));
	return output ? json_read(span_str(output), ANSWER_MAX) : NULL;
}

static int print(const json_t *state, bool json)
{
	json_t *account = json_object_get(state, "account");
	const char *failed = json_string_of(state, "failed");
	const json_t *status = json_object_get(state, "status");

	if (!account) {
		fprintf(stderr, "sealgate: it failed at the gate: %s\n",
			failed ? failed : "");
		return json_is_integer(status) ? (int)json_integer_value(status)
					       : EXIT_INTERNAL;
	}
	if (!json)
		rerun_print(stdout, account);
	else if (json_dumpf(account, stdout, JSON_COMPACT | JSON_SORT_KEYS) < 0 ||
		 putchar('\n') == EOF)
		return EXIT_INTERNAL;
	return json_is_integer(status) ? (int)json_integer_value(status) : EXIT_INTERNAL;
}

static int give_up(const char *why)
{
	command_fault("%s: sealgate replay status says more", why);
	return EXIT_INTERNAL;
}

static void tell(const json_t *state)
{
	const char *at = json_string_of(state, "at");

	if (at && isatty(STDERR_FILENO))
		fprintf(stderr, "%lld documents, the last of %s\n",
			(long long)json_integer_value(
				json_object_get(state, "documents")),
			at);
}

/* Return: -1 to ask again, or an exit status. */
static int look(struct following *f, const json_t *state, bool json)
{
	const char *is = json_string_of(state, "state");
	const char *id = json_string_of(json_object_get(state, "order"), "id");

	if (!is)
		return ++f->failures < FAILURES_MAX ? -1
						    : give_up("the gate's answers "
							      "cannot be read");
	f->failures = 0;
	if (!id || strcmp(id, f->id) != 0)
		return give_up("another replay was ordered there since");
	if (strcmp(is, "ordered") == 0)
		return clock_monotonic_ms() - f->asked_ms < BEGINS_MS
			       ? -1
			       : give_up("it does not begin");
	if (strcmp(is, "ended") != 0) {
		tell(state);
		return -1;
	}
	/* Without an end it was cut short, or has begun while that was looked at. */
	if (!json_object_get(state, "ended") && f->unended++ == 0)
		return -1;
	return print(state, json);
}

/* Has it ended with an account, which is asked for by a command that is recorded? */
static bool has_account(const struct following *f, const json_t *state)
{
	const char *is = json_string_of(state, "state");
	const char *id = json_string_of(json_object_get(state, "order"), "id");

	return is && id && strcmp(is, "ended") == 0 && strcmp(id, f->id) == 0 &&
	       json_object_get(state, "ended") && !json_object_get(state, "failed");
}

static int follow(const struct peer *peer, struct following *f, bool json)
{
	_cleanup_json_ json_t *question = json_pack(
		"{s:[s, s, s, s]}", "arguments", "replay", "status", "--format", "json");
	_cleanup_json_ json_t *last = json_pack(
		"{s:[s, s, s, s]}", "arguments", "replay", "account", "--format", "json");
	int status = -1, wait = FIRST_MS;

	f->asked_ms = clock_monotonic_ms();
	while (status < 0) {
		_cleanup_json_ json_t *state = NULL;
		int ignored;

		(void)poll(NULL, 0, wait);
		wait = 2 * wait < LAST_MS ? 2 * wait : LAST_MS;
		state = run(peer, question, &ignored);
		if (has_account(f, state)) {
			json_decref(state);
			state = run(peer, last, &ignored);
		}
		status = look(f, state, json);
	}
	return status;
}

int replay_follow(const struct peer *peer, const json_t *request)
{
	const json_t *arguments = json_object_get(request, "arguments");
	struct following f = { .failures = 0 };
	int status;
	_cleanup_json_ json_t *ordered = run(peer, request, &status);
	const char *id = json_string_of(ordered, "ordered");

	if (!id)
		return status == EXIT_CLEAN ? EXIT_INTERNAL : status;
	(void)snprintf(f.id, sizeof(f.id), "%s", id);
	return follow(peer, &f, wants_json(arguments));
}
