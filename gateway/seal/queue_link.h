/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The connection to queued of a thread that works beside the sealing ones: made when it
 * is needed, dropped when it broke; says nothing of its own, the sealing threads do.
 */
#ifndef SEALGATE_SEAL_QUEUE_LINK_H
#define SEALGATE_SEAL_QUEUE_LINK_H

#include "queue/client.h"
#include "seal/attempt.h"

struct queue_link {
	struct seal_house *house;
	struct queue *queue; /* NULL: not connected */
};

/* Return: whether there is a connection; a pause was made when there is none. */
bool queue_link_up(struct queue_link *l);

/* Drop it, after a pause. */
void queue_link_drop(struct queue_link *l);

/* Drop it at the end. */
void queue_link_done(struct queue_link *l);

#endif
