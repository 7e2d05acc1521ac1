/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/instance/supervisor.h"

#include "common/clock.h"
#include "common/events.h"
#include "common/ipc.h"
#include "common/log.h"
#include "common/program.h"
#include "ctl/instance/edge.h"
#include "ctl/instance/own_folder.h"
#include "ctl/instance/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define START_BOUND_MS 20000 /* of who has ended since */
#define LOAD_BOUND_MS 90000  /* of who still loads: a unit has as long */
#define STOP_BOUND_MS 10000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 1000
#define STEADY_MS 10000 /* up this long: the next restart is immediate again */
/* SQLite and the token's library take and free hundreds of small pieces of memory for a
 * document. A thread keeps seven of a size by itself; for more it goes to what all
 * threads share, and splits and joins there. The units say the same. */
#define MALLOC_SETTING "glibc.malloc.tcache_count=200"

enum kind { PLAIN, STREAM, SEQPACKET, NGINX };

/* In the order of start; they are stopped in the reverse order. */
static const struct {
	const char *name;
	enum kind kind; /* of the socket that the supervisor holds for it */
} PROGRAMS[] = {
	{ "signer", SEQPACKET }, /* seals the last head of queued's chain */
	{ "queued", SEQPACKET },
	{ "verify", SEQPACKET },
	{ "seal", PLAIN },
	{ "forward", PLAIN },
	{ "trustd", PLAIN },
	{ "intake", STREAM },
	{ "handshake", STREAM },
	{ "operate", SEQPACKET },
	{ "admin", STREAM },
	{ "nginx", NGINX },
};

#define PROGRAM_COUNT (sizeof(PROGRAMS) / sizeof(PROGRAMS[0]))

struct child {
	const char *name;
	enum kind kind;
	pid_t pid; /* 0: not running */
	int socket;
	bool ready;
	int64_t started, restart_at;
	int backoff;
};

struct supervisor {
	const struct instance *instance;
	struct child children[PROGRAM_COUNT];
	char nginx_conf[PATH_MAX];
	char notify_path[PATH_MAX];
	int notify, signals;
	bool stopping;
};

/* The sockets outlive the programs: who asks during a restart waits instead of failing.
 */
static int open_sockets(struct supervisor *s)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct child *c = &s->children[i];
		char path[PATH_MAX];
		int r;

		*c = (struct child){ .name = PROGRAMS[i].name,
			.kind = PROGRAMS[i].kind,
			.socket = -1,
			.backoff = BACKOFF_MIN_MS };
		if (c->kind != STREAM && c->kind != SEQPACKET)
			continue;
		r = instance_socket(s->instance, c->name, path);
		if (r == 0)
			r = c->kind == STREAM ? ipc_listen_stream(path, 0666)
					      : ipc_listen(path, 0666);
		if (r < 0) {
			log_event(
				LOG_ERR, "up.socket", NULL, "%s: %s", path, strerror(-r));
			return r;
		}
		c->socket = r;
	}
	return 0;
}

static int open_notify(struct supervisor *s)
{
	struct sockaddr_un_buffer {
		sa_family_t family;
		char path[108];
	} sa = { .family = AF_UNIX };
	int on = 1, r;

	r = instance_path(s->instance, "run/notify", s->notify_path);
	if (r < 0 || strlen(s->notify_path) >= sizeof(sa.path))
		return -ENAMETOOLONG;
	memcpy(sa.path, s->notify_path, strlen(s->notify_path) + 1);
	unlink(s->notify_path);
	s->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->notify < 0 || bind(s->notify, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
		chmod(s->notify_path, 0666) < 0 ||
		setsockopt(s->notify, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int open_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

static void hand_over_socket(int socket)
{
	char pid[32];

	if (socket < 0)
		return;
	if (socket == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(socket, 3);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

static void become(const struct supervisor *s, const struct child *c)
{
	char key[64];
	uid_t uid;

	/* What operators have run is run as whoever administers the gate: like `up`. */
	if (!config_bool(s->instance->config, "peers.separate") ||
		strcmp(c->name, "operate") == 0)
		return;
	snprintf(key, sizeof(key), "peers.%s", c->name);
	uid = (uid_t)config_int(s->instance->config, key);
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
		setresuid(uid, uid, uid) < 0) {
		fprintf(stderr, "up: %s cannot become uid %u: %s\n", c->name, uid,
			strerror(errno));
		_exit(126);
	}
}

static void execute(const struct supervisor *s, const struct child *c)
{
	const char *nginx = config_string(s->instance->config, "tls.nginx");
	char name[64], program[PATH_MAX];
	int r;

	if (c->kind == NGINX) {
		execl(nginx, nginx, "-c", s->nginx_conf, "-e", "stderr", (char *)NULL);
		fprintf(stderr, "up: %s: %s\n", nginx, strerror(errno));
		_exit(127);
	}
	snprintf(name, sizeof(name), "sealgate-%s", c->name);
	r = program_beside(name, program);
	if (r == 0) {
		execl(program, program, "--instance", s->instance->dir, (char *)NULL);
		r = -errno;
	}
	fprintf(stderr, "up: %s: %s\n", name, strerror(-r));
	_exit(127);
}

/* nginx cannot say it by itself. */
static void note_edge(const struct supervisor *s, const char *event, json_t *detail)
{
	int r = events_note_program(s->instance, "nginx", event, detail);

	if (r < 0)
		log_event(LOG_WARNING, "daemon.events", NULL,
			"%s of nginx is not in the audit chain: %s", event, strerror(-r));
}

static void start(struct supervisor *s, struct child *c)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;

	if (pid < 0) {
		log_event(LOG_ERR, "up.fork", NULL, "%s: %s", c->name, strerror(errno));
		c->restart_at = clock_monotonic_ms() + c->backoff;
		return;
	}
	if (pid == 0) {
		/* A group of its own: Ctrl-C reaches the supervisor alone, which stops in
		 * order, and what a killed nginx leaves behind can be ended with it. */
		setpgid(0, 0);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		become(s, c);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(125);
		hand_over_socket(c->socket);
		setenv("NOTIFY_SOCKET", s->notify_path, 1);
		if (c->kind != NGINX)
			setenv("GLIBC_TUNABLES", MALLOC_SETTING, 0);
		execute(s, c);
	}
	c->pid = pid;
	c->ready = false;
	c->started = clock_monotonic_ms();
	if (c->kind == NGINX)
		note_edge(s, "program.start", json_pack("{s:i}", "pid", pid));
}

static struct child *child_of(struct supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (s->children[i].pid == pid)
			return &s->children[i];
	return NULL;
}

static void take_notification(struct supervisor *s)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	char text[512];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	struct ucred cred;
	struct child *child;
	ssize_t n = recvmsg(s->notify, &msg, MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return;
	text[n] = '\0';
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_CREDENTIALS || !strstr(text, "READY=1"))
		return;
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	child = child_of(s, cred.pid);
	if (child)
		child->ready = true;
}

static void describe_end(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d", WTERMSIG(status));
	else
		snprintf(text, size, "status %d", WEXITSTATUS(status));
}

static void ended(struct supervisor *s, struct child *c, int status)
{
	int64_t now = clock_monotonic_ms();
	char how[32];

	kill(-c->pid, SIGKILL); /* workers of a master that was killed */
	describe_end(how, sizeof(how), status);
	if (c->kind == NGINX)
		note_edge(s, "program.stop",
			json_pack("{s:i,s:s}", "pid", c->pid, "ended_by", how));
	c->pid = 0;
	c->ready = false;
	if (s->stopping)
		return;
	if (now - c->started > STEADY_MS)
		c->backoff = BACKOFF_MIN_MS;
	c->restart_at = now + c->backoff;
	log_event(LOG_WARNING, "up.ended", NULL,
		"%s ended by %s; it is started again in %d ms", c->name, how, c->backoff);
	c->backoff = c->backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : c->backoff * 2;
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(s, pid);

		if (c)
			ended(s, c, status);
	}
}

static void take_signal(struct supervisor *s)
{
	struct signalfd_siginfo si;

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGINT || si.ssi_signo == SIGTERM)
			s->stopping = true;
	reap(s);
}

static void start_due(struct supervisor *s)
{
	int64_t now = clock_monotonic_ms();

	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		struct child *c = &s->children[i];

		if (c->pid == 0 && c->restart_at <= now)
			start(s, c);
		if (c->kind == NGINX && c->pid && !c->ready)
			c->ready = ports_answer(s->instance);
	}
}

static bool all_ready(const struct supervisor *s)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (!s->children[i].ready)
			return false;
	return true;
}

static void turn(struct supervisor *s, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = s->signals, .events = POLLIN },
		{ .fd = s->notify, .events = POLLIN } };

	if (poll(fds, 2, timeout_ms) <= 0)
		return;
	if (fds[0].revents)
		take_signal(s);
	if (fds[1].revents)
		take_notification(s);
}

static bool late(const struct child *c, int64_t took)
{
	bool ended = !c->pid || c->backoff > BACKOFF_MIN_MS;

	return !c->ready && took > (ended ? START_BOUND_MS : LOAD_BOUND_MS);
}

static bool any_late(const struct supervisor *s, int64_t took)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (late(&s->children[i], took))
			return true;
	return false;
}

static void name_missing(const struct supervisor *s, int64_t took)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (!s->children[i].ready)
			log_event(LOG_ERR, "up.not-ready", NULL,
				"%s did not come up in %d s", s->children[i].name,
				(int)(took / 1000));
}

static void say_ready(const struct supervisor *s, int ready_fd)
{
	const struct config *c = s->instance->config;

	log_event(LOG_NOTICE, "up.ready", NULL,
		"serving %s: partners https://%s, customs https://%s, operators "
		"https://%s%s",
		s->instance->dir, config_string(c, "listen.partners"),
		config_string(c, "listen.customs"), config_string(c, "listen.operators"),
		config_bool(c, "instance.test") ? " (TEST instance)" : "");
	if (ready_fd >= 0)
		dprintf(ready_fd, "ready %s\n", s->instance->dir);
}

static void stop_one(struct supervisor *s, struct child *c)
{
	int64_t end = clock_monotonic_ms() + STOP_BOUND_MS;

	if (!c->pid)
		return;
	kill(c->pid, c->kind == NGINX ? SIGQUIT : SIGTERM);
	while (c->pid && clock_monotonic_ms() < end)
		turn(s, 20);
	if (c->pid) {
		log_event(LOG_WARNING, "up.kill", NULL, "%s did not stop; it is killed",
			c->name);
		kill(-c->pid, SIGKILL);
		while (c->pid)
			turn(s, 20);
	}
}

static void stop_all(struct supervisor *s)
{
	s->stopping = true;
	for (size_t i = PROGRAM_COUNT; i-- > 0;)
		stop_one(s, &s->children[i]);
	log_event(LOG_NOTICE, "up.stopped", NULL, "all programs are stopped");
}

/* Wait for the end; say once when everything serves. Return: 0, or 1 when it never did.
 */
static int run(struct supervisor *s, int ready_fd)
{
	int64_t began = clock_monotonic_ms();
	bool said = false;

	while (!s->stopping) {
		start_due(s);
		if (!said && all_ready(s)) {
			say_ready(s, ready_fd);
			said = true;
		}
		if (!said && any_late(s, clock_monotonic_ms() - began)) {
			name_missing(s, clock_monotonic_ms() - began);
			return 1;
		}
		turn(s, said ? 50 : 10);
	}
	return 0;
}

/* An instance of a version before has them not. */
static int make_folders(const struct instance *instance)
{
	int r = own_folder(instance, "state/handshakes", "handshake", 0755);

	if (r == 0)
		r = instance_make_folder(instance, EVENTS_FOLDER, 0755);
	for (size_t i = 0; r == 0 && i < PROGRAM_COUNT; i++) {
		const char *name = PROGRAMS[i].name;
		char folder[64];

		/* operate is root's and makes its own; queued has there how far it is */
		if (strcmp(name, "operate") == 0)
			continue;
		snprintf(folder, sizeof(folder), EVENTS_FOLDER "/%s", name);
		r = own_folder(instance, folder, name, 0755);
	}
	return r;
}

int supervise(const struct instance *instance, int ready_fd)
{
	struct supervisor s = { .instance = instance, .notify = -1, .signals = -1 };
	int r = edge_prepare(instance, s.nginx_conf);

	if (!config_bool(instance->config, "peers.separate"))
		log_event(LOG_WARNING, "up.no-separation", NULL,
			"peer separation is off: all programs run under uid %u",
			geteuid());
	if (r == 0)
		r = make_folders(instance);
	if (r == 0)
		r = open_signals(&s);
	if (r == 0)
		r = open_notify(&s);
	if (r == 0)
		r = open_sockets(&s);
	if (r < 0) {
		log_event(
			LOG_ERR, "up.start", NULL, "%s: %s", instance->dir, strerror(-r));
		return 1;
	}
	r = run(&s, ready_fd);
	stop_all(&s);
	return r;
}
