/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-verify. Three generations of processes, so that nothing that is loaded can go
 * stale and nothing hostile comes near what loads. The first, this one, holds the socket
 * and looks at the files; it has loaded nothing and never does. The second, a service,
 * has loaded one policy and one trust store and gives questions to workers. The third, a
 * worker, reads the octets of one subject behind closed doors. When files change, a new
 * service is started beside the old one, which finishes what it has. A policy that cannot
 * be loaded changes nothing.
 */
#include "common/daemon.h"
#include "common/log.h"
#include "pki/errors.h"
#include "verify/context.h"
#include "verify/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LOOK_MS 1000 /* how often files are looked at */

static const char USAGE[] =
	"usage: sealgate-verify [--instance DIR]\n"
	"Judge documents, containers and replies in workers behind closed doors.\n";

struct child {
	pid_t pid;   /* 0: none */
	int control; /* closed to let it finish and end */
};

/* Each job and each worker holds a descriptor or two; a low limit would only refuse work.
 */
static void raise_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max < 8192 ? l.rlim_max : 8192;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static int serve(const struct daemon *d, const struct context *c, int control)
{
	const struct config *config = d->instance.config;
	static struct service s;

	s = (struct service){ .instance = &d->instance,
		.listener = d->socket,
		.control = control,
		.modes = VERIFY_MODES,
		.mode_count = VERIFY_MODE_COUNT,
		.context = c,
		.policy_digest = policy_digest(c->policy),
		.store_version = c->store_version };
	s.limits.workers = (unsigned int)config_int(config, "verify.workers");
	s.limits.documents = (unsigned int)config_int(config, "verify.documents");
	s.limits.cpu_ms = (int)config_int(config, "verify.cpu_ms");
	s.limits.memory_mb = (size_t)config_int(config, "verify.memory_mb");
	return service_run(&s);
}

/* A service: load, say so on control, serve until control hangs up. */
static int service_main(const struct daemon *d, int control)
{
	_cleanup_(freep) char *error = NULL;
	struct context c;
	int r = context_load(&d->instance, &c, &error);

	if (r < 0) {
		log_event(LOG_ERR, "verify.load", NULL,
			"policies or trust not loaded: %s", error ? error : strerror(-r));
		return 1;
	}
	raise_descriptors();
	log_event(LOG_NOTICE, "verify.loaded", NULL, "policy %s, trust store %s",
		policy_digest(c.policy), c.store_version);
	if (write(control, "R", 1) != 1)
		return 1;
	r = serve(d, &c, control);
	if (r < 0)
		log_event(LOG_ERR, "verify.service", NULL, "cannot serve: %s",
			strerror(-r));
	context_done(&c);
	return r < 0;
}

static void child_end(struct child *c)
{
	if (c->control >= 0)
		close(c->control);
	while (c->pid && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*c = (struct child){ .control = -1 };
}

/* Start a service and wait until it has loaded. It must not hold the control of the one
 * before it, which would then never hang up. Return: true when it serves. */
static bool child_start(const struct daemon *d, int other_control, struct child *ret)
{
	int pair[2];
	char octet;

	*ret = (struct child){ .control = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	ret->pid = fork();
	if (ret->pid == 0) {
		close(pair[0]);
		if (other_control >= 0)
			close(other_control);
		_exit(service_main(d, pair[1]));
	}
	close(pair[1]);
	ret->control = pair[0];
	if (ret->pid > 0 && read(pair[0], &octet, 1) == 1)
		return true;
	if (ret->pid < 0)
		ret->pid = 0;
	child_end(ret);
	return false;
}

/* The old service finishes by itself and is reaped in passing. */
static void retire(struct child *old)
{
	close(old->control);
	*old = (struct child){ .control = -1 };
}

static void reload(const struct daemon *d, struct child *current)
{
	struct child next;

	if (!child_start(d, current->control, &next)) {
		log_event(LOG_ERR, "verify.reload", NULL,
			"the policy and trust store that were "
			"in force stay in force");
		return;
	}
	retire(current);
	*current = next;
}

/* A service ends only when it is told to: its end is a failure. */
static bool revive(const struct daemon *d, struct child *current)
{
	log_event(LOG_CRIT, "verify.service-lost", NULL,
		"the service died; starting another");
	child_end(current);
	return child_start(d, -1, current);
}

/* Return: status to exit with. */
static int watch(const struct daemon *d, struct child *current, uint64_t stamp)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = d->stop_fd, .events = POLLIN },
			{ .fd = current->control, .events = POLLIN } };
		int n = poll(fds, 2, LOOK_MS);
		uint64_t now;

		daemon_alive();
		if (fds[0].revents)
			return 0;
		if (n > 0 && fds[1].revents && !revive(d, current))
			return 1;
		now = context_stamp(&d->instance);
		if (now != stamp) {
			stamp = now;
			reload(d, current);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

int main(int argc, char **argv)
{
	struct daemon d;
	struct child current;
	uint64_t stamp;
	int status = pki_errors_watch() < 0 ? 1
					    : daemon_start(&d, "verify", DAEMON_SEQPACKET,
						      argc, argv, USAGE);

	if (status >= 0)
		return status;
	stamp = context_stamp(&d.instance);
	if (!child_start(&d, -1, &current)) {
		daemon_done(&d);
		return 1;
	}
	daemon_ready(&d);
	status = watch(&d, &current, stamp);
	child_end(&current);
	while (waitpid(-1, NULL, 0) > 0)
		; /* services that still finish */
	daemon_done(&d);
	return status;
}
