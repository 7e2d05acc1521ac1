/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-handshake: explains client certificates that nginx did not accept, to the
 * client and, in bounded records, to the partner's contact and the operators. It sees no
 * request and no body, and no answer of it lets anybody in.
 */
#include "common/buf.h"
#include "common/clock.h"
#include "common/daemon.h"
#include "common/durable.h"
#include "common/log.h"
#include "handshake/post_mortem.h"
#include "web/handshakes.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define CONNECTION_TIMEOUT_MS 2000
/* nginx takes a header of 16 KiB: a longer answer is left to it. */
#define ANSWER_MAX 15000u

static const char USAGE[] = "usage: sealgate-handshake --instance DIR\n"
			    "Explains client certificates that nginx did not accept; see "
			    "sealgate-handshake(8).\n";

/* Kept before the client is told: what it reads in the answer is on record. */
static void keep(const struct instance *instance, const struct post_mortem *p, int64_t at)
{
	const char *partner = *p->partner ? p->partner : NULL;
	char path[PATH_MAX];
	int r = handshakes_path(instance, partner, path);

	if (r == 0)
		r = handshakes_note(path,
			partner ? HANDSHAKES_PARTNER_MAX : HANDSHAKES_STRANGER_MAX, at,
			p->record);
	if (r == 1)
		log_event(LOG_ERR, "handshake.record", NULL,
			"%s held something else and began anew", path);
	else if (r < 0)
		log_event(
			LOG_ERR, "handshake.record", NULL, "%s: %s", path, strerror(-r));
}

/* What nginx's auth_request takes: 403, which is what lets nobody in, and the explanation
 * as a header, since it reads no body of such an answer. */
static int send_answer(int socket, const char *answer)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, ANSWER_MAX + 128);
	buf_add_str(&b, "Status: 403 Forbidden\r\nContent-Type: text/plain\r\n"
			"Content-Length: 0\r\n");
	if (strlen(answer) <= ANSWER_MAX)
		buf_addf(&b, "X-Explained: %s\r\n", answer);
	buf_add_str(&b, "\r\n");
	return b.error ? b.error : fd_write_all(socket, buf_span(&b));
}

static int serve(const struct instance *instance, struct known_here *known, int socket)
{
	_cleanup_request_ struct request request;
	_cleanup_post_mortem_ struct post_mortem p = { 0 };
	int64_t at = clock_now();
	int r = request_read(socket, &request);

	if (r <= 0)
		return r;
	known_here_look(known);
	r = post_mortem_make(&request, known, at, &p);
	if (r < 0)
		return r;
	keep(instance, &p, at);
	log_event(LOG_NOTICE, "handshake.failed", NULL, "%s: %s, correlation %s",
		*p.partner ? p.partner : "a stranger",
		scgi_get(&request.scgi, "CLIENT_VERIFY"), request.correlation);
	return send_answer(socket, p.answer);
}

static void serve_all(const struct daemon *d, struct known_here *known)
{
	int socket;

	daemon_ready(d);
	while ((socket = daemon_accept(d, CONNECTION_TIMEOUT_MS)) >= 0) {
		int r;

		if (instance_peer_is(&d->instance, socket, "nginx")) {
			r = serve(&d->instance, known, socket);
			if (r < 0)
				log_event(LOG_WARNING, "handshake.unexplained", NULL,
					"%s", strerror(-r));
		} else {
			log_event(LOG_WARNING, "handshake.stranger", NULL,
				"a connection that is not nginx's was closed");
		}
		close(socket);
	}
}

/* The folder is the program's own; the one in it is made by it alone. */
static int make_folder(const struct instance *instance)
{
	char path[PATH_MAX];
	int r = instance_path(instance, HANDSHAKES_FOLDER "/partners", path);

	if (r == 0 && mkdir(path, 0755) < 0 && errno != EEXIST)
		r = -errno;
	return r == 0 && chmod(path, 0755) < 0 ? -errno : r;
}

int main(int argc, char **argv)
{
	struct known_here known;
	struct daemon d;
	int r = daemon_start(&d, "handshake", DAEMON_STREAM, argc, argv, USAGE);

	if (r >= 0)
		return r;
	r = make_folder(&d.instance);
	if (r < 0)
		log_event(LOG_ERR, "handshake.record", NULL, HANDSHAKES_FOLDER ": %s",
			strerror(-r));
	r = known_here_init(&known, &d.instance);
	if (r == 0)
		serve_all(&d, &known);
	known_here_done(&known);
	daemon_done(&d);
	return r < 0 ? 1 : 0;
}
