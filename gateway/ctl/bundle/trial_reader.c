/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/bundle/trial_reader.h"

#include "common/confine.h"
#include "common/durable.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD_MS 120000
#define ANSWER_MS 10000
#define LOAD_CPU_S 120

struct route_question {
	char type[DOCUMENT_TYPE_SIZE];
	char import_country[COUNTRY_SIZE];
};

struct route_answer {
	uint32_t count;
	char names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE];
};

int trial_become(uid_t uid)
{
	if (uid != geteuid() && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
					setresuid(uid, uid, uid) < 0))
		return -errno;
	return 0;
}

int trial_bound(unsigned int seconds)
{
	const struct rlimit cpu = { seconds, seconds }, file = { BUNDLE_MAX, BUNDLE_MAX };

	return setrlimit(RLIMIT_CPU, &cpu) < 0 || setrlimit(RLIMIT_FSIZE, &file) < 0
		       ? -errno
		       : 0;
}

static int complain(const char *error, int r)
{
	fprintf(stderr, "sealgate policy: %s\n", error ? error : strerror(-r));
	return r;
}

/* In the child. */
static int unpack(const struct trial_source *source, const char *folder)
{
	_cleanup_bundle_ struct bundle read = { 0 };
	_cleanup_(freep) char *error = NULL;
	const struct bundle *bundle = source->bundle;
	int r = 0;

	if (source->octets.data) {
		uint8_t *octets = malloc(source->octets.len);

		if (!octets)
			return -ENOMEM;
		memcpy(octets, source->octets.data, source->octets.len);
		r = bundle_read(octets, source->octets.len, &read, &error);
		bundle = &read;
	}
	if (r == 0 && bundle)
		r = bundle_extract(bundle, folder);
	return r < 0 ? complain(error, r) : 0;
}

/* In the child: until nobody asks any more. */
static void answer_all(const struct policy *policy, int socket)
{
	struct route_question q;

	while (read(socket, &q, sizeof(q)) == (ssize_t)sizeof(q)) {
		struct route_answer a = { 0 };

		q.type[sizeof(q.type) - 1] = '\0';
		q.import_country[sizeof(q.import_country) - 1] = '\0';
		a.count =
			(uint32_t)policy_route(policy, q.type, q.import_country, a.names);
		if (fd_write_all(socket, span_of(&a, sizeof(a))) < 0)
			return;
	}
}

/* In the child: whatever else this process has open is not its own. */
static int keep_only(int fd)
{
	if (fd > STDERR_FILENO + 1 &&
		close_range(STDERR_FILENO + 1, (unsigned int)fd - 1, 0) < 0)
		return -errno;
	return close_range((unsigned int)fd + 1, ~0u, 0) < 0 ? -errno : 0;
}

/* In the child: first it can no longer speak for its user, then, with nothing left to
 * write, only read. */
static int serve(
	const struct trial_source *source, const char *folder, uid_t uid, int socket)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(freep) char *error = NULL;
	char digest[SHA256_TEXT_SIZE] = "";
	int r = keep_only(socket);

	if (r == 0)
		r = trial_become(uid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (r == 0)
		r = trial_bound(LOAD_CPU_S);
	if (r == 0)
		r = confine_mute();
	if (r < 0)
		return complain("who reads it cannot be shut in", r);
	r = unpack(source, folder);
	if (r < 0)
		return r;
	r = confine_reader();
	if (r < 0)
		return complain("who reads it cannot be shut in", r);
	r = policy_load(folder, &policy, &error);
	if (r < 0)
		return complain(error, r);
	(void)snprintf(digest, sizeof(digest), "%s", policy_digest(policy));
	r = fd_write_all(socket, span_of(digest, sizeof(digest)));
	if (r == 0)
		answer_all(policy, socket);
	return r;
}

/* All of it, or nothing that counts. */
static int receive(int socket, void *ret, size_t size, int timeout_ms)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -ETIMEDOUT;
	return recv(socket, ret, size, MSG_WAITALL) == (ssize_t)size ? 0 : -ECONNRESET;
}

static bool is_digest(const char text[SHA256_TEXT_SIZE])
{
	return text[SHA256_TEXT_SIZE - 1] == '\0' &&
	       strspn(text, "0123456789abcdef") == SHA256_TEXT_SIZE - 1;
}

int trial_reader_start(const struct trial_source *source, const char *folder, uid_t uid,
	struct trial_reader *ret_reader)
{
	struct trial_reader reader = { .socket = -1 };
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	reader.pid = fork();
	if (reader.pid == 0) {
		close(ends[0]);
		_exit(serve(source, folder, uid, ends[1]) < 0);
	}
	r = reader.pid < 0 ? -errno : 0;
	reader.socket = ends[0];
	close(ends[1]);
	if (r == 0)
		r = receive(ends[0], reader.digest, sizeof(reader.digest), LOAD_MS);
	if (r == 0 && !is_digest(reader.digest))
		r = -EPROTO;
	if (r == 0)
		*ret_reader = reader;
	else
		trial_reader_end(&reader);
	return r;
}

int trial_reader_route(const struct trial_reader *reader, const char *type,
	const char *import_country,
	char ret_names[ROUTE_DESTINATIONS_MAX][DESTINATION_NAME_SIZE])
{
	struct route_question q = { 0 };
	struct route_answer a = { 0 };
	int r;

	if (strlen(type) >= sizeof(q.type) ||
		strlen(import_country) >= sizeof(q.import_country))
		return -EINVAL;
	memcpy(q.type, type, strlen(type));
	memcpy(q.import_country, import_country, strlen(import_country));
	if (send(reader->socket, &q, sizeof(q), MSG_NOSIGNAL) != (ssize_t)sizeof(q))
		return -EPIPE;
	r = receive(reader->socket, &a, sizeof(a), ANSWER_MS);
	if (r == 0 && a.count > ROUTE_DESTINATIONS_MAX)
		r = -EPROTO;
	for (size_t i = 0; r == 0 && i < a.count; i++)
		if (!memchr(a.names[i], '\0', sizeof(a.names[i])))
			r = -EPROTO;
	if (r < 0)
		return r;
	memcpy(ret_names, a.names, sizeof(a.names));
	return (int)a.count;
}

void trial_reader_end(struct trial_reader *reader)
{
	if (reader->pid > 0) {
		kill(reader->pid, SIGKILL);
		while (waitpid(reader->pid, NULL, 0) < 0 && errno == EINTR)
			;
		close(reader->socket);
	}
	*reader = (struct trial_reader){ .socket = -1 };
}
