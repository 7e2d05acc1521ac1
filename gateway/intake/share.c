/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 4 /* a partner may have one part of the room; one is kept for newcomers */

int shares_init(struct shares *s, size_t room)
{
	*s = (struct shares){ .lock = PTHREAD_MUTEX_INITIALIZER, .room = room };
	s->list = calloc(room, sizeof(*s->list));
	return s->list ? 0 : -ENOMEM;
}

void shares_done(struct shares *s)
{
	free(s->list);
	pthread_mutex_destroy(&s->lock);
	*s = (struct shares){ 0 };
}

/* The partner's place or, when nothing of it is running, a free one. NULL: there is none,
 * and then the room is full. */
static struct share *place_of(const struct shares *s, const char *partner)
{
	struct share *place = NULL;

	for (size_t i = 0; i < s->room; i++) {
		struct share *p = &s->list[i];

		if (p->running && strcmp(p->partner, partner) == 0)
			return p;
		if (!p->running && !place)
			place = p;
	}
	return place;
}

static enum share_answer may_take(const struct shares *s, const struct share *place)
{
	size_t part = s->room / PARTS;

	if (s->running >= s->room || !place)
		return SHARE_NONE;
	if (place->running == 0)
		return SHARE_TAKEN;
	if (place->running >= part)
		return SHARE_OVER;
	return s->running < s->room - part ? SHARE_TAKEN : SHARE_NONE;
}

enum share_answer share_take(struct shares *s, const char *partner)
{
	enum share_answer answer;
	struct share *place;

	pthread_mutex_lock(&s->lock);
	place = place_of(s, partner);
	answer = may_take(s, place);
	if (answer == SHARE_TAKEN) {
		snprintf(place->partner, sizeof(place->partner), "%s", partner);
		place->running++;
		s->running++;
	}
	pthread_mutex_unlock(&s->lock);
	return answer;
}

void share_give(struct shares *s, const char *partner)
{
	struct share *place;

	pthread_mutex_lock(&s->lock);
	place = place_of(s, partner);
	if (place && place->running) {
		place->running--;
		s->running--;
	}
	pthread_mutex_unlock(&s->lock);
}
