/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/connection.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>

/* They add up to no more than there is room for: nobody's connections are another's want.
 * A thread of intake (intake.threads) and of seal (seal.threads) has one each, of
 * forward each courier and some for all call-backs: policy lets it have no more. */
static const struct {
	const char *peer;
	size_t connections;
} SHARES[] = {
	{ "intake", 528 },
	{ "seal", 72 },
	{ "forward", LIMIT_COURIERS + LIMIT_CALLER_TRUNKS },
	{ "admin", 16 },
	{ "ctl", 12 },
	{ "health", 8 },
	{ "backup", 4 },
	{ "replay", 2 },
	/* Without peer separation one uid is all of them, and nobody else is let in. */
	{ "any", CONNECTIONS_MAX },
};

size_t connection_share(const char *peer)
{
	for (size_t i = 0; i < sizeof(SHARES) / sizeof(SHARES[0]); i++)
		if (strcmp(SHARES[i].peer, peer) == 0)
			return SHARES[i].connections;
	return 0;
}

const char *connection_peer(const struct instance *i, int fd)
{
	const char *name = instance_peer_name(i, fd);
	uid_t uid;

	if (name && connection_share(name))
		return name;
	/* root could read the database anyway; queued's own uid is the command line's */
	if ((name && strcmp(name, "queued") == 0) ||
		(ipc_peer(fd, &uid, NULL) == 0 && uid == 0))
		return "ctl";
	return NULL;
}

void connection_open(struct connection *c, int fd, const char *peer, uint64_t number)
{
	*c = (struct connection){ .fd = fd, .peer = peer, .number = number };
	ipc_message_init(&c->message);
	answer_init(&c->answer);
}

void connection_close(struct connection *c)
{
	ipc_message_done(&c->message);
	answer_done(&c->answer);
	close(c->fd);
	c->fd = -1;
	c->state = CONNECTION_IDLE;
}

bool connection_receive(struct connection *c)
{
	int r = ipc_receive(c->fd, &c->message);

	if (r == -EAGAIN)
		return false;
	if (r <= 0) {
		if (r < 0 && r != -ECONNRESET)
			log_event(LOG_WARNING, "queued.protocol", NULL,
				"message of %s: %s", c->peer, strerror(-r));
		connection_close(c);
		return false;
	}
	c->op = dispatch_find(&c->message);
	if (!c->op) {
		log_event(LOG_WARNING, "queued.protocol", NULL,
			"message of %s: type %u with %u octets and %u descriptors",
			c->peer, c->message.header.type, c->message.header.body_len,
			c->message.header.fd_count);
		connection_close(c);
		return false;
	}
	if (!operation_allowed(c->op, c->peer)) {
		log_event(LOG_WARNING, "queued.denied", NULL, "%s may not %s", c->peer,
			operation_name(c->op));
		connection_answer_plain(c, QUEUE_DENIED);
		return false;
	}
	c->state = CONNECTION_ASKED;
	c->deadline_ms = clock_monotonic_ms() + operation_wait_ms(&c->message);
	return true;
}

static size_t fd_count(const struct answer *a)
{
	size_t n = 0;

	while (n < IPC_FDS_MAX && a->fds[n] >= 0)
		n++;
	return n;
}

void connection_answer(struct connection *c)
{
	int r = ipc_send(c->fd, c->message.header.type, c->message.header.id,
		&c->answer.reply, sizeof(c->answer.reply), c->answer.fds,
		fd_count(&c->answer));

	ipc_message_done(&c->message);
	answer_done(&c->answer);
	c->state = CONNECTION_IDLE;
	if (r < 0)
		connection_close(c);
}

void connection_answer_plain(struct connection *c, enum queue_answer answer)
{
	answer_done(&c->answer);
	c->answer.reply.answer = answer;
	connection_answer(c);
}

void connection_park(struct connection *c, int64_t due, int64_t now)
{
	int64_t wait = due == INT64_MAX ? INT64_MAX : due > now ? (due - now) * 1000 : 0;
	int64_t now_ms = clock_monotonic_ms();

	answer_done(&c->answer);
	c->wake_ms = c->deadline_ms;
	if (wait < c->deadline_ms - now_ms)
		c->wake_ms = now_ms + (wait > 10 ? wait : 10);
	c->state = CONNECTION_PARKED;
}
