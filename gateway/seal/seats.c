/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/seats.h"

#include <errno.h>

int seats_init(struct seats *s, unsigned int count)
{
	if (sem_init(&s->claims, 0, count) < 0 || sem_init(&s->work, 0, count) < 0)
		return -errno;
	return 0;
}

void seats_done(struct seats *s)
{
	sem_destroy(&s->claims);
	sem_destroy(&s->work);
}

void seats_take(sem_t *seat)
{
	while (sem_wait(seat) < 0 && errno == EINTR)
		;
}

void seats_give(sem_t *seat)
{
	sem_post(seat);
}
