/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-handshake: explains client certificates that were not accepted, to the
 * client and, in bounded records, to the partner's contact and the operators; of every
 * listener, and of customs and operators to operators alone. It sees no
 * request and no body, and no answer of it lets anybody in.
 */
#include "common/buf.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "handshake/budget.h"
#include "handshake/post_mortem.h"
#include "web/handshakes.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CONNECTION_TIMEOUT_MS 2000
/* nginx takes a header of 16 KiB: a longer answer is left to it. */
#define ANSWER_MAX 15000u

struct state {
	const struct instance *instance;
	struct known_here known;
	struct handshake_budget budget; /* for what intake hands over */
};

static const char USAGE[] = "usage: sealgate-handshake --instance DIR\n"
			    "Explains client certificates that were not accepted; see "
			    "sealgate-handshake(8).\n";

/* Kept before the client is told: what it reads in the answer is on record. */
static void keep(const struct instance *instance, const struct post_mortem *p, int64_t at)
{
	static const struct handshakes_room OF_PARTNER = { HANDSHAKES_PARTNER_MAX, 0 },
					    OF_STRANGERS = { HANDSHAKES_STRANGER_MAX,
						    HANDSHAKES_ADDRESS_MAX };
	bool proven = *p->partner || p->enrolled;
	char path[PATH_MAX];
	int r = p->enrolled && !*p->partner
			? handshakes_path_house(instance, path)
			: handshakes_path(
				  instance, *p->partner ? p->partner : NULL, path);

	if (r == 0)
		r = handshakes_note(
			path, proven ? &OF_PARTNER : &OF_STRANGERS, at, p->record);
	if (r == 1)
		log_event(LOG_ERR, "handshake.record", NULL,
			"%s held something else and began anew", path);
	else if (r < 0)
		log_event(
			LOG_ERR, "handshake.record", NULL, "%s: %s", path, strerror(-r));
}

/* What nginx's auth_request takes: 403, which is what lets nobody in, and the explanation
 * as a header, since it reads no body of such an answer. */
static int send_answer(int socket, const struct post_mortem *p)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, ANSWER_MAX + 256);
	buf_add_str(&b, "Status: 403 Forbidden\r\nContent-Type: text/plain\r\n"
			"Content-Length: 0\r\n");
	if (strlen(p->answer) <= ANSWER_MAX)
		buf_addf(&b, "X-Explained: %s\r\nX-Explained-Language: %s\r\n", p->answer,
			*p->language ? p->language : "en");
	buf_add_str(&b, "\r\n");
	return b.error ? b.error : fd_write_all(socket, buf_span(&b));
}

static void note(const struct request *request, const struct post_mortem *p)
{
	const char *holder = json_string_of(p->record, "holder");

	log_event(LOG_NOTICE, "handshake.failed", NULL,
		"%s: %s, at the listener of %s, from %s, correlation %s",
		*p->partner ? p->partner
		: holder    ? holder
			    : "a stranger",
		json_string_of(p->record, "verify"), listener_text(p->listener),
		json_string_of(p->record, "address"), request->correlation);
}

/* nginx says itself that it refuses, intake and admin by a code; without users of their
 * own they are one. */
static int serve(struct state *s, int socket, bool nginx, bool behind)
{
	_cleanup_request_ struct request request;
	_cleanup_post_mortem_ struct post_mortem p = { 0 };
	int64_t at = clock_now();
	int r = request_read_up_to(POST_MORTEM_HEADER_MAX, socket, &request);
	bool refused;

	if (r <= 0)
		return r;
	refused = behind && (!nginx || *scgi_get(&request.scgi, "REFUSED"));
	/* nginx counts what it hands over; intake counts what a partner may ask. */
	if (refused && !budget_take(&s->budget, clock_monotonic_ms()))
		return 0;
	known_here_look(&s->known);
	r = post_mortem_make(&request, refused, &s->known, at, &p);
	if (r < 0)
		return r;
	keep(s->instance, &p, at);
	note(&request, &p);
	return send_answer(socket, &p);
}

static void serve_one(struct state *s, int socket)
{
	bool nginx = instance_peer_is(s->instance, socket, "nginx");
	bool behind = instance_peer_is(s->instance, socket, "intake") ||
		      instance_peer_is(s->instance, socket, "admin");
	int r;

	if (!nginx && !behind) {
		log_event(LOG_WARNING, "handshake.stranger", NULL,
			"a connection that is not nginx's, intake's or admin's was "
			"closed");
		return;
	}
	r = serve(s, socket, nginx, behind);
	if (r < 0)
		log_event(LOG_WARNING, "handshake.unexplained", NULL, "%s", strerror(-r));
}

static void serve_all(const struct daemon *d, struct state *s)
{
	int socket;

	daemon_ready(d);
	while ((socket = daemon_accept(d, CONNECTION_TIMEOUT_MS)) >= 0) {
		serve_one(s, socket);
		close(socket);
	}
}

/* The folder is the program's own, and the one in it; intake reads what is there,
 * whatever the umask of whoever made it. */
static int make_folders(const struct instance *instance)
{
	static const char *const NAMES[] = { HANDSHAKES_FOLDER,
		HANDSHAKES_FOLDER "/partners" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		char path[PATH_MAX];

		r = instance_path(instance, NAMES[i], path);
		if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
			r = -errno;
		if (r == 0 && chmod(path, 0755) < 0)
			r = -errno;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct daemon d;
	struct state s = { .instance = &d.instance };
	int r = daemon_start(&d, "handshake", DAEMON_STREAM, argc, argv, USAGE);

	if (r >= 0)
		return r;
	r = make_folders(&d.instance);
	if (r < 0)
		log_event(LOG_ERR, "handshake.record", NULL, HANDSHAKES_FOLDER ": %s",
			strerror(-r));
	budget_init(&s.budget, clock_monotonic_ms());
	r = known_here_init(&s.known, &d.instance);
	if (r == 0)
		serve_all(&d, &s);
	known_here_done(&s.known);
	daemon_done(&d);
	return r < 0 ? 1 : 0;
}
