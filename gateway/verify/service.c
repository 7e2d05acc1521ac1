/* SPDX-License-Identifier: EUPL-1.2 */
#include "verify/service.h"

#include "common/clock.h"
#include "common/ipc.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define LINGER_MS 1000 /* a send to an asker that does not read */

void job_done(struct job *j)
{
	if (j->connection >= 0)
		close(j->connection);
	if (j->input >= 0)
		close(j->input);
	*j = (struct job){ .connection = -1, .input = -1 };
}

static struct job *free_slot(struct service *s)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (s->jobs[i].connection < 0)
			return &s->jobs[i];
	return NULL;
}

static const struct mode *mode_of(const struct service *s, uint32_t mode)
{
	for (size_t i = 0; i < s->mode_count; i++)
		if (s->modes[i].mode == mode)
			return &s->modes[i];
	return NULL;
}

/* Who administers the machine is given documents by the queue, and has them read here,
 * and not by a process that would have to become another user. */
static bool is_administrators(int connection, const struct mode *m)
{
	uid_t uid;

	return (m->mode == VERIFY_DOCUMENT || m->mode == VERIFY_VIEW) &&
	       ipc_peer(connection, &uid, NULL) == 0 && uid == 0;
}

static bool may_ask(const struct service *s, int connection, const struct mode *m)
{
	return instance_peer_is(s->instance, connection, m->peer) ||
	       (m->also && instance_peer_is(s->instance, connection, m->also)) ||
	       is_administrators(connection, m);
}

/* True when some mode is open to the peer: strangers are not even listened to. */
static bool peer_known(const struct service *s, int connection)
{
	for (size_t i = 0; i < s->mode_count; i++)
		if (may_ask(s, connection, &s->modes[i]))
			return true;
	return false;
}

static void accept_connection(struct service *s)
{
	const struct timeval linger = { .tv_sec = LINGER_MS / 1000 };
	struct job *j = free_slot(s);
	int fd = j ? accept4(s->listener, NULL, NULL, SOCK_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (!peer_known(s, fd)) {
		/* A program of the house that looks whether anybody answers is no
		 * news. */
		if (!instance_peer_name(s->instance, fd))
			log_event(LOG_WARNING, "verify.peer", NULL,
				"a stranger asked and was refused");
		close(fd);
		return;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &linger, sizeof(linger));
	*j = (struct job){ .connection = fd,
		.input = -1,
		.deadline = clock_monotonic_ms() + ASK_TIMEOUT_MS };
}

/* Why a question cannot be taken, or NULL with the job filled. */
static const char *take_question(struct service *s, struct job *j, struct ipc_message *m)
{
	const struct verify_request *request = ipc_body(m, sizeof(*request));

	if (m->header.type != VERIFY_ASK || !request || m->header.fd_count != 1)
		return "not a question";
	if (!ipc_text_ok(request->subject, sizeof(request->subject)) ||
		!ipc_text_ok(request->document_id, sizeof(request->document_id)) ||
		request->subject[0] == '\0')
		return "subject or document id";
	j->mode = mode_of(s, request->mode);
	if (!j->mode)
		return "unknown mode";
	if (!may_ask(s, j->connection, j->mode))
		return "not this program's mode";
	j->request = *request;
	j->id = m->header.id;
	j->input = ipc_message_take_fd(m, 0);
	j->order = ++s->order;
	j->deadline = clock_monotonic_ms() + WAIT_MAX_MS;
	return NULL;
}

static void read_question(struct service *s, struct job *j)
{
	struct ipc_message m;
	const char *wrong;
	int r = ipc_receive(j->connection, &m);

	if (r == 1)
		wrong = take_question(s, j, &m);
	else
		wrong = r == 0 ? "" : strerror(-r);
	if (wrong) {
		if (*wrong)
			log_event(LOG_WARNING, "verify.question", NULL, "refused: %s",
				wrong);
		job_done(j);
	}
	ipc_message_done(&m);
}

/* The question to serve next: of the subject with the fewest busy workers the oldest, so
 * that one partner's flood does not hold up the others. */
static struct job *next_job(struct service *s)
{
	struct job *best = NULL;
	unsigned int best_busy = 0;

	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &s->jobs[i];
		unsigned int busy;

		if (j->connection < 0 || j->input < 0)
			continue;
		busy = pool_busy_for(s, j);
		if (!best || busy < best_busy ||
			(busy == best_busy && j->order < best->order)) {
			best = j;
			best_busy = busy;
		}
	}
	return best;
}

static void give_out(struct service *s)
{
	for (struct job *j = next_job(s); j && pool_give(s, j); j = next_job(s))
		;
}

/* End the waiting of those whose time is over. Return: milliseconds to the next, or -1.
 */
static int expire(struct service *s)
{
	int64_t now = clock_monotonic_ms();
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < JOBS_MAX; i++) {
		struct job *j = &s->jobs[i];

		if (j->connection < 0)
			continue;
		if (now >= j->deadline) {
			if (j->input >= 0)
				(void)ipc_send(j->connection, VERIFY_BUSY, j->id, NULL, 0,
					NULL, 0);
			job_done(j);
		} else if (j->deadline < next) {
			next = j->deadline;
		}
	}
	return next == INT64_MAX ? -1 : (int)(next - now);
}

static bool nothing_left(const struct service *s)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (s->jobs[i].connection >= 0)
			return false;
	return pool_idle(s);
}

/* Descriptors of one turn: control, listener, one a job, one a worker. A question that
 * waits for a worker is watched for its asker going away. */
static nfds_t fill(struct service *s, struct pollfd *p)
{
	nfds_t n = 0;

	p[n++] = (struct pollfd){ .fd = s->draining ? -1 : s->control, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = s->draining || !free_slot(s) ? -1 : s->listener,
		.events = POLLIN };
	for (size_t i = 0; i < JOBS_MAX; i++)
		p[n++] = (struct pollfd){ .fd = s->jobs[i].connection, .events = POLLIN };
	for (unsigned int i = 0; i < s->limits.workers; i++)
		p[n++] = (struct pollfd){ .fd = s->workers[i].pid ? s->workers[i].socket
								  : -1,
			.events = POLLIN };
	return n;
}

static void job_event(struct service *s, struct job *j)
{
	if (j->input < 0)
		read_question(s, j);
	else
		job_done(j); /* it hung up, or talks again where it must wait */
}

static void handle(struct service *s, const struct pollfd *p)
{
	const struct pollfd *jobs = p + 2, *workers = jobs + JOBS_MAX;

	if (p[0].revents)
		s->draining = true;
	for (unsigned int i = 0; i < s->limits.workers; i++)
		if (workers[i].revents)
			pool_event(s, &s->workers[i]);
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].revents)
			job_event(s, &s->jobs[i]);
	if (p[1].revents)
		accept_connection(s);
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int serve(struct service *s, struct pollfd *p)
{
	while (!s->draining || !nothing_left(s)) {
		int timeout;
		nfds_t n;

		give_out(s);
		timeout = sooner(expire(s), pool_watch(s));
		if (s->draining && nothing_left(s))
			break;
		n = fill(s, p);
		if (poll(p, n, timeout) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		handle(s, p);
	}
	return 0;
}

static int prepare(struct service *s)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		s->jobs[i] = (struct job){ .connection = -1, .input = -1 };
	/* Workers cannot open what their libraries would read at first use. */
	json_object_seed(0);
	/* Two services share the listener while one takes over: accept must not block. */
	return fcntl(s->listener, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int service_run(struct service *s)
{
	struct pollfd *p = calloc(2 + JOBS_MAX + s->limits.workers, sizeof(*p));
	int r;

	s->workers = calloc(s->limits.workers, sizeof(*s->workers));
	r = p && s->workers ? prepare(s) : -ENOMEM;
	if (r == 0) {
		r = serve(s, p);
		pool_end(s);
	}
	free(s->workers);
	free(p);
	return r;
}
