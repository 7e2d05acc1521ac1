/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/buf.h"
#include "common/digest.h"
#include "common/id.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "web/remote.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

#define RUNNER_MS (REMOTE_MS + 5000)
/* Of a person's at once that look at something; one more may change something. */
#define LOOKS_OF_ONE 2
#define KEPT 1 /* places for what changes something */

/* sealgate-operate runs it. */
static int ask_runner(
	const char *socket_path, const json_t *request, int piece, json_t **ret_answer)
{
	_cleanup_(freep) char *text = json_canonical(request);
	_cleanup_(closep) int input = -1, connection = -1;
	struct ipc_message m;
	struct span answer = { 0 };
	int r, fds[2];

	connection = ipc_connect(socket_path, RUNNER_MS);
	if (connection < 0)
		return connection;
	input = text ? memfd_from("command", span_str(text)) : -ENOMEM;
	if (input < 0)
		return input;
	fds[0] = input;
	fds[1] = piece;
	r = ipc_call(connection, REMOTE_ASK, "", 0, fds, piece < 0 ? 1 : 2, &m);
	if (r == 0 && (m.header.type != REMOTE_ANSWER || m.header.fd_count != 1))
		r = -EPROTO;
	if (r == 0)
		r = memfd_map(m.fds[0], 2 * REMOTE_OUTPUT_MAX, &answer);
	if (r == 0)
		*ret_answer = json_read(answer, 2 * REMOTE_OUTPUT_MAX);
	memfd_unmap(&answer);
	ipc_message_done(&m);
	return r == 0 && !*ret_answer ? -EPROTO : r;
}

static void run(struct visit *v, const json_t *request, int piece)
{
	_cleanup_json_ json_t *answer = NULL;
	const char *undone;
	char path[PATH_MAX];
	int r = instance_socket(v->admin->instance, "operate", path);

	if (r == 0)
		r = ask_runner(path, request, piece, &answer);
	undone = json_string_of(answer, "undone");
	if (r < 0)
		visit_problem(v, "operator.undone", NULL, strerror(-r));
	else if (undone) /* by who runs it: it is on record, or it is not run */
		visit_problem(v, undone, NULL, NULL);
	else
		response_json(v->response, 200, TYPE_JSON, TAKE(answer));
}

/* A command takes its time: a process of its own answers, and the visits go on. */
static void run_beside(struct visit *v, json_t *request, int piece, const char *first)
{
	pid_t pid = -ENOMEM;

	/* By whom, whatever the request says. */
	(void)json_object_del(request, "after");
	if (json_object_set_new(request, "by", json_text(v->person->name)) == 0 &&
		(!*first || json_object_set_new(request, "after", json_text(first)) == 0))
		pid = beside_start(&v->admin->commands, v->person->name);

	if (pid < 0) {
		visit_problem(v, "http.busy", NULL, NULL);
		return;
	}
	v->elsewhere = pid > 0;
	v->last = pid == 0;
	if (pid == 0)
		run(v, request, piece);
}

static json_t *read_request(struct visit *v)
{
	struct span text = { 0 };
	json_t *request = NULL;

	if (request_size(v->request) > REMOTE_REQUEST_MAX ||
		request_body(v->request) != 1 ||
		memfd_map(v->request->body, REMOTE_REQUEST_MAX, &text) < 0)
		return NULL;
	request = json_read(text, REMOTE_REQUEST_MAX);
	memfd_unmap(&text);
	return request;
}

/* The document that a command shows: its one argument that is no option's value. */
static const char *shown(const json_t *request)
{
	const json_t *argument;
	size_t i;

	json_array_foreach(json_object_get(request, "arguments"), i, argument)
	{
		const char *text = json_string_value(argument);

		if (text && id_valid(text))
			return text;
	}
	return NULL;
}

/* Whoever reads a document is on record before it is shown; what is no document's id
 * shows none. */
static bool record_reading(struct visit *v, const json_t *request)
{
	const char *id = shown(request);
	int r;

	if (!id)
		return true;
	r = v->queue ? queue_reading(
			       v->queue, id, READER_PERSON, v->person->name, "document")
		     : -ENOTCONN;
	if (r == QUEUE_DONE || r == QUEUE_NOT_FOUND)
		return true;
	visit_problem(v, "http.queue-away", NULL, NULL);
	return false;
}

/* What two people have to ask for alike: each argument, and where it ends. */
static int digest_command(const json_t *request, char ret[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) char *text =
		json_canonical(json_object_get(request, "arguments"));

	return text ? digest_sha256_text(span_str(text), ret) : -ENOMEM;
}

/* Where policy wants two people, the second one's request is the one that runs. */
static bool enough_people(struct visit *v, const struct remote_command *row,
	const json_t *request, const char *command, char *ret_first, size_t size)
{
	char digest[SHA256_TEXT_SIZE];

	*ret_first = '\0';
	if (!policy_needs_two(v->policy, row->verb) || !remote_changes(row))
		return true;
	if (digest_command(request, digest) < 0) {
		visit_problem(v, "internal.error", NULL, NULL);
		return false;
	}
	if (second_person(digest, v->person->name, ret_first, size))
		return true;
	log_event(LOG_NOTICE, "admin.command", NULL, "%s: %s waits for another person",
		v->person->name, command);
	response_json(v->response, 202, TYPE_JSON,
		json_pack("{s:s, s:s, s:s}", "waits", "for another person", "command",
			command, "by", v->person->name));
	return false;
}

static void forget(const json_t *request)
{
	const json_t *input = json_object_get(request, "input");

	if (json_is_string(input))
		OPENSSL_cleanse((void *)(uintptr_t)json_string_value(input),
			json_string_length(input));
}

/* Nobody has all places: neither one person, nor all who only look. */
static bool has_place(struct visit *v, const struct remote_command *row)
{
	struct beside *b = &v->admin->commands;
	unsigned int more = remote_changes(row) ? 1 : 0;

	if (!beside_full(b) && beside_of(b, v->person->name) < LOOKS_OF_ONE + more &&
		b->count + KEPT < b->most + more)
		return true;
	visit_problem(v, "http.busy", NULL, NULL);
	return false;
}

void command_authorise(
	struct visit *v, const struct remote_command *row, json_t *request, int piece)
{
	_cleanup_buf_ struct buf command;
	char first[sizeof(v->person->name)], list[SHA256_TEXT_SIZE] = "";
	int brings = remote_list(row, request, piece, list);

	remote_text(request, list, &command);
	if (command.error || brings < 0) {
		visit_problem(v, "operator.command", NULL,
			brings < 0 ? "the list has no octets"
				   : "the command is too long");
		return;
	}
	if (!visit_may(v, row->verb))
		return;
	/* Nothing is on record, and no consent used, that could not be run. */
	if (!has_place(v, row))
		return;
	if (!enough_people(v, row, request, command.data, first, sizeof(first)) ||
		(row->traits == REMOTE_SHOWS && !record_reading(v, request)))
		return;
	log_event(LOG_NOTICE, "admin.command", NULL, "%s%s%s: %s", v->person->name,
		*first ? " after " : "", first, command.data);
	run_beside(v, request, piece, first);
}

void command_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *request = read_request(v);
	const struct remote_command *row;
	const char *fault;

	(void)rest;
	row = remote_find(json_object_get(request, "arguments"), &fault);
	if (row && (fault = remote_given(row, request)) != NULL)
		row = NULL;
	if (row)
		command_authorise(v, row, request, -1);
	else
		visit_problem(v, "operator.command", NULL, fault);
	forget(request);
}
