/* SPDX-License-Identifier: EUPL-1.2 */
#include "trustd/fetch.h"

#include "common/address.h"
#include "common/durable.h"
#include "common/memfd.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_MAX (256L * 1024 * 1024)
#define GRACE_MS 3000 /* after libcurl's own limit of time */

/* What the child says about its download, through a pipe. */
struct outcome_message {
	enum fetch_outcome outcome;
	char reason[200];
	char etag[ETAG_SIZE];
};

struct transfer {
	const struct sources *sources;
	int fd;
	size_t len;
	bool too_long, wrong_address;
	struct outcome_message *message;
};

/* What is asked for. */
struct question {
	const char *url, *etag;
	struct span post; /* an OCSP request; empty: GET */
};

static size_t take_body(char *data, size_t size, size_t count, void *user)
{
	struct transfer *t = user;

	t->len += size * count;
	t->too_long = t->len > (size_t)t->sources->max_octets;
	if (t->too_long || fd_write_all(t->fd, span_of(data, size * count)) < 0)
		return 0;
	return size * count;
}

static size_t take_header(char *line, size_t size, size_t count, void *user)
{
	static const char NAME[] = "etag:";
	struct transfer *t = user;
	size_t len = size * count, start = sizeof(NAME) - 1;

	if (len <= start || strncasecmp(line, NAME, start) != 0)
		return len;
	while (start < len && line[start] == ' ')
		start++;
	while (len > start && (unsigned char)line[len - 1] <= ' ')
		len--;
	/* It goes back into a request: nothing but what a validator is made of. */
	for (size_t i = start; i < len; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return size * count;
	if (len - start < ETAG_SIZE) {
		memcpy(t->message->etag, line + start, len - start);
		t->message->etag[len - start] = '\0';
	}
	return size * count;
}

/* The address that is really connected to: a name may have been made to point inwards. */
static curl_socket_t open_socket(
	void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = user;

	(void)purpose;
	t->wrong_address = !t->sources->any_address && !*t->sources->proxy &&
			   !address_is_public(&address->addr);
	if (t->wrong_address)
		return CURL_SOCKET_BAD;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Set options until one fails. */
#define SET(option, value)                                                               \
	do {                                                                             \
		if (rc == CURLE_OK)                                                      \
			rc = curl_easy_setopt(curl, option, value);                      \
	} while (0)

/* Every one of them, or nothing is asked: without its proxy it would go around it,
 * without its authorities any of the machine's would do. */
static CURLcode set_guards(
	CURL *curl, struct transfer *t, const char *url, const char *ca)
{
	const struct sources *s = t->sources;
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_PROXY, s->proxy);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_NONE);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, (long)s->timeout_s);
	SET(CURLOPT_TIMEOUT, (long)s->timeout_s);
	SET(CURLOPT_MAXFILESIZE, (long)s->max_octets);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, t);
	if (*ca) { /* libcurl would add the machine's own folder */
		SET(CURLOPT_CAINFO, ca);
		SET(CURLOPT_CAPATH, NULL);
	}
	return rc;
}

static CURLcode set_question(
	CURL *curl, const struct question *q, const struct curl_slist *headers)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_HTTPHEADER, headers);
	if (q->post.len > 0) {
		SET(CURLOPT_POSTFIELDSIZE, (long)q->post.len);
		SET(CURLOPT_POSTFIELDS, q->post.data);
	}
	return rc;
}

static void say(struct outcome_message *m, enum fetch_outcome outcome, const char *why)
{
	m->outcome = outcome;
	(void)snprintf(m->reason, sizeof(m->reason), "%s", why);
}

static void conclude(const struct transfer *t, CURLcode code, long status)
{
	char text[80];

	if (t->too_long || code == CURLE_FILESIZE_EXCEEDED)
		say(t->message, FETCH_FAILED, "it is longer than max_octets");
	else if (t->wrong_address)
		say(t->message, FETCH_FAILED,
			"the host's address is not of the public Internet");
	else if (code != CURLE_OK)
		say(t->message, FETCH_FAILED, curl_easy_strerror(code));
	else if (status == 304)
		say(t->message, FETCH_NOT_MODIFIED, "");
	else if (status == 200)
		say(t->message, FETCH_DONE, "");
	else {
		snprintf(text, sizeof(text), "HTTP status %ld%s", status,
			status >= 300 && status < 400 ? ": redirects are not followed"
						      : "");
		say(t->message, FETCH_FAILED, text);
	}
}

/* One header at most; NULL: none or no memory. */
static struct curl_slist *headers_of(const struct question *q)
{
	char header[ETAG_SIZE + 32];

	if (q->post.len > 0)
		return curl_slist_append(NULL, "Content-Type: application/ocsp-request");
	(void)snprintf(header, sizeof(header), "If-None-Match: %s", q->etag);
	return *q->etag ? curl_slist_append(NULL, header) : NULL;
}

static void transfer(struct transfer *t, const struct question *q, const char *ca)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = headers_of(q);
	CURLcode code;
	long status = 0;

	if (!curl || ((q->post.len > 0 || *q->etag) && !headers)) {
		say(t->message, FETCH_FAILED, "memory");
		return;
	}
	if (set_guards(curl, t, q->url, ca) != CURLE_OK ||
		set_question(curl, q, headers) != CURLE_OK) {
		say(t->message, FETCH_FAILED, "libcurl does not take one of the limits");
		return;
	}
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	conclude(t, code, status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}

/* The child: whatever a peer does to libcurl ends with this process. */
static void child(
	const struct fetch_context *c, const struct question *q, int body, int out)
{
	const struct sources *s = c->sources;
	struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
	struct rlimit cpu = { (rlim_t)s->timeout_s + 1, (rlim_t)s->timeout_s + 1 };
	struct outcome_message m = { .outcome = FETCH_FAILED };
	struct transfer t = { .sources = s, .fd = body, .message = &m };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Refused inside the unit's sandbox, which has limits of its own. */
	setrlimit(RLIMIT_DATA, &memory);
	setrlimit(RLIMIT_CPU, &cpu);
	transfer(&t, q, c->ca);
	_exit(fd_write_all(out, span_of((const uint8_t *)&m, sizeof(m))) == 0 ? 0 : 1);
}

static void hear(int in, int stop_fd, int timeout_ms, struct outcome_message *ret)
{
	struct pollfd p[] = { { .fd = in, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN } };
	int n;

	do
		n = poll(p, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		say(ret, FETCH_FAILED, "it took longer than timeout_s");
	else if (!p[0].revents)
		say(ret, FETCH_FAILED, "the program is stopping");
	else if (read(in, ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
		say(ret, FETCH_FAILED, "the download came to a bad end");
	ret->reason[sizeof(ret->reason) - 1] = '\0';
	ret->etag[sizeof(ret->etag) - 1] = '\0';
}

static void take_result(
	const struct outcome_message *m, int body, struct fetch_result *ret)
{
	ret->outcome = m->outcome;
	memcpy(ret->reason, m->reason, sizeof(ret->reason));
	memcpy(ret->etag, m->etag, sizeof(ret->etag));
	if (m->outcome == FETCH_DONE && memfd_seal(body) == 0)
		ret->fd = body;
	else
		close(body);
	if (m->outcome == FETCH_DONE && ret->fd < 0)
		ret->outcome = FETCH_FAILED;
}

static int run(const struct fetch_context *c, const struct question *q,
	struct fetch_result *ret_result)
{
	struct outcome_message m = { .outcome = FETCH_FAILED };
	int body = memfd_create("fetch", MFD_CLOEXEC | MFD_ALLOW_SEALING), pipes[2];
	pid_t pid;

	*ret_result = (struct fetch_result){ .outcome = FETCH_FAILED, .fd = -1 };
	if (body < 0 || pipe2(pipes, O_CLOEXEC) < 0) {
		if (body >= 0)
			close(body);
		return -errno;
	}
	pid = fork();
	if (pid == 0)
		child(c, q, body, pipes[1]);
	close(pipes[1]);
	if (pid > 0) {
		hear(pipes[0], c->stop_fd, c->sources->timeout_s * 1000 + GRACE_MS, &m);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(pipes[0]);
	take_result(&m, body, ret_result);
	return pid < 0 ? -EAGAIN : 0;
}

int fetch(const struct fetch_context *c, const char *url, const char *etag,
	struct fetch_result *ret_result)
{
	return run(c, &(struct question){ .url = url, .etag = etag }, ret_result);
}

int fetch_ocsp(const struct fetch_context *c, const char *url, struct span request,
	struct fetch_result *ret_result)
{
	return run(c, &(struct question){ .url = url, .etag = "", .post = request },
		ret_result);
}
