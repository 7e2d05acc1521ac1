/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many attempts at one destination may be under way: fewer when it fails, none but a
 * trial when it fails again and again, more with each success; never which document.
 */
#ifndef SEALGATE_FORWARD_PACE_H
#define SEALGATE_FORWARD_PACE_H

#include "queue/types.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* So many failures in a row open the breaker. */
#define PACE_FAILURES 5

enum pace_result { PACE_IDLE = 0, /* there was nothing to do */ PACE_GOOD, PACE_BAD };
enum pace_change { PACE_SAME = 0, PACE_OPENED, PACE_CLOSED };

struct pace {
	pthread_mutex_t lock;
	int most;    /* attempts at once when all is well */
	int allowed; /* attempts at once now: 1 to most */
	int running;
	int failures; /* in a row */
	bool open;
	int64_t until_ms;	      /* open: when the next trial may be made */
	int64_t pause_ms;	      /* the next one's length */
	int64_t first_ms, longest_ms; /* bounds of a pause */
	enum breaker_state state;     /* as above in one word */
	int64_t since_ms;	      /* 0: since the start */
	int64_t since; /* the same in seconds of the day, 0: not told yet */
	bool told;     /* the word, and the time of the next trial */
};

/* What others are told of it; seconds of the day. */
struct pace_news {
	enum breaker_state state;
	int64_t since, trial;
};

void pace_init(struct pace *p, int most, int64_t first_ms, int64_t longest_ms);
void pace_done(struct pace *p);

/* May an attempt begin? Return: 0, it has begun; else milliseconds until asking again
 * makes sense. */
int64_t pace_enter(struct pace *p, int64_t now_ms);

/* It has ended. random: any number, so that gates that failed together do not return
 * together. */
enum pace_change pace_leave(
	struct pace *p, int64_t now_ms, enum pace_result result, uint32_t random);

/* Is there anything to be told? now: seconds, of the same moment as now_ms. Return: true
 * with *ret_news, which count as told. */
bool pace_tell(struct pace *p, int64_t now_ms, int64_t now, struct pace_news *ret_news);

/* They were not heard, or are forgotten over there: tell them again. */
void pace_untell(struct pace *p);

#endif
