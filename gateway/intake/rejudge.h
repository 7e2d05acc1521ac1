/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Has held documents judged again, in one thread beside those of the partners; never
 * decides where verify did not, and never touches a receipt: the first one stays.
 */
#ifndef SEALGATE_INTAKE_REJUDGE_H
#define SEALGATE_INTAKE_REJUDGE_H

#include "intake/server.h"
#include "queue/client.h"

struct rejudge {
	struct server *server; /* borrowed */
	struct queue *queue;   /* its own connection; NULL while not connected */
	bool away;	       /* queued did not answer, and that was said */
	int stop;	       /* eventfd */
	pthread_t thread;
};

/* Start the thread. Return: 0 or -errno. */
int rejudge_start(struct rejudge *r, struct server *server);

/* End the thread after the document that it has in hand. */
void rejudge_stop(struct rejudge *r);

/* Judge the next document that is due; the thread's one step.
 * Return: 1 its new state is told; 0 none is due; negative: nothing was told, the
 * document comes again when its lease is over; wait before the next. */
int rejudge_next(struct rejudge *r);

#endif
