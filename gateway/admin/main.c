/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-admin: what operators and monitors ask behind nginx: health, metrics, the
 * queue and acts on it. It never acts without a named person and never opens the
 * database.
 */
#include "admin/admin.h"

#include "common/answered.h"
#include "common/daemon.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Below the 30 s that nginx waits for an answer. */
#define CONNECTION_TIMEOUT_MS 10000
#define COMMANDS_AT_ONCE 4

static const char USAGE[] =
	"usage: sealgate-admin --instance DIR\n"
	"Serves operators behind nginx: health, metrics, queue; see sealgate-admin(8).\n";

static struct queue *connect_queue(const struct instance *instance)
{
	struct queue *q = NULL;
	char path[PATH_MAX];

	if (instance_socket(instance, "queued", path) == 0 &&
		queue_connect(path, QUEUE_TIMEOUT_MS, &q) < 0)
		return NULL;
	return q;
}

/* Each visit reads the people anew: one who was removed a moment ago is a stranger now.
 * Not the rest of policy: they may be here to put that right. */
static void visit(struct visit *v)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(queue_disconnectp) struct queue *queue = NULL;
	_cleanup_(freep) char *error = NULL;

	if (policy_load_people(v->admin->policies, &policy, &error) < 0) {
		log_event(LOG_ERR, "admin.policy", NULL, "%s", error ? error : "memory");
		visit_problem(v, "internal.error", NULL, NULL);
		return;
	}
	v->policy = policy;
	queue = connect_queue(v->admin->instance);
	v->queue = queue;
	if (!visit_identify(v))
		return;
	v->mends = policy_role_may(policy, v->person->role, "machine");
	visit_dispatch(v);
}

static void serve(struct admin *admin, int socket)
{
	_cleanup_request_ struct request request;
	_cleanup_response_ struct response response;
	struct visit v = { .admin = admin, .request = &request, .response = &response };

	int r = request_read(socket, &request);

	response_init(&response);
	if (r == -E2BIG)
		visit_too_long(&v);
	else if (r == 1)
		visit(&v);
	else
		return;
	if (v.elsewhere)
		return;
	request_discard(&request);
	if (response_send(&response, socket) < 0)
		log_event(LOG_WARNING, "admin.answer", NULL,
			"the answer did not reach nginx");
	else if (v.mends)
		(void)answered_tell(); /* who asks for it finds nothing, and says so */
	if (v.last)
		_exit(0);
}

static int prepare(struct admin *a, const struct instance *instance)
{
	int r = instance_path(instance, "policies", a->policies);

	a->instance = instance;
	if (r == 0)
		r = web_revocation_parse(
			config_string(instance->config, "tls.operator_revocation"),
			&a->demanded);
	if (r == 0)
		r = instance_path(instance,
			config_string(instance->config, "tls.operator_ca"),
			a->authorities);
	return r == 0 ? instance_path(instance, "state/trust/revocation", a->revocation)
		      : r;
}

/* One visit at a time: operators are few, and every step has a bound. */
static void run(const struct daemon *d, struct admin *admin)
{
	int socket;

	daemon_ready(d);
	while ((socket = daemon_accept(d, CONNECTION_TIMEOUT_MS)) >= 0) {
		if (instance_peer_is(&d->instance, socket, "nginx"))
			serve(admin, socket);
		else
			log_event(LOG_WARNING, "admin.stranger", NULL,
				"a connection that is not nginx's was closed");
		close(socket);
	}
	/* Their answers are on the way, and one may be that of what stops the gate. */
	beside_finish(&admin->commands, BESIDE_FINISH_MS);
}

int main(int argc, char **argv)
{
	struct admin admin = { .commands = { .most = COMMANDS_AT_ONCE } };
	struct daemon d;
	int r = daemon_start(&d, "admin", DAEMON_STREAM, argc, argv, USAGE);

	if (r >= 0)
		return r;
	r = prepare(&admin, &d.instance);
	if (r == 0)
		run(&d, &admin);
	else
		log_event(LOG_ERR, "admin.start", NULL, "%s", strerror(-r));
	daemon_done(&d);
	return r == 0 ? 0 : 1;
}
