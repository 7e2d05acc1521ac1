/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/quota.h"

#include "common/json.h"
#include "common/memfd.h"
#include "intake/exchange.h"
#include "intake/problem.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S 3600
#define DAY_S 86400
#define SOON_S 2  /* one under way will have ended */
#define LATE_S 60 /* one that was read before may be counted after another one */

void quotas_init(struct quotas *q, bool shared)
{
	*q = (struct quotas){ .lock = PTHREAD_MUTEX_INITIALIZER, .shared = shared };
}

void quotas_done(struct quotas *q)
{
	free(q->list);
	pthread_mutex_destroy(&q->lock);
	*q = (struct quotas){ 0 };
}

static bool limited(const struct partner_quotas *l)
{
	return l->hour || l->day || l->octets || l->concurrent;
}

/* A new hour and a new day begin with nothing. Return: false when the clock has been in
 * this hour before and another one since: what was counted in it is not known here. */
static bool turn(struct quota_use *u, int64_t now)
{
	int64_t hour = now / HOUR_S;

	if (now < u->latest && u->latest - now <= LATE_S)
		return true;
	if (hour != u->hour) {
		if (hour <= u->furthest)
			return false;
		u->hour = u->furthest = hour;
		u->in_hour = 0;
	}
	if (u->day != now / DAY_S) {
		u->day = now / DAY_S;
		u->in_day = u->octets = 0;
	}
	u->latest = now;
	return true;
}

/* NULL: nothing was read of the partner yet. */
static struct quota_use *find(struct quotas *q, const char *partner)
{
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->list[i].partner, partner) == 0)
			return &q->list[i];
	return NULL;
}

static struct quota_use *add(struct quotas *q, const struct quota_use *first)
{
	struct quota_use *more = reallocarray(q->list, q->count + 1, sizeof(*q->list));

	if (!more)
		return NULL;
	q->list = more;
	q->list[q->count] = *first;
	return &q->list[q->count++];
}

/* What the partner has sent in this hour and day by all that is stored. Queued may be
 * away: then nothing is committed either, and the next request asks again. Return: true
 * when it is known. */
static bool read_stored(struct exchange *x, struct quota_use *ret, int64_t now)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_json_ json_t *sent = NULL;
	struct span text;

	*ret = (struct quota_use){ .hour = now / HOUR_S,
		.day = now / DAY_S,
		.furthest = now / HOUR_S,
		.latest = now,
		.read_at = now };
	snprintf(ret->partner, sizeof(ret->partner), "%s", x->partner->name);
	if (links_sent(x->links, ret->partner, ret->day * DAY_S, (ret->day + 1) * DAY_S,
		    ret->hour * HOUR_S, &fd) != QUEUE_DONE ||
		memfd_map(fd, QUEUE_JSON_MAX, &text) < 0)
		return false;
	sent = json_read(text, QUEUE_JSON_MAX);
	memfd_unmap(&text);
	ret->in_day = json_integer_value(json_object_get(sent, "documents"));
	ret->octets = json_integer_value(json_object_get(sent, "octets"));
	ret->in_hour = json_integer_value(json_object_get(sent, "lately"));
	return sent != NULL;
}

/* Counters that are not known any more; what is under way still is. */
static void renew(struct quota_use *u, const struct quota_use *stored)
{
	int64_t running = u->running, furthest = u->furthest;

	*u = *stored;
	u->running = running;
	if (u->furthest < furthest)
		u->furthest = furthest;
}

static bool is_near(int64_t limit, int64_t used, int64_t near)
{
	return limit && used + near >= limit;
}

/* Which quota one more is over, and when it begins anew; NULL: none. */
static const char *over(const struct partner_quotas *l, const struct quota_use *u,
	int64_t size, int64_t now, int *ret_retry)
{
	*ret_retry = SOON_S;
	if (l->concurrent && u->running >= l->concurrent)
		return "quota.concurrent";
	if (size == 0)
		return NULL;
	*ret_retry = (int)(DAY_S - now % DAY_S);
	if (l->day && u->in_day >= l->day)
		return "quota.documents-day";
	if (l->octets && u->octets + size > l->octets)
		return "quota.octets-day";
	*ret_retry = (int)(HOUR_S - now % HOUR_S);
	return l->hour && u->in_hour >= l->hour ? "quota.documents-hour" : NULL;
}

/* May others have taken so much since that it matters to a document of that size (0: none
 * is to be counted)? What is over by what is known here is not read for again in the same
 * second: whoever has nothing left costs the database no more for asking. */
static bool stale(
	const struct exchange *x, const struct quota_use *u, int64_t size, int64_t now)
{
	const struct partner_quotas *l = &x->partner->quotas;
	int retry;

	if (!x->server->quotas.shared)
		return false;
	if (u->read_at != now)
		return true;
	return size > 0 && !over(l, u, size, now, &retry) &&
	       (is_near(l->hour, u->in_hour, QUOTA_NEAR) ||
		       is_near(l->day, u->in_day, QUOTA_NEAR) ||
		       is_near(l->octets, u->octets, QUOTA_NEAR_OCTETS));
}

static void raise_to(int64_t *value, int64_t least)
{
	if (*value < least)
		*value = least;
}

/* What is stored by all, where that is more than is counted here: what is under way here
 * is not stored yet, and counted with the others' only then. */
static void take_others(struct quota_use *u, const struct quota_use *stored)
{
	u->read_at = stored->read_at;
	if (u->day != stored->day)
		return;
	raise_to(&u->in_day, stored->in_day);
	raise_to(&u->octets, stored->octets);
	if (u->hour == stored->hour)
		raise_to(&u->in_hour, stored->in_hour);
}

/* The partner's counters, locked on return whatever is returned; NULL: unknown. */
static struct quota_use *lock_use(struct exchange *x, int64_t size, int64_t now)
{
	struct quotas *q = &x->server->quotas;
	struct quota_use *u, stored;
	bool read;

	pthread_mutex_lock(&q->lock);
	u = find(q, x->partner->name);
	if (u && turn(u, now) && !stale(x, u, size, now))
		return u;
	pthread_mutex_unlock(&q->lock);
	read = read_stored(x, &stored, now);
	pthread_mutex_lock(&q->lock);
	u = find(q, x->partner->name);
	if (u && turn(u, now)) { /* another thread was faster, or it was stale */
		if (read && q->shared)
			take_others(u, &stored);
		return u;
	}
	if (!read)
		return NULL;
	if (!u)
		return add(q, &stored);
	renew(u, &stored);
	return u;
}

static void count_one(struct quota_use *u, int64_t documents, int64_t octets)
{
	u->in_hour += documents;
	u->in_day += documents;
	u->octets += octets;
}

enum quota_answer quota_begin(struct exchange *x, bool counts, int64_t now)
{
	const struct partner_quotas *l = &x->partner->quotas;
	int64_t size = counts ? (int64_t)request_size(x->request) : 0;
	const char *code = NULL;
	struct quota_use *u;
	int retry = 0;

	if (!limited(l))
		return QUOTA_NONE;
	u = lock_use(x, size, now);
	if (u)
		code = over(l, u, size, now, &retry);
	if (u && !code) {
		u->running++;
		count_one(u, counts, size);
	}
	pthread_mutex_unlock(&x->server->quotas.lock);
	if (u && !code)
		return QUOTA_BEGUN;
	problem(x, u ? code : "http.queue-away", u ? x->partner->name : NULL, NULL);
	if (u)
		x->response->retry_after = retry;
	return QUOTA_OVER;
}

void quota_end(
	struct exchange *x, const char *partner, bool counts, bool kept, int64_t now)
{
	struct quotas *q = &x->server->quotas;
	struct quota_use *u;

	pthread_mutex_lock(&q->lock);
	u = find(q, partner);
	if (u && u->running > 0)
		u->running--;
	/* Of an hour that is over nothing is given back to the next. */
	if (u && counts && !kept && u->hour == now / HOUR_S && u->in_hour > 0)
		count_one(u, -1, -(int64_t)request_size(x->request));
	pthread_mutex_unlock(&q->lock);
}

static void report(json_t *to, const char *name, int64_t limit, int64_t used, int64_t end)
{
	json_t *one;

	if (!limit)
		return;
	one = json_pack(
		"{s:I, s:I}", "limit", (json_int_t)limit, "used", (json_int_t)used);
	if (one && end)
		json_object_set_new(one, "until", json_time(end));
	json_object_set_new(to, name, one);
}

json_t *quota_report(struct exchange *x, int64_t now)
{
	const struct partner_quotas *l = &x->partner->quotas;
	int64_t hour = (now / HOUR_S + 1) * HOUR_S, day = (now / DAY_S + 1) * DAY_S;
	struct quota_use use = { 0 };
	json_t *body = json_object();
	struct quota_use *u;

	if (!limited(l) || !body)
		return body;
	u = lock_use(x, 0, now);
	if (u)
		use = *u;
	pthread_mutex_unlock(&x->server->quotas.lock);
	report(body, "documents_per_hour", l->hour, use.in_hour, hour);
	report(body, "documents_per_day", l->day, use.in_day, day);
	report(body, "octets_per_day", l->octets, use.octets, day);
	report(body, "concurrent", l->concurrent, use.running, 0);
	return body;
}
