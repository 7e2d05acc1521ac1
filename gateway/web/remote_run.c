/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/remote.h"

#include "common/clock.h"
#include "common/encode.h"
#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERRORS_MAX 65536u
#define CANNOT_RUN 127

enum stream { STREAM_IN, STREAM_OUT, STREAM_ERRORS, STREAMS };

struct run {
	pid_t pid;
	int fds[STREAMS]; /* our ends; -1 once closed */
	struct span input;
	uint8_t *octets; /* what input points into, when it came as base64 */
	struct buf output, errors;
};

static void close_stream(struct run *r, enum stream s)
{
	if (r->fds[s] >= 0)
		close(r->fds[s]);
	r->fds[s] = -1;
}

static void run_done(struct run *r)
{
	for (int s = 0; s < STREAMS; s++)
		close_stream(r, (enum stream)s);
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	free(r->octets);
	buf_done(&r->output);
	buf_done(&r->errors);
}

/* A variable is what the request says, or is not there. */
static void set_person(const char *name, const json_t *request, const char *key)
{
	const char *person = json_string_of(request, key);

	if (person ? setenv(name, person, 1) < 0 : unsetenv(name) < 0)
		_exit(CANNOT_RUN);
}

/* In the child: the three ends become its standard streams. */
static void become(const char *program, const char *dir, const json_t *request,
	const int ends[STREAMS])
{
	const json_t *arguments = json_object_get(request, "arguments");
	static char option[] = "--instance";
	char *argv[REMOTE_ARGUMENTS_MAX + 4];
	sigset_t none;
	size_t n = 0;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	for (int s = 0; s < STREAMS; s++)
		if (dup2(ends[s], s) < 0)
			_exit(CANNOT_RUN);
	argv[n++] = (char *)(uintptr_t)program;
	if (dir) {
		argv[n++] = option;
		argv[n++] = (char *)(uintptr_t)dir;
	}
	for (size_t i = 0; i < json_array_size(arguments); i++)
		argv[n++] = (char *)(uintptr_t)json_string_value(
			json_array_get(arguments, i));
	argv[n] = NULL;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	set_person(REMOTE_PERSON, request, "by");
	set_person(REMOTE_FIRST, request, "after");
	execv(program, argv);
	_exit(CANNOT_RUN);
}

/* Pipes above the standard streams, so that none of them is in the way of another. */
static int make_pipes(int ours[STREAMS], int theirs[STREAMS])
{
	for (int s = 0; s < STREAMS; s++) {
		int ends[2], mine = s == STREAM_IN;

		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		ours[s] = ends[mine];
		theirs[s] = fcntl(ends[!mine], F_DUPFD_CLOEXEC, STREAMS);
		close(ends[!mine]);
		if (theirs[s] < 0 || fcntl(ours[s], F_SETFL, O_NONBLOCK) < 0)
			return -errno;
	}
	return 0;
}

static int start(struct run *r, const char *program, const char *dir,
	const json_t *request, int piece)
{
	int theirs[STREAMS] = { -1, -1, -1 };
	int e = make_pipes(r->fds, theirs);

	if (e == 0 && piece >= 0) {
		(void)close(theirs[STREAM_IN]);
		theirs[STREAM_IN] = fcntl(piece, F_DUPFD_CLOEXEC, STREAMS);
		close_stream(r, STREAM_IN);
		e = theirs[STREAM_IN] < 0 ? -errno : 0;
	}
	if (e == 0) {
		r->pid = fork();
		if (r->pid == 0)
			become(program, dir, request, theirs);
		e = r->pid < 0 ? -errno : 0;
	}
	for (int s = 0; s < STREAMS; s++)
		if (theirs[s] >= 0)
			close(theirs[s]);
	return e;
}

static void feed(struct run *r)
{
	ssize_t n =
		r->input.len ? write(r->fds[STREAM_IN], r->input.data, r->input.len) : 0;

	if (n > 0) {
		r->input.data += n;
		r->input.len -= (size_t)n;
	}
	if (r->input.len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_stream(r, STREAM_IN);
}

static int take(struct run *r, enum stream s, struct buf *into)
{
	char octets[16384];
	ssize_t n = read(r->fds[s], octets, sizeof(octets));

	if (n > 0)
		return buf_add(into, octets, (size_t)n);
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_stream(r, s);
	return 0;
}

/* Until both of its outputs are closed. */
static int attend(struct run *r)
{
	int64_t end = clock_monotonic_ms() + REMOTE_MS;
	int e = 0;

	while (e == 0 && (r->fds[STREAM_OUT] >= 0 || r->fds[STREAM_ERRORS] >= 0)) {
		struct pollfd fds[STREAMS] = {
			{ .fd = r->fds[STREAM_IN], .events = POLLOUT },
			{ .fd = r->fds[STREAM_OUT], .events = POLLIN },
			{ .fd = r->fds[STREAM_ERRORS], .events = POLLIN },
		};
		int64_t left = end - clock_monotonic_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, STREAMS, (int)left) < 0)
			continue;
		if (fds[STREAM_IN].revents)
			feed(r);
		if (fds[STREAM_OUT].revents)
			e = take(r, STREAM_OUT, &r->output);
		if (e == 0 && fds[STREAM_ERRORS].revents)
			e = take(r, STREAM_ERRORS, &r->errors);
	}
	return e;
}

static int reap(struct run *r, int *ret_status)
{
	int status;

	while (waitpid(r->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	r->pid = 0;
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return *ret_status < 0 || *ret_status == CANNOT_RUN ? -ECHILD : 0;
}

static json_t *answer_of(const struct run *r, int status)
{
	_cleanup_(freep) char *octets = NULL;
	json_t *output =
		json_stringn(r->output.data ? r->output.data : "", r->output.len);
	const char *name = output ? "output" : "octets";

	if (!output) {
		octets = base64_encode(buf_span(&r->output));
		output = octets ? json_string(octets) : NULL;
	}
	return json_pack("{s:i, s:o, s:o}", "status", status, name, output, "errors",
		json_text(r->errors.data ? r->errors.data : ""));
}

/* What the command reads: a piece as it is, or what the request has. */
static int read_input(struct run *r, const json_t *request, int piece)
{
	const char *input = json_string_of(request, "input");
	const char *octets = json_string_of(request, "octets");
	size_t len = 0;
	int e;

	r->input = span_str(input ? input : "");
	if (piece >= 0)
		return input || octets		       ? -EINVAL
		       : lseek(piece, 0, SEEK_SET) < 0 ? -errno
						       : 0;
	if (!octets)
		return 0;
	e = base64_decode(span_str(octets), &r->octets, &len);
	r->input = span_of(r->octets, len);
	return e < 0 || input ? -EINVAL : 0;
}

int remote_run(const char *program, const char *dir, const json_t *request, int piece,
	json_t **ret_answer)
{
	_cleanup_(run_done) struct run r = { .fds = { -1, -1, -1 } };
	int status = -1, e;

	buf_init(&r.output, REMOTE_OUTPUT_MAX);
	buf_init(&r.errors, ERRORS_MAX);
	e = read_input(&r, request, piece);
	if (e == 0)
		e = start(&r, program, dir, request, piece);
	if (e == 0)
		e = attend(&r);
	if (e == 0)
		e = reap(&r, &status);
	if (e < 0)
		return e;
	*ret_answer = answer_of(&r, status);
	return *ret_answer ? 0 : -ENOMEM;
}
