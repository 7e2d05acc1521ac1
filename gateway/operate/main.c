/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-operate: runs commands of `sealgate` for operators that sealgate-admin has
 * authorised, as whoever administers the machine; never one that is not in the table, and
 * never for another peer. A process each, and an end to each.
 */
#include "common/beside.h"
#include "common/daemon.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/program.h"
#include "operate/authority.h"
#include "web/remote.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 6
#define CONNECTION_TIMEOUT_MS 10000

static const char USAGE[] =
	"usage: sealgate-operate --instance DIR\n"
	"Runs commands for sealgate-admin; see sealgate-operate(8).\n";

/* Judged here again: admin, which faces the network, does not decide what root runs. */
static int run(const struct instance *instance, const json_t *request, int piece,
	json_t **ret_answer)
{
	const struct remote_command *row;
	const char *fault;
	char program[PATH_MAX];
	int r = program_beside("sealgate", program);

	row = remote_find(json_object_get(request, "arguments"), &fault);
	if (!row || remote_given(row, request) ||
		(piece >= 0 && remote_piece(row, request, piece)))
		return -EPERM;
	fault = authority_fault(instance, row, request, piece);
	if (fault) {
		*ret_answer = json_pack("{s:s}", "undone", fault);
		return *ret_answer ? 0 : -ENOMEM;
	}
	return r < 0 ? r : remote_run(program, instance->dir, request, piece, ret_answer);
}

static int answer(const struct instance *instance, struct ipc_message *m, int socket)
{
	_cleanup_json_ json_t *request = NULL, *done = NULL;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int output = -1;
	struct span asked = { 0 };
	int r = memfd_map(m->fds[0], REMOTE_REQUEST_MAX, &asked);

	if (r == 0)
		request = json_read(asked, REMOTE_REQUEST_MAX);
	memfd_unmap(&asked);
	if (r == 0)
		r = run(instance, request, m->header.fd_count == 2 ? m->fds[1] : -1,
			&done);
	if (r < 0)
		return r;
	text = json_canonical(done);
	output = text ? memfd_from("answer", span_str(text)) : -ENOMEM;
	return output < 0
		       ? output
		       : ipc_send(socket, REMOTE_ANSWER, m->header.id, "", 0, &output, 1);
}

static void serve(const struct instance *instance, int socket)
{
	struct ipc_message m;
	int r = ipc_receive(socket, &m);

	if (r == 1)
		r = m.header.type == REMOTE_ASK &&
				    (m.header.fd_count == 1 || m.header.fd_count == 2)
			    ? answer(instance, &m, socket)
			    : -EPROTO;
	ipc_message_done(&m);
	if (r < 0)
		log_event(LOG_WARNING, "operate.undone", NULL, "%s", strerror(-r));
}

/* A command takes its time, and what goes wrong in one stays in its process. */
static void serve_beside(
	struct beside *commands, const struct instance *instance, int socket)
{
	pid_t pid = beside_start(commands, "");

	if (pid == 0) {
		serve(instance, socket);
		_exit(0);
	}
	if (pid < 0)
		log_event(LOG_WARNING, "operate.busy", NULL, "%u commands run: %s",
			commands->count, strerror(-pid));
}

/* What stops the gate may be the very command that runs: whoever asked for it gets the
 * answer first. */
static void finish(struct beside *commands)
{
	unsigned int left = beside_finish(commands, BESIDE_FINISH_MS);

	if (left)
		log_event(LOG_WARNING, "operate.undone", NULL,
			"%u commands were still running at the stop", left);
}

int main(int argc, char **argv)
{
	struct beside commands = { .most = AT_ONCE };
	struct daemon d;
	int socket, r = daemon_start(&d, "operate", DAEMON_SEQPACKET, argc, argv, USAGE);

	if (r >= 0)
		return r;
	daemon_ready(&d);
	while ((socket = daemon_accept(&d, CONNECTION_TIMEOUT_MS)) >= 0) {
		if (instance_peer_is(&d.instance, socket, "admin"))
			serve_beside(&commands, &d.instance, socket);
		else
			log_event(LOG_WARNING, "operate.stranger", NULL,
				"a connection that is not admin's was closed");
		close(socket);
	}
	finish(&commands);
	daemon_done(&d);
	return 0;
}
