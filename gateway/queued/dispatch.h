/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The table of operations: body, descriptors, who may ask, what runs; never a connection.
 */
#ifndef SEALGATE_QUEUED_DISPATCH_H
#define SEALGATE_QUEUED_DISPATCH_H

#include "common/ipc.h"
#include "queue/engine.h"

struct answer {
	struct queue_reply reply;
	int fds[IPC_FDS_MAX]; /* owned; -1 where absent */
	int64_t due; /* of an empty claim: seconds when asking again makes sense */
};

void answer_init(struct answer *a);
void answer_done(struct answer *a);

struct operation;

/* The operation that a message asks for when its body and descriptors have the right
 * form, else NULL: then the connection is not worth keeping. */
const struct operation *dispatch_find(const struct ipc_message *m);

const char *operation_name(const struct operation *op);
bool operation_writes(const struct operation *op);
bool operation_claims(const struct operation *op); /* may wait for work */
bool operation_makes_work(const struct operation *op);

/* True when a peer of that name may ask it: "intake", "seal", "forward", "admin", "ctl"
 * or, without peer separation, "any". */
bool operation_allowed(const struct operation *op, const char *peer);

/* Who says that the last record was wrong, by a message that dispatch_find has judged, or
 * NULL. */
const struct queue_command_request *dispatch_accepts(const struct ipc_message *m);

/* Milliseconds that a claim may wait. */
int64_t operation_wait_ms(const struct ipc_message *m);

/* Who asks, and on which connection. */
struct asker {
	const char *peer;
	uint64_t connection; /* its number; not 0 */
};

struct head_seal;

/* Run it inside the open transaction. now: seconds. What *ret_answer held is released
 * first. heads may be NULL. Return: 0, or negative when the database failed: then the
 * batch is lost. */
int dispatch_run(struct engine *e, struct head_seal *heads, const struct operation *op,
	const struct ipc_message *m, const struct asker *asker, int64_t now,
	struct answer *ret_answer);

#endif
