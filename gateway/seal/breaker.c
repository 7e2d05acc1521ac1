/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/breaker.h"

#include "common/clock.h"

#include <sys/random.h>

#define LOOK_MS 200 /* while another thread probes */

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

/* ms, up to a quarter less: those who failed together do not come back together. */
static int jitter(int ms)
{
	uint16_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		return ms;
	return ms - (int)((int64_t)ms * random / 65536 / 4);
}

int breaker_ask(struct breaker *b, int64_t now)
{
	int wait = 0;

	pthread_mutex_lock(&b->lock);
	if (b->delay && now < b->until)
		wait = (int)(b->until - now);
	else if (b->delay && b->probing)
		wait = LOOK_MS;
	else
		b->probing = b->delay != 0;
	pthread_mutex_unlock(&b->lock);
	return wait;
}

bool breaker_wait(struct breaker *b, const struct daemon *d)
{
	int ms = 0;

	do {
		if (daemon_wait(d, ms < LOOK_MS ? ms : LOOK_MS))
			return false;
		ms = breaker_ask(b, clock_monotonic_ms());
	} while (ms > 0);
	return true;
}

int breaker_failed(struct breaker *b, int64_t now)
{
	int wait;

	pthread_mutex_lock(&b->lock);
	/* Threads that were under way when it opened add nothing to its delay. */
	if (b->delay == 0 || b->probing) {
		b->delay = b->delay ? b->delay * 2 : BREAKER_MIN_MS;
		if (b->delay > BREAKER_MAX_MS)
			b->delay = BREAKER_MAX_MS;
		b->until = now + jitter(b->delay);
		b->probing = false;
	}
	wait = b->until > now ? (int)(b->until - now) : 0;
	pthread_mutex_unlock(&b->lock);
	return wait;
}

bool breaker_worked(struct breaker *b)
{
	bool first;

	pthread_mutex_lock(&b->lock);
	first = b->delay != 0;
	b->delay = 0;
	b->probing = false;
	pthread_mutex_unlock(&b->lock);
	return first;
}

void breaker_skipped(struct breaker *b)
{
	pthread_mutex_lock(&b->lock);
	b->probing = false;
	pthread_mutex_unlock(&b->lock);
}

int backoff_seconds(uint32_t attempt)
{
	int s = attempt < 7 ? 1 << (attempt ? attempt - 1 : 0) : BREAKER_MAX_MS / 1000;

	return (jitter(s * 1000) + 999) / 1000;
}
