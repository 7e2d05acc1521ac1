/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/explain.h"

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/json.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define ANSWER_MAX 16384u
#define QUESTION_MAX (SCGI_HEADER_MAX + 4096u)
#define HEADER "\r\nX-Explained: "

static int connect_for(const struct instance *instance, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char path[PATH_MAX];
	int r = instance_socket(instance, "handshake", path);

	if (r < 0 || strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0 ||
		connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return take_fd(&fd);
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	buf_add(b, name, strlen(name) + 1);
	buf_add(b, value, strlen(value) + 1);
}

/* What nginx said of the client, and why it is refused all the same. */
static int make_question(const struct web_refusal *q, struct buf *ret)
{
	static const char *const NAMES[] = { "CORRELATION_ID", "TLS_PROTOCOL",
		"REMOTE_ADDR", "CLIENT_VERIFY", "CLIENT_CERTIFICATE" };
	_cleanup_buf_ struct buf pairs;

	buf_init(&pairs, QUESTION_MAX);
	add_pair(&pairs, "CONTENT_LENGTH", "0");
	add_pair(&pairs, "SCGI", "1");
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		add_pair(&pairs, NAMES[i], scgi_get(&q->request->scgi, NAMES[i]));
	add_pair(&pairs, "LISTENER", q->listener);
	add_pair(&pairs, "REFUSED", q->code);
	add_pair(&pairs, "REFUSED_REASON", q->reason ? q->reason : "");
	if (pairs.error)
		return pairs.error;
	buf_addf(ret, "%zu:", pairs.len);
	buf_add_span(ret, buf_span(&pairs));
	return buf_add_str(ret, ",");
}

/* Send it and read to the end. Return: 0, -EAGAIN when it took too long, -errno. */
static int ask(int fd, struct span question, struct buf *ret)
{
	int64_t end = clock_monotonic_ms() + WEB_EXPLAIN_MS;
	char piece[4096];
	ssize_t n;

	if (send(fd, question.data, question.len, MSG_NOSIGNAL) != (ssize_t)question.len)
		return -EAGAIN;
	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0) {
		if (clock_monotonic_ms() > end)
			return -EAGAIN;
		buf_add(ret, piece, (size_t)n);
	}
	return n < 0 ? -errno : ret->error;
}

/* The members that go into the problem; what is of another form is nothing. */
static json_t *members(const char *answer)
{
	const char *at = answer ? strstr(answer, HEADER) : NULL;
	_cleanup_json_ json_t *told = NULL;
	json_t *certificate, *findings, *authorities;
	struct span text;

	if (!at)
		return NULL;
	at += strlen(HEADER);
	text = span_of((const uint8_t *)at, strcspn(at, "\r\n"));
	told = json_read(text, ANSWER_MAX);
	certificate = json_object_get(told, "certificate");
	findings = json_object_get(told, "findings");
	authorities = json_object_get(told, "authorities");
	if (!certificate || !json_is_array(findings) || !json_is_array(authorities))
		return NULL;
	return json_pack("{s:O, s:O, s:O}", "certificate", certificate, "findings",
		findings, "authorities", authorities);
}

/* Return: 0 with what it says, -EAGAIN when it took too long, negative. */
static int have_explained(const struct web_refusal *q, struct buf *ret_answer)
{
	_cleanup_buf_ struct buf question;
	_cleanup_(closep) int fd = -1;
	int r;

	buf_init(&question, QUESTION_MAX + 32);
	r = make_question(q, &question);
	if (r < 0)
		return r;
	fd = connect_for(q->instance, WEB_EXPLAIN_MS / 2);
	return fd < 0 ? fd : ask(fd, buf_span(&question), ret_answer);
}

json_t *web_explain(const struct web_refusal *q, struct patience *patience)
{
	_cleanup_buf_ struct buf answer;
	json_t *extra = NULL;

	buf_init(&answer, ANSWER_MAX);
	if (patience_take(patience, clock_monotonic_ms())) {
		int r = have_explained(q, &answer);

		patience_give(patience, clock_monotonic_ms(), r != -EAGAIN);
		extra = r == 0 ? members(answer.data) : NULL;
	}
	return extra;
}
