/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A connection to queued that callers share, one question at a time, so that partners
 * with call-backs take none from the couriers; never for a claim that waits for work.
 */
#ifndef SEALGATE_FORWARD_TRUNK_H
#define SEALGATE_FORWARD_TRUNK_H

#include "common/instance.h"
#include "queue/client.h"

#include <pthread.h>

struct trunk {
	const struct instance *instance;
	pthread_mutex_t lock;
	struct queue *queue; /* NULL while disconnected */
};

/* instance is borrowed until trunk_done. */
void trunk_init(struct trunk *t, const struct instance *instance);
void trunk_done(struct trunk *t);

/* Have it alone, connected, from any thread. Return: NULL when queued is not there, and
 * nothing is had; else until trunk_give. */
struct queue *trunk_take(struct trunk *t);

/* Give it back with the answer to what was asked: when negative, it is connected anew for
 * the next one. */
void trunk_give(struct trunk *t, int answer);

#endif
