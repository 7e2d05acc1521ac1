/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/daemon.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/events.h"
#include "common/ipc.h"
#include "common/json.h"
#include "common/log.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <systemd/sd-daemon.h>

#define DESCRIPTORS 8192 /* as the units have it */

static int read_options(int argc, char **argv, const char *usage, const char **ret_dir)
{
	static const struct option options[] = { { "instance", required_argument, NULL,
							 'i' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' },
		{ 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "i:hV", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			*ret_dir = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'V':
			puts("sealgate " SEALGATE_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return -1;
}

static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int listening_socket(const struct daemon *d, enum daemon_socket kind)
{
	char path[PATH_MAX];
	int r;

	if (kind == DAEMON_NO_SOCKET)
		return -1;
	if (sd_listen_fds(1) == 1)
		return SD_LISTEN_FDS_START;
	r = instance_socket(&d->instance, d->name, path);
	if (r < 0)
		return r;
	return kind == DAEMON_STREAM ? ipc_listen_stream(path, 0666)
				     : ipc_listen(path, 0666);
}

int daemon_start(struct daemon *d, const char *name, enum daemon_socket kind, int argc,
	char **argv, const char *usage)
{
	_cleanup_(freep) char *error = NULL;
	const char *dir = NULL;
	int r;

	*d = (struct daemon){ .name = name, .socket = -1, .stop_fd = -1 };
	log_open(name);
	r = read_options(argc, argv, usage, &dir);
	if (r >= 0)
		return r;
	r = instance_open(dir, &d->instance, &error);
	if (r < 0) {
		log_event(LOG_ERR, "daemon.instance", NULL, "%s",
			error ? error : strerror(-r));
		return 2;
	}
	d->stop_fd = block_signals();
	d->socket = listening_socket(d, kind);
	if (d->stop_fd < 0 || (kind != DAEMON_NO_SOCKET && d->socket < 0)) {
		r = d->stop_fd < 0 ? d->stop_fd : d->socket;
		log_event(LOG_ERR, "daemon.socket", NULL,
			"cannot listen on run/%s.sock: %s", name, strerror(-r));
		daemon_done(d);
		return 1;
	}
	return -1;
}

/* The process that has said that it serves: a child of it did not, and never ends it. */
static pid_t serving;

/* queued is in the chain by itself. */
static void note(const struct daemon *d, const char *event)
{
	int r;

	if (strcmp(d->name, "queued") == 0)
		return;
	r = events_note_program(
		&d->instance, d->name, event, json_pack("{s:i}", "pid", getpid()));
	if (r < 0)
		log_event(LOG_WARNING, "daemon.events", NULL,
			"%s is not in the audit chain: " EVENTS_FOLDER "/%s: %s", event,
			d->name, events_reason(r));
}

void daemon_raise_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < DESCRIPTORS) {
		l.rlim_cur = l.rlim_max < DESCRIPTORS ? l.rlim_max : DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

void daemon_ready(const struct daemon *d)
{
	serving = getpid();
	note(d, "program.start");
	log_event(LOG_INFO, "daemon.ready", NULL, "%s " SEALGATE_VERSION " serves %s",
		d->name, d->instance.dir);
	sd_notify(0, "READY=1");
}

/* A third of what the manager waits for. Return: milliseconds, 0 when it does not. */
static int watchdog_ms(void)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return usec / 3000 < INT_MAX ? (int)(usec / 3000) : INT_MAX;
}

void daemon_alive(void)
{
	if (watchdog_ms() > 0)
		sd_notify(0, "WATCHDOG=1");
}

int daemon_alive_within(int ms)
{
	int most = watchdog_ms();

	return most > 0 && (ms < 0 || ms > most) ? most : ms;
}

int daemon_accept_now(const struct daemon *d, int timeout_ms)
{
	struct timeval tv = { .tv_sec = timeout_ms / 1000,
		.tv_usec = (timeout_ms % 1000) * 1000 };
	int fd = accept4(d->socket, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0 && timeout_ms > 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	}
	/* accepting again at once would only spin */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		daemon_wait(d, 100);
	return fd;
}

int daemon_accept(const struct daemon *d, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = d->stop_fd, .events = POLLIN },
		{ .fd = d->socket, .events = POLLIN } };

	for (;;) {
		int fd, n;

		daemon_alive();
		n = poll(fds, 2, daemon_alive_within(-1));
		if (n <= 0)
			continue;
		if (fds[0].revents)
			return -1;
		fd = daemon_accept_now(d, timeout_ms);
		if (fd >= 0)
			return fd;
	}
}

bool daemon_wait(const struct daemon *d, int ms)
{
	struct pollfd fd = { .fd = d->stop_fd, .events = POLLIN };
	int64_t end = clock_monotonic_ms() + ms;

	for (;;) {
		int64_t left = ms < 0 ? -1 : end - clock_monotonic_ms();
		int step = daemon_alive_within(left > INT_MAX ? INT_MAX : (int)left);

		daemon_alive();
		if (ms >= 0 && left < 0)
			step = 0;
		if (poll(&fd, 1, step) > 0)
			return true;
		if (ms >= 0 && left <= step)
			return false;
	}
}

void daemon_done(struct daemon *d)
{
	if (serving == getpid())
		note(d, "program.stop");
	serving = 0;
	if (d->socket >= 0)
		close(d->socket);
	if (d->stop_fd >= 0)
		close(d->stop_fd);
	instance_done(&d->instance);
}
