/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/service.h"

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"
#include "verify/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool same_subject(const struct worker *w, const struct job *j)
{
	return w->mode == j->mode && strcmp(w->subject, j->request.subject) == 0;
}

/* CPU time in microseconds that the worker has used, or -1 when it is gone. */
static int64_t cpu_used(const struct worker *w)
{
	struct timespec t;

	if (clock_gettime(w->cpu, &t) < 0)
		return -1;
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Kill, reap, free the slot. Return: the wait status. */
static int end_worker(struct worker *w)
{
	int status = 0;

	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(w->socket);
	*w = (struct worker){ .socket = -1 };
	return status;
}

static struct worker *find_worker(struct service *s, const struct job *j)
{
	for (unsigned int i = 0; i < s->limits.workers; i++) {
		struct worker *w = &s->workers[i];

		if (w->pid && !w->busy && same_subject(w, j))
			return w;
	}
	return NULL;
}

/* A free slot; at the bound the idle worker that was used least lately makes room. */
static struct worker *find_slot(struct service *s)
{
	struct worker *oldest = NULL;

	for (unsigned int i = 0; i < s->limits.workers; i++) {
		struct worker *w = &s->workers[i];

		if (!w->pid)
			return w;
		if (!w->busy && (!oldest || w->last_used < oldest->last_used))
			oldest = w;
	}
	if (oldest)
		end_worker(oldest);
	return oldest;
}

static int fork_worker(const struct service *s, struct worker *w, const struct job *j)
{
	pid_t parent = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		worker_run(s, j->mode, pair[1], parent);
	close(pair[1]);
	if (pid < 0) {
		int error = -errno;

		close(pair[0]);
		return error;
	}
	*w = (struct worker){ .pid = pid, .socket = pair[0], .mode = j->mode };
	memcpy(w->subject, j->request.subject, sizeof(w->subject));
	return clock_getcpuclockid(pid, &w->cpu) == 0 ? 0 : -ESRCH;
}

/* The kernel's own limit, some seconds behind ours, should the parent ever be late. */
static void set_backstop(const struct service *s, const struct worker *w)
{
	struct rlimit l;

	if (prlimit(w->pid, RLIMIT_CPU, NULL, &l) < 0)
		return;
	l.rlim_cur = (rlim_t)(w->cpu_start / 1000000 + s->limits.cpu_ms / 1000 + 3);
	if (l.rlim_max != RLIM_INFINITY && l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	(void)prlimit(w->pid, RLIMIT_CPU, &l, NULL);
}

static int wall_ms(const struct service *s)
{
	int ms = 5 * s->limits.cpu_ms;

	return ms > WALL_MIN_MS ? ms : WALL_MIN_MS;
}

static int start_job(struct service *s, struct worker *w, struct job *j)
{
	int r;

	w->cpu_start = cpu_used(w);
	w->last_used = ++s->order;
	set_backstop(s, w);
	r = ipc_send(w->socket, WORKER_WORK, j->id, &j->request, sizeof(j->request),
		&j->input, 1);
	if (r < 0)
		return r;
	close(j->input);
	j->input = -1;
	w->job = *j;
	w->busy = true;
	w->wall_end = clock_monotonic_ms() + wall_ms(s);
	w->look_at = clock_monotonic_ms() + s->limits.cpu_ms;
	*j = (struct job){ .connection = -1, .input = -1 };
	return 0;
}

bool pool_give(struct service *s, struct job *j)
{
	struct worker *w = find_worker(s, j);
	int r = 0;

	if (!w) {
		w = find_slot(s);
		if (!w)
			return false;
		r = fork_worker(s, w, j);
	}
	if (r == 0)
		r = start_job(s, w, j);
	if (r < 0) {
		log_event(LOG_ERR, "verify.no-worker", j->request.document_id,
			"no worker for %s: %s", j->request.subject, strerror(-r));
		if (w->pid)
			end_worker(w);
		job_done(j);
	}
	return true;
}

unsigned int pool_busy_for(const struct service *s, const struct job *j)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->limits.workers; i++)
		n += s->workers[i].busy && same_subject(&s->workers[i], j);
	return n;
}

bool pool_idle(const struct service *s)
{
	for (unsigned int i = 0; i < s->limits.workers; i++)
		if (s->workers[i].busy)
			return false;
	return true;
}

/* Return: 0 answered, negative undecided. */
static int answer(const struct service *s, const struct worker *w,
	const struct worker_done *done, int report)
{
	const struct job *j = &w->job;

	if (done->result == -ENOMEM) {
		log_event(LOG_WARNING, "verify.memory", j->request.document_id,
			"a document of %s used more than %zu MiB and was refused",
			w->subject, s->limits.memory_mb);
		answer_exhausted(s, j);
	}
	return done->result < 0 ? done->result
				: answer_decided(j, &done->verdict, report);
}

/* The worker says how its document ended. One that could not decide is not used again. */
static void job_ended(
	struct service *s, struct worker *w, const struct worker_done *done, int report)
{
	int r = answer(s, w, done, report);

	if (r < 0 && r != -ENOMEM)
		log_event(LOG_ERR, "verify.undecided", w->job.request.document_id,
			"a document of %s could not be decided: %s", w->subject,
			strerror(-r));
	job_done(&w->job);
	w->busy = false;
	w->served++;
	if (r < 0 || w->ended || w->served >= s->limits.documents)
		end_worker(w);
}

/* Signals that a document can bring upon its worker. Others came from outside, and say
 * nothing about the document. */
static bool by_document(int status)
{
	static const int SIGNALS[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS,
		SIGTRAP, SIGXCPU, SIGXFSZ, SIGSTKFLT };

	for (size_t i = 0; WIFSIGNALED(status) && i < sizeof(SIGNALS) / sizeof(int); i++)
		if (WTERMSIG(status) == SIGNALS[i])
			return true;
	return false;
}

static void log_death(const struct worker *w, int status, bool refused)
{
	const struct job *j = &w->job;
	const char *what = w->ended		 ? w->ended
			   : WIFSIGNALED(status) ? sigdescr_np(WTERMSIG(status))
						 : "exit";

	log_event(refused && !w->ended ? LOG_CRIT : LOG_WARNING,
		refused ? "verify.worker-killed" : "verify.worker-lost",
		j->request.document_id,
		"the worker of %s died on a document (%s); it was %s", w->subject,
		what ? what : "unknown signal", refused ? "refused" : "left undecided");
}

/* A worker that is gone, or that closed its socket and so is as good as gone. */
static void worker_lost(struct service *s, struct worker *w)
{
	struct worker was = *w;
	int status = end_worker(w);
	bool refused = was.over_limit || by_document(status);

	if (!was.busy) {
		log_event(LOG_WARNING, "verify.worker-lost", NULL,
			"an idle worker of %s died", was.subject);
		return;
	}
	log_death(&was, status, refused);
	if (refused)
		answer_exhausted(s, &was.job);
	job_done(&was.job);
}

void pool_event(struct service *s, struct worker *w)
{
	const struct worker_done *done;
	struct ipc_message m;
	int r = ipc_receive(w->socket, &m);

	if (r == 1) {
		done = ipc_body(&m, sizeof(*done));
		if (m.header.type == WORKER_DONE && done && w->busy &&
			m.header.fd_count == (done->result == 0) &&
			m.header.id == w->job.id) {
			job_ended(s, w, done, m.fds[0]);
			ipc_message_done(&m);
			return;
		}
	}
	ipc_message_done(&m);
	worker_lost(s, w);
}

/* A process uses no more CPU time than time passes: the next look is when it could first
 * be over its limit. */
static void watch_worker(const struct service *s, struct worker *w, int64_t now)
{
	int64_t used = cpu_used(w);
	int64_t left;

	if (used < 0)
		used = w->cpu_start; /* gone: its socket says so */
	left = s->limits.cpu_ms - (used - w->cpu_start) / 1000;
	if (left <= 0) {
		w->ended = "CPU time";
		w->over_limit = true;
	} else if (now >= w->wall_end) {
		w->ended = "real time";
	}
	if (w->ended)
		kill(w->pid, SIGKILL);
	w->look_at = now + (w->ended ? 1000 : left);
	if (!w->ended && w->look_at > w->wall_end)
		w->look_at = w->wall_end;
}

int pool_watch(struct service *s)
{
	int64_t now = clock_monotonic_ms();
	int64_t next = INT64_MAX;

	for (unsigned int i = 0; i < s->limits.workers; i++) {
		struct worker *w = &s->workers[i];

		if (!w->busy)
			continue;
		if (now >= w->look_at)
			watch_worker(s, w, now);
		if (w->look_at < next)
			next = w->look_at;
	}
	if (next == INT64_MAX)
		return -1;
	return next > now ? (int)(next - now) : 0;
}

void pool_end(struct service *s)
{
	for (unsigned int i = 0; i < s->limits.workers; i++) {
		if (s->workers[i].busy)
			job_done(&s->workers[i].job);
		if (s->workers[i].pid)
			end_worker(&s->workers[i]);
	}
}
