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
#include <fcntl.h>
#include <poll.h>
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

/* What the threads have in common. */
struct front {
	const struct daemon *daemon;
	struct server *server;
};

static void *begin(void *arg)
{
	const struct front *f = arg;
	struct links *l = malloc(sizeof(*l));

	if (l)
		links_init(l, f->server->queued_socket, f->server->signer_socket);
	return l;
}

/* Without memory for links every request is answered as busy. */
static void serve(void *arg, void *kept, int socket)
{
	const struct front *f = arg;

	server_serve(f->server, kept, socket);
	server_left(f->server, socket);
}

static void end(void *arg, void *kept)
{
	(void)arg;
	if (kept)
		links_done(kept);
	free(kept);
}

static int accept_asker(void *arg)
{
	const struct front *f = arg;
	int socket = daemon_accept_now(f->daemon, CONNECTION_TIMEOUT_MS);

	if (socket < 0 || server_admits(f->server, socket))
		return socket;
	close(socket);
	return -1;
}

/* The threads accept by themselves. Where all are busy: a place in the pool's line, or at
 * once the answer that they are. */
static void accept_all(struct front *f, struct pool *pool, struct pool *away)
{
	struct pollfd fds[] = { { .fd = f->daemon->stop_fd, .events = POLLIN },
		{ .fd = pool->crowded, .events = POLLIN }, { .events = POLLIN } };

	daemon_ready(f->daemon);
	while (!fds[0].revents) {
		int socket;

		fds[2].fd = pool_crowded(pool) ? f->daemon->socket : -1;
		daemon_alive();
		if (poll(fds, 3, daemon_alive_within(-1)) <= 0 || !fds[2].revents)
			continue;
		socket = accept_asker(f);
		if (socket < 0 || pool_give(pool, socket) || pool_give(away, socket))
			continue;
		server_left(f->server, socket);
		close(socket); /* nginx answers 503 by itself */
	}
}

static int run(const struct daemon *d, struct server *server)
{
	struct front front = { d, server };
	const struct pool_work work = { begin, serve, end, &front, accept_asker,
		d->socket };
	const struct pool_work turn_away = { NULL, serve, NULL, &front, NULL, -1 };
	size_t threads =
		(size_t)config_int(d->instance.config, "intake.threads") + DOORKEEPERS;
	struct rejudge rejudge;
	struct pool pool, away;
	int r;

	/* One of those who wake up for a connection has it. */
	if (fcntl(d->socket, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	r = pool_start(&pool, threads, threads + DOOR_MAX, &work);
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
			accept_all(&front, &pool, &away);
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
