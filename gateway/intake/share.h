/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many requests of each partner are being answered: one partner's flood leaves room
 * for the others; never who a partner is.
 */
#ifndef SEALGATE_INTAKE_SHARE_H
#define SEALGATE_INTAKE_SHARE_H

#include "common/limits.h"

#include <pthread.h>
#include <stddef.h>

struct share {
	char partner[PARTNER_NAME_SIZE];
	size_t running; /* 0: the place is free */
};

struct shares {
	pthread_mutex_t lock;
	size_t room; /* requests at once, of all partners */
	size_t running;
	struct share *list; /* room of them */
};

enum share_answer {
	SHARE_NONE = 0, /* everything that may run is running */
	SHARE_TAKEN,
	SHARE_OVER, /* the partner has its share */
};

/* Return: 0 or -ENOMEM. */
int shares_init(struct shares *s, size_t room);
void shares_done(struct shares *s);

/* Let one more request of the partner run: a quarter of the room for each partner; the
 * last quarter of the room is for partners of whom nothing is running.
 * Return: SHARE_TAKEN: to be given back with share_give(). */
enum share_answer share_take(struct shares *s, const char *partner);
void share_give(struct shares *s, const char *partner);

#endif
