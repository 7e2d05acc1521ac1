/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/documents/queue_session.h"

#include "common/id.h"
#include "common/json.h"
#include "common/memfd.h"
#include "common/program.h"
#include "ctl/command.h"
#include "pkcs11/client.h"
#include "queue/forecast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#define TIMEOUT_S 60
#define SIGNER_TIMEOUT_MS 3000
#define JSON_MAX (16u * 1024 * 1024)
#define SESSION_FD 3

static void run_queued(const char *program, const char *dir, int socket)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", SESSION_FD);
	if (socket == SESSION_FD)
		fcntl(socket, F_SETFD, 0);
	else if (dup2(socket, SESSION_FD) < 0)
		_exit(EXIT_INTERNAL);
	execl(program, program, "--instance", dir, "--serve-fd", number, (char *)NULL);
	_exit(EXIT_INTERNAL);
}

/* Start queued for this session alone. */
static int start_queued(struct queue_session *s)
{
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	char program[PATH_MAX];
	int fds[2], r = program_beside("sealgate-queued", program);

	if (r < 0)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	s->child = fork();
	if (s->child == 0)
		run_queued(program, s->instance.dir, fds[1]);
	close(fds[1]);
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	r = s->child < 0 ? -errno
			 : queue_from_socket(fds[0], TIMEOUT_S * 1000, &s->queue);
	if (r < 0)
		close(fds[0]);
	return r;
}

static int open_queue(struct queue_session *s)
{
	char path[PATH_MAX];
	int r = instance_socket(&s->instance, "queued", path);

	if (r < 0)
		return r;
	r = queue_connect(path, TIMEOUT_S * 1000, &s->queue);
	return r == -ENOENT || r == -ECONNREFUSED ? start_queued(s) : r;
}

int queue_session_open(struct queue_session *s)
{
	_cleanup_(freep) char *error = NULL;
	int r;

	*s = (struct queue_session){ 0 };
	r = instance_open(NULL, &s->instance, &error);
	if (r < 0) {
		fprintf(stderr, "sealgate: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = open_queue(s);
	if (r == 0)
		return EXIT_CLEAN;
	fprintf(stderr, "sealgate: the queue cannot be asked: %s\n", strerror(-r));
	return EXIT_INTERNAL;
}

void queue_session_close(struct queue_session *s)
{
	queue_disconnect(s->queue);
	s->queue = NULL;
	if (s->child > 0)
		waitpid(s->child, NULL, 0);
	s->child = 0;
	instance_done(&s->instance);
}

int queue_session_explain_id(int answer, const char *id)
{
	if (answer != QUEUE_NOT_FOUND || id_valid(id))
		return queue_session_explain(answer, id);
	fprintf(stderr,
		"sealgate: %s is no id; sealgate explain finds a document by number or "
		"SHA-256\n",
		id);
	return EXIT_NOT_PASSED;
}

int queue_session_explain(int answer, const char *subject)
{
	const char *what;

	switch (answer) {
	case QUEUE_NOT_FOUND:
	case QUEUE_EMPTY:
		fprintf(stderr, "sealgate: no document %s\n", subject ? subject : "");
		return EXIT_NOT_PASSED;
	case QUEUE_DENIED:
		what = "queued does not answer this user";
		break;
	case QUEUE_UNAVAILABLE:
		what = "the database cannot be used now";
		break;
	case -ECONNRESET:
	case -EPIPE:
		what = "queued ended the connection: it does not know this user, or its "
		       "log says "
		       "why";
		break;
	default:
		what = answer < 0 ? strerror(-answer) : "queued refuses the question";
	}
	fprintf(stderr, "sealgate: %s\n", what);
	return EXIT_INTERNAL;
}

json_t *queue_session_json(int fd)
{
	struct span data = { 0 };
	json_t *value = NULL;

	if (memfd_map(fd, JSON_MAX, &data) == 0)
		value = json_read(data, JSON_MAX);
	memfd_unmap(&data);
	close(fd);
	if (!value)
		fprintf(stderr, "sealgate: the answer of queued cannot be read\n");
	return value;
}

void queue_session_add_findings(struct queue_session *s, json_t *document)
{
	const char *id = json_string_of(document, "id");
	_cleanup_json_ json_t *report = NULL;
	struct queue_document d;
	json_t *findings;
	int fd = -1;

	if (!id || queue_get(s->queue, id, NULL, QUEUE_REPORT, &d, &fd) != QUEUE_DONE)
		return;
	report = queue_session_json(fd);
	findings = json_object_get(report, "findings");
	if (findings)
		json_object_set(document, "findings", findings);
}

json_t *queue_session_signer(const struct queue_session *s)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];

	if (instance_socket(&s->instance, "signer", path) < 0 ||
		signer_connect(path, SIGNER_TIMEOUT_MS, &signer) < 0 ||
		signer_status(signer, &text) < 0)
		return NULL;
	return json_read(span_str(text), strlen(text));
}

json_t *queue_session_warnings(
	const struct queue_session *s, const json_t *figures, const json_t *signer)
{
	json_t *list;
	const struct config *c = s->instance.config;
	const struct forecast_bounds bounds = { config_int(c, "warn.disk_hours"),
		config_int(c, "warn.backlog_s"), config_int(c, "warn.drain_s") };

	list = forecast_warnings(figures, &bounds);
	return list && budget_warn(list, signer) == 0 ? list : NULL;
}
