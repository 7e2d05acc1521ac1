/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/server.h"

#include "common/clock.h"
#include "common/daemon.h"
#include "common/log.h"
#include "queued/backup.h"
#include "queued/batch.h"
#include "queued/connection.h"
#include "queued/event_journals.h"
#include "queued/head.h"
#include "queued/head_heal.h"
#include "queued/head_look.h"
#include "queued/head_move.h"
#include "queued/head_seal.h"
#include "queued/links.h"
#include "queued/policy_journal.h"
#include "queued/stranded.h"
#include "queued/trust_journal.h"
#include "queued/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ACCEPTS_MAX 128 /* in one round: as many as may wait at the listener */
#define HEAL_AGAIN_MS 60000
#define HEAL_OWED_MS 1000 /* while nothing is taken for it */

struct server {
	const struct server_options *o;
	struct batch batch;
	struct watch watch;
	struct policy_journal journal;
	struct trust_journal trust;
	struct event_journals events;
	struct head_seal seal;
	struct chain_links links;
	struct stranded_watch stranded;
	struct connection *connections; /* CONNECTIONS_MAX of them */
	size_t used;			/* of them; those behind were never open */
	size_t first;			/* where looking for requests starts, in turn */
	int64_t head_position;		/* as last written */
	int64_t head_at_ms;
	uint64_t opened, refused; /* connections */
	int64_t heal_ms;	  /* 0: heads/ is as the chain says; else when to try */
	struct head_move move;
	struct head_look look; /* after that */
	bool head_failed;
	bool stop;
};

/* A free place for one more connection of the peer, or NULL. */
static struct connection *place_for(const struct server *s, const char *peer)
{
	struct connection *place = NULL;
	size_t held = 0;

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct connection *c = &s->connections[i];

		if (c->fd >= 0)
			held += strcmp(c->peer, peer) == 0;
		else if (!place)
			place = c;
	}
	return held < connection_share(peer) ? place : NULL;
}

/* Who connects often must not fill the log: the 1st, 2nd, 4th, 8th ... is written. */
static void log_refused(struct server *s, const char *peer)
{
	uint64_t n = ++s->refused;

	if (n & (n - 1))
		return;
	log_event(LOG_WARNING, peer ? "queued.connections" : "queued.stranger", NULL,
		"connection refused: %s%s (refusal %" PRIu64 " since the start)",
		peer ? "too many of " : "the peer has nothing to ask here",
		peer ? peer : "", n);
}

static void take_in(struct server *s, int fd)
{
	const char *peer = connection_peer(s->o->instance, fd);
	struct connection *place;

	place = peer ? place_for(s, peer) : NULL;
	if (place) {
		connection_open(place, fd, peer, ++s->opened);
		if (s->used < (size_t)(place - s->connections) + 1)
			s->used = (size_t)(place - s->connections) + 1;
		return;
	}
	log_refused(s, peer);
	close(fd);
}

/* All who wait: a round may last as long as a commit, and at a start everybody comes at
 * once. */
static void accept_all(struct server *s)
{
	for (size_t i = 0; i < ACCEPTS_MAX; i++) {
		int fd =
			accept4(s->o->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		take_in(s, fd);
	}
}

/* What is behind the chain's end is set aside first, where it is. When there is more to
 * do in heads/, INT64_MAX: nothing. */
static int64_t tidy_ms(const struct server *s)
{
	if (s->o->listener < 0 || s->heal_ms)
		return INT64_MAX;
	if (!s->move.done)
		return s->move.next_ms;
	return s->look.done ? INT64_MAX : s->look.next_ms;
}

static int tidy(struct server *s, int64_t now_ms)
{
	if (tidy_ms(s) > now_ms)
		return 0;
	if (s->move.done)
		return head_look_run(&s->look, &s->batch, now_ms);
	head_move_run(&s->move, s->o->folder, now_ms);
	return 0;
}

/* Fill the poll set. Return: how long to sleep in milliseconds. */
static int prepare_poll(struct server *s, struct pollfd *set, int64_t now_ms)
{
	int64_t wake = s->o->listener >= 0 ? s->watch.next_ms : INT64_MAX;

	set[0] = (struct pollfd){ .fd = s->o->stop_fd, .events = POLLIN };
	set[1] = (struct pollfd){ .fd = s->o->listener, .events = POLLIN };
	for (size_t i = 0; i < s->used; i++) {
		const struct connection *c = &s->connections[i];

		set[i + 2] = (struct pollfd){ .fd = c->fd,
			.events = c->state == CONNECTION_IDLE ? POLLIN : 0 };
		if (c->state == CONNECTION_PARKED && c->wake_ms < wake)
			wake = c->wake_ms;
	}
	if (s->o->listener >= 0 && s->stranded.next_ms < wake)
		wake = s->stranded.next_ms;
	if (s->heal_ms && s->heal_ms < wake)
		wake = s->heal_ms;
	if (tidy_ms(s) < wake)
		wake = tidy_ms(s);
	if (s->o->head_ms && batch_head(&s->batch).position != s->head_position &&
		s->head_at_ms + s->o->head_ms < wake)
		wake = s->head_at_ms + s->o->head_ms;
	if (backup_running(&s->batch))
		return 0;
	if (wake == INT64_MAX)
		return -1;
	return wake <= now_ms ? 0 : wake - now_ms > 60000 ? 60000 : (int)(wake - now_ms);
}

/* Work handed to somebody who is gone would only wait for its lease to run out. */
static void add(struct server *s, struct connection *c, short events)
{
	if ((events & POLLHUP) && operation_claims(c->op))
		connection_close(c);
	else
		batch_add(&s->batch, c);
}

/* Read what has come, in turn, as much as fits in a batch. */
static void gather(struct server *s, const struct pollfd *set)
{
	for (size_t n = 0; n < s->used && !batch_full(&s->batch); n++) {
		size_t i = (s->first + n) % s->used;
		struct connection *c = &s->connections[i];

		if (c->fd < 0 || set[i + 2].fd != c->fd || !set[i + 2].revents)
			continue;
		if (c->state == CONNECTION_PARKED)
			connection_close(c); /* it hung up while it waited */
		else if (connection_receive(c))
			add(s, c, set[i + 2].revents);
	}
	s->first = s->used ? (s->first + 1) % s->used : 0;
}

static void write_head(struct server *s, int64_t now_ms, bool force)
{
	struct engine_head head = batch_head(&s->batch);
	int r;

	if (!s->o->head_records || head.position == s->head_position)
		return;
	if (!force && head.position - s->head_position < s->o->head_records &&
		now_ms - s->head_at_ms < s->o->head_ms)
		return;
	r = head_write(s->o->folder, &head);
	if (r < 0 && !s->head_failed)
		log_event(LOG_WARNING, "queued.head", NULL, "cannot write the head: %s",
			strerror(-r));
	s->head_failed = r < 0;
	s->head_at_ms = now_ms;
	if (r == 0)
		s->head_position = head.position;
}

/* See to what was sealed of another chain, again and again until that is recorded. */
static int heal(struct server *s)
{
	int r = head_heal(&s->batch, s->o->folder);

	s->heal_ms = r > 0 ? clock_monotonic_ms() +
				     (s->batch.owed ? HEAL_OWED_MS : HEAL_AGAIN_MS)
			   : 0;
	return r < 0 ? r : 0;
}

/* A copy is made for a connection: who is gone has no use for it. */
static void drop_copy(struct server *s)
{
	uint64_t owner = backup_owner(&s->batch);

	for (size_t i = 0; owner && i < s->used; i++)
		if (s->connections[i].fd >= 0 && s->connections[i].number == owner)
			return;
	if (owner)
		engine_backup_drop(s->batch.engine);
}

/* Sleep until something comes; what those ask who have just come is among it.
 * Return: 1, 0 woken by a signal, or -errno. */
static int listen_to_all(struct server *s, struct pollfd set[CONNECTIONS_MAX + 2])
{
	int wait_ms = prepare_poll(s, set, clock_monotonic_ms());

	if (poll(set, s->used + 2, daemon_alive_within(wait_ms)) < 0)
		return errno == EINTR ? 0 : -errno;
	if (!set[1].revents)
		return 1;
	accept_all(s);
	(void)prepare_poll(s, set, clock_monotonic_ms());
	if (poll(set, s->used + 2, 0) < 0)
		return errno == EINTR ? 0 : -errno;
	return 1;
}

/* One round: sleep, read, one transaction, answers. Return: 0 or -errno. */
static int round_once(struct server *s)
{
	struct pollfd set[CONNECTIONS_MAX + 2];
	int r;

	daemon_alive();
	r = listen_to_all(s, set);
	if (r <= 0)
		return r;
	if (set[0].revents)
		s->stop = true;
	gather(s, set);
	for (size_t i = 0; i < s->used; i++)
		if (s->connections[i].state == CONNECTION_PARKED)
			batch_add_waiting(&s->batch, &s->connections[i]);
	r = s->heal_ms && clock_monotonic_ms() >= s->heal_ms ? heal(s) : 0;
	if (r == 0)
		r = batch_run(&s->batch);
	drop_copy(s);
	if (r == 0)
		r = backup_run(&s->batch, s->o->listener >= 0);
	if (r == 0 && s->o->listener >= 0)
		r = watch_run(&s->watch, &s->batch, clock_monotonic_ms());
	if (r == 0 && s->o->listener >= 0)
		r = policy_journal_run(&s->journal, &s->batch, clock_monotonic_ms());
	if (r == 0 && s->o->listener >= 0)
		r = trust_journal_run(&s->trust, &s->batch, clock_monotonic_ms());
	if (r == 0 && s->o->listener >= 0)
		r = event_journals_run(&s->events, &s->batch, clock_monotonic_ms());
	if (r == 0 && s->o->listener >= 0)
		r = links_run(&s->links, &s->batch, clock_monotonic_ms());
	if (r == 0 && s->o->listener >= 0)
		r = stranded_run(&s->stranded, &s->batch, clock_monotonic_ms());
	if (r == 0)
		r = tidy(s, clock_monotonic_ms());
	if (r == 0) {
		struct engine_head head = batch_head(&s->batch);

		head_seal_offer(&s->seal, &head);
		write_head(s, clock_monotonic_ms(), false);
	}
	if (s->o->session >= 0 && s->connections[0].fd < 0)
		s->stop = true;
	return r;
}

static int start(struct server *s, struct engine *e)
{
	int r;

	s->connections = calloc(CONNECTIONS_MAX, sizeof(*s->connections));
	batch_init(&s->batch, s->o->folder, e);
	s->batch.place = s->o->place;
	s->batch.heads = &s->seal;
	if (!s->connections)
		return -ENOMEM;
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		s->connections[i].fd = -1;
	s->head_at_ms = clock_monotonic_ms();
	watch_init(&s->watch, clock_monotonic_ms());
	policy_journal_init(&s->journal, clock_monotonic_ms());
	trust_journal_init(&s->trust, clock_monotonic_ms());
	event_journals_init(&s->events, clock_monotonic_ms());
	stranded_init(&s->stranded, clock_monotonic_ms());
	links_init(&s->links, clock_monotonic_ms(),
		s->o->instance ? config_int(s->o->instance->config, "audit.link_s") * 1000
			       : 0);
	if (s->o->session >= 0) {
		fcntl(s->o->session, F_SETFL, O_NONBLOCK);
		connection_open(
			&s->connections[0], s->o->session, s->o->peer, ++s->opened);
		s->used = 1;
		return 0;
	}
	fcntl(s->o->listener, F_SETFL, O_NONBLOCK);
	r = batch_watch_clock(&s->batch);
	if (r >= 0)
		r = heal(s);
	if (r >= 0)
		r = batch_note(&s->batch, "queued.start");
	return r < 0 || !s->o->instance
		       ? r
		       : head_seal_start(&s->seal, s->o->instance, s->o->folder);
}

static void finish(struct server *s, int error)
{
	for (size_t i = 0; s->connections && i < CONNECTIONS_MAX; i++)
		if (s->connections[i].fd >= 0)
			connection_close(&s->connections[i]);
	free(s->connections);
	head_move_done(&s->move);
	head_look_done(&s->look);
	if (error == 0 && s->o->listener >= 0) {
		struct engine_head head;

		batch_note(&s->batch, "queued.stop");
		write_head(s, clock_monotonic_ms(), true);
		head = batch_head(&s->batch);
		head_seal_offer(&s->seal, &head);
	}
	head_seal_stop(&s->seal);
	batch_done(&s->batch, error == 0);
	watch_done(&s->watch);
}

int server_run(const struct server_options *options, struct engine *e)
{
	struct server s = { .o = options };
	int r = start(&s, e);

	/* whoever waits for it finds what was sealed of another chain seen to */
	if (r == 0 && options->daemon)
		daemon_ready(options->daemon);
	while (r == 0 && !s.stop)
		r = round_once(&s);
	finish(&s, r);
	return r;
}
