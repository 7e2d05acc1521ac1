/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One client: what it asked and what it will be answered; never the database.
 */
#ifndef SEALGATE_QUEUED_CONNECTION_H
#define SEALGATE_QUEUED_CONNECTION_H

#include "common/instance.h"
#include "queued/dispatch.h"

#define CONNECTIONS_MAX 906

enum connection_state {
	CONNECTION_IDLE = 0, /* nothing asked */
	CONNECTION_ASKED,    /* in the batch */
	CONNECTION_PARKED,   /* a claim waits for work */
};

struct connection {
	int fd; /* -1: free */
	const char *peer;
	uint64_t number; /* which no other ever has */
	enum connection_state state;
	const struct operation *op;
	struct ipc_message message;
	struct answer answer;
	int64_t deadline_ms; /* of a parked claim */
	int64_t wake_ms; /* when asking again makes sense, at the latest the deadline */
};

/* Name of the program at the other end, "ctl" for the operator's command line, or NULL
 * for whoever has nothing to ask: a stranger, or a program of the house without a right.
 */
const char *connection_peer(const struct instance *i, int fd);

/* Connections that a peer may have at once; 0 for whoever has nothing to ask. */
size_t connection_share(const char *peer);

void connection_open(struct connection *c, int fd, const char *peer, uint64_t number);
void connection_close(struct connection *c);

/* Take the next message. Return: true when there is a question for the database; what may
 * not be asked is answered, what cannot be understood ends the connection. */
bool connection_receive(struct connection *c);

/* Send the answer and be idle again. */
void connection_answer(struct connection *c);
void connection_answer_plain(struct connection *c, enum queue_answer answer);

/* Keep the claim until due (seconds) or its deadline. */
void connection_park(struct connection *c, int64_t due, int64_t now);

#endif
