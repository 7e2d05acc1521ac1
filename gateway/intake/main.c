/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-intake: the HTTP contract for partners behind nginx. It asks verify for the
 * verdict, the signer for the receipt, and queued to commit. It never parses XML.
 */
#include "common/daemon.h"
#include "common/log.h"
#include "intake/links.h"
#include "intake/pool.h"
#include "intake/rejudge.h"
#include "intake/server.h"

#include <errno.h>
#include <string.h>

#define CONNECTION_TIMEOUT_MS 10000
/* Threads and places for those who are only told that they must wait: what is running is
 * limited by shares, once it is known who asks. */
#define DOORKEEPERS 4
#define DOOR_MAX 128
#define TURNED_AWAY_MAX                                                                  \
	256 /* connections waiting to be told that all threads are busy                  \
	     */

static const char USAGE[] =
	"usage: sealgate-intake --instance DIR\n"
	"Serves partners' requests that nginx hands over on run/intake.sock (SCGI).\n";

static void *begin(void *arg)
{
	const struct server *s = arg;
	struct links *l = malloc(sizeof(*l));

	if (l)
		links_init(l, s->queued_socket, s->signer_socket);
	return l;
}

/* Without memory for links every request is answered as busy. */
static void serve(void *arg, void *kept, int socket)
{
	server_serve(arg, kept, socket);
}

static void end(void *arg, void *kept)
{
	(void)arg;
	if (kept)
		links_done(kept);
	free(kept);
}

/* One connection: a thread of the pool, or at once the answer that all are busy. */
static void admit_connection(
	const struct daemon *d, struct pool *pool, struct pool *away, int socket)
{
	if (!instance_peer_is(&d->instance, socket, "nginx")) {
		log_event(LOG_WARNING, "intake.stranger", NULL,
			"a connection that is not nginx's was closed");
		close(socket);
		return;
	}
	if (!pool_give(pool, socket) && !pool_give(away, socket))
		close(socket); /* nginx answers 503 by itself */
}

static void accept_all(const struct daemon *d, struct pool *pool, struct pool *away)
{
	int socket;

	daemon_ready(d);
	while ((socket = daemon_accept(d, CONNECTION_TIMEOUT_MS)) >= 0)
		admit_connection(d, pool, away, socket);
}

static int run(const struct daemon *d, struct server *server)
{
	const struct pool_work work = { begin, serve, end, server };
	const struct pool_work turn_away = { NULL, serve, NULL, server };
	size_t threads =
		(size_t)config_int(d->instance.config, "intake.threads") + DOORKEEPERS;
	struct rejudge rejudge;
	struct pool pool, away;
	int r = pool_start(&pool, threads, threads + DOOR_MAX, &work);

	if (r < 0)
		return r;
	r = pool_start(&away, 1, TURNED_AWAY_MAX, &turn_away);
	if (r < 0) {
		pool_stop(&pool);
		return r;
	}
	r = rejudge_start(&rejudge, server);
	if (r == 0) {
		r = renewed_start(&server->renewed);
		if (r == 0) {
			accept_all(d, &pool, &away);
			renewed_stop(&server->renewed);
		}
		rejudge_stop(&rejudge);
	}
	pool_stop(&pool);
	pool_stop(&away);
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct server server;
	struct daemon d;
	int r = daemon_start(&d, "intake", DAEMON_STREAM, argc, argv, USAGE);

	if (r >= 0)
		return r;
	r = server_init(&server, &d.instance, &error);
	if (r < 0) {
		log_event(LOG_ERR, server.snapshots.fault, NULL, "%s",
			error ? error : strerror(-r));
		daemon_done(&d);
		return 2;
	}
	r = run(&d, &server);
	if (r < 0)
		log_event(LOG_ERR, "intake.threads", NULL, "cannot start: %s",
			strerror(-r));
	server_done(&server);
	daemon_done(&d);
	return r < 0 ? 1 : 0;
}
