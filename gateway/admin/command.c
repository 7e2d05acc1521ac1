/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/ipc.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "web/remote.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#define AT_ONCE 4 /* commands that run beside the visits */
#define RUNNER_MS (REMOTE_MS + 5000)

/* sealgate-operate runs it. */
static int ask_runner(const char *socket_path, const json_t *request, json_t **ret_answer)
{
	_cleanup_(freep) char *text = json_canonical(request);
	_cleanup_(closep) int input = -1, connection = -1;
	struct ipc_message m;
	struct span answer = { 0 };
	int r;

	connection = ipc_connect(socket_path, RUNNER_MS);
	if (connection < 0)
		return connection;
	input = text ? memfd_from("command", span_str(text)) : -ENOMEM;
	if (input < 0)
		return input;
	r = ipc_call(connection, REMOTE_ASK, "", 0, &input, 1, &m);
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

static void run(struct visit *v, const json_t *request)
{
	json_t *answer = NULL;
	char path[PATH_MAX];
	int r = instance_socket(v->admin->instance, "operate", path);

	if (r == 0)
		r = ask_runner(path, request, &answer);
	if (r < 0)
		visit_problem(v, "operator.undone", NULL, strerror(-r));
	else
		response_json(v->response, 200, TYPE_JSON, answer);
}

/* A command takes its time: a process of its own answers, and the visits go on. */
static void run_beside(struct visit *v, const json_t *request)
{
	static unsigned int beside;
	pid_t pid;

	while (beside && waitpid(-1, NULL, WNOHANG) > 0)
		beside--;
	pid = beside < AT_ONCE ? fork() : -1;
	if (pid < 0) {
		visit_problem(v, "http.busy", NULL, NULL);
		return;
	}
	beside += pid > 0;
	v->elsewhere = pid > 0;
	v->last = pid == 0;
	if (pid == 0)
		run(v, request);
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

void command_post(struct visit *v, const char *rest)
{
	_cleanup_json_ json_t *request = read_request(v);
	const struct remote_command *row;
	const char *fault;

	(void)rest;
	row = remote_find(json_object_get(request, "arguments"), &fault);
	if (!row) {
		visit_problem(v, "operator.command", NULL, fault);
		return;
	}
	if (!visit_may(v, row->verb))
		return;
	log_event(
		LOG_NOTICE, "admin.command", NULL, "%s: %s", v->person->name, row->words);
	run_beside(v, request);
}
