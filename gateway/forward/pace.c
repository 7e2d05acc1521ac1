/* SPDX-License-Identifier: EUPL-1.2 */
#include "forward/pace.h"

/* How soon to look again when all places are taken. */
#define TAKEN_MS 50

void pace_init(struct pace *p, int most, int64_t first_ms, int64_t longest_ms)
{
	*p = (struct pace){ .most = most,
		.allowed = most,
		.pause_ms = first_ms,
		.state = BREAKER_CLOSED,
		.first_ms = first_ms,
		.longest_ms = longest_ms };
	pthread_mutex_init(&p->lock, NULL);
}

void pace_done(struct pace *p)
{
	pthread_mutex_destroy(&p->lock);
}

int64_t pace_enter(struct pace *p, int64_t now_ms)
{
	int64_t wait = 0;

	pthread_mutex_lock(&p->lock);
	if (p->open && now_ms < p->until_ms)
		wait = p->until_ms - now_ms;
	else if (p->running >= p->allowed)
		wait = TAKEN_MS;
	else
		p->running++;
	pthread_mutex_unlock(&p->lock);
	return wait;
}

/* A success while the breaker is open closes it: one more place with each further one. */
static enum pace_change good(struct pace *p)
{
	bool was_open = p->open;

	p->failures = 0;
	p->open = false;
	p->pause_ms = p->first_ms;
	if (!was_open && p->allowed < p->most)
		p->allowed++;
	return was_open ? PACE_CLOSED : PACE_SAME;
}

static enum pace_change bad(struct pace *p, int64_t now_ms, uint32_t random)
{
	bool was_open = p->open;

	p->allowed = p->allowed > 1 ? p->allowed / 2 : 1;
	if (++p->failures < PACE_FAILURES)
		return PACE_SAME;
	p->open = true;
	p->allowed = 1;
	/* attempts that were under way when it opened do not make it longer */
	if (now_ms < p->until_ms)
		return PACE_SAME;
	p->until_ms = now_ms + p->pause_ms +
		      (int64_t)(random % (uint32_t)(p->pause_ms / 4 + 1));
	p->pause_ms = p->pause_ms * 2 < p->longest_ms ? p->pause_ms * 2 : p->longest_ms;
	return was_open ? PACE_SAME : PACE_OPENED;
}

static enum breaker_state word(const struct pace *p)
{
	if (p->open)
		return BREAKER_OPEN;
	return p->allowed < p->most ? BREAKER_RAMPING : BREAKER_CLOSED;
}

static void note(struct pace *p, int64_t now_ms, int64_t trial_ms)
{
	enum breaker_state now = word(p);

	if (now != p->state) {
		p->since_ms = now_ms;
		p->since = 0;
	}
	if (now != p->state || p->until_ms != trial_ms)
		p->told = false;
	p->state = now;
}

bool pace_tell(struct pace *p, int64_t now_ms, int64_t now, struct pace_news *ret_news)
{
	bool news;

	pthread_mutex_lock(&p->lock);
	news = !p->told;
	p->told = true;
	if (p->since_ms == 0)
		p->since_ms = now_ms;
	if (p->since == 0) /* once: the clock of the day may be set meanwhile */
		p->since = now - (now_ms - p->since_ms) / 1000;
	if (news)
		*ret_news = (struct pace_news){ p->state, p->since,
			now + (p->until_ms - now_ms) / 1000 };
	pthread_mutex_unlock(&p->lock);
	return news;
}

void pace_untell(struct pace *p)
{
	pthread_mutex_lock(&p->lock);
	p->told = false;
	pthread_mutex_unlock(&p->lock);
}

enum pace_change pace_leave(
	struct pace *p, int64_t now_ms, enum pace_result result, uint32_t random)
{
	enum pace_change change = PACE_SAME;
	int64_t trial_ms;

	pthread_mutex_lock(&p->lock);
	trial_ms = p->until_ms;
	p->running--;
	if (result == PACE_GOOD)
		change = good(p);
	else if (result == PACE_BAD)
		change = bad(p, now_ms, random);
	note(p, now_ms, trial_ms);
	pthread_mutex_unlock(&p->lock);
	return change;
}
