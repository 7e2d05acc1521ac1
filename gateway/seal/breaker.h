/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Back-off shared by all threads while something that every seal needs is away: one
 * attempt probes, the others wait; never decides what is away.
 */
#ifndef SEALGATE_SEAL_BREAKER_H
#define SEALGATE_SEAL_BREAKER_H

#include "common/daemon.h"

#include <pthread.h>
#include <stdint.h>

#define BREAKER_MIN_MS 1000
#define BREAKER_MAX_MS 60000

struct breaker {
	pthread_mutex_t lock;
	int64_t until; /* of clock_monotonic_ms; nothing is tried before */
	int delay;     /* the last one; 0: closed, everything works */
	bool probing;  /* a thread is trying while it is open */
};

void breaker_init(struct breaker *b);

/* May a seal be tried at now (monotonic)? Whoever is told so must say one of the three
 * below afterwards. Return: 0 yes, else milliseconds to wait before asking again. */
int breaker_ask(struct breaker *b, int64_t now);

/* Wait until a seal may be tried. Return: false when the daemon shall stop. */
bool breaker_wait(struct breaker *b, const struct daemon *d);

/* The attempt failed because something is away. Return: milliseconds, with jitter, until
 * the next one (1 s to 60 s, doubling). */
int breaker_failed(struct breaker *b, int64_t now);

/* The attempt worked. Return: true when it was the first to work again. */
bool breaker_worked(struct breaker *b);

/* There was nothing to try, or it says nothing about what is away. */
void breaker_skipped(struct breaker *b);

/* A delay for the nth attempt of the same thing, in seconds with jitter: 1 to 60. */
int backoff_seconds(uint32_t attempt);

#endif
