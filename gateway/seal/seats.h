/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many documents are sealed at once, apart from those that wait for a batch to be
 * full: there are more threads than seats; never decides who comes next.
 */
#ifndef SEALGATE_SEAL_SEATS_H
#define SEALGATE_SEAL_SEATS_H

#include <semaphore.h>

struct seats {
	sem_t claims; /* of who asks the queue for a document, or has one and no seat yet
		       */
	sem_t work;   /* of who seals one */
};

/* As many of each. Return: 0 or -errno. */
int seats_init(struct seats *s, unsigned int count);
void seats_done(struct seats *s);

/* Wait for one; whoever has a seat of work asks for none of claims. */
void seats_take(sem_t *seat);
void seats_give(sem_t *seat);

#endif
