/* SPDX-License-Identifier: EUPL-1.2 */
#include "queued/batch.h"

#include "common/clock.h"
#include "common/log.h"
#include "queued/head.h"
#include "queued/head_seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MAX_MS 5000
#define BACK_OFF_SHARED_MS 1000 /* of a database that others bring back */
#define BATCH_TRIES_MORE 3
#define OWED_RECHECK_MS 200

void batch_init(struct batch *b, const char *folder, struct engine *e)
{
	*b = (struct batch){ .folder = folder, .engine = e, .head = engine_head(e) };
	engine_breakers(e, &b->breakers);
	b->began = b->head.position;
}

void batch_done(struct batch *b, bool orderly)
{
	if (orderly && b->engine)
		engine_maintain(b->engine, true);
	/* after an unknown outcome closing would only write on: the end of the process
	 * closes */
	if (orderly)
		engine_close(b->engine);
	b->engine = NULL;
}

bool batch_full(const struct batch *b)
{
	return b->count == BATCH_REQUESTS_MAX || b->octets >= BATCH_OCTETS_MAX;
}

void batch_add(struct batch *b, struct connection *c)
{
	struct stat st;

	b->asked[b->count++] = c;
	for (size_t i = 0; i < c->message.header.fd_count; i++)
		if (fstat(c->message.fds[i], &st) == 0 && st.st_size > 0)
			b->octets += (size_t)st.st_size;
}

void batch_add_waiting(struct batch *b, struct connection *c)
{
	if (b->waiting_count < CONNECTIONS_MAX)
		b->waiting[b->waiting_count++] = c;
}

struct engine_head batch_head(const struct batch *b)
{
	return b->head;
}

static int64_t back_off_max(const struct batch *b)
{
	return b->place && b->place->postgresql[0] ? BACK_OFF_SHARED_MS : BACK_OFF_MAX_MS;
}

static void back_off(struct batch *b)
{
	b->back_off_ms = b->back_off_ms ? b->back_off_ms * 2 : BACK_OFF_FIRST_MS;
	if (b->back_off_ms > back_off_max(b))
		b->back_off_ms = back_off_max(b);
	b->retry_ms = clock_monotonic_ms() + b->back_off_ms;
	b->failing = true;
}

static void recovered(struct batch *b)
{
	if (b->failing)
		log_event(
			LOG_NOTICE, "queued.recovered", NULL, "the database works again");
	b->failing = false;
	b->why = QUEUE_WHY_NONE;
	b->back_off_ms = 0;
	b->retry_ms = 0;
}

/* Is what was durable before in the database that is open now? */
static bool same_chain(struct batch *b)
{
	return b->head.position == 0 || head_holds(b->engine, &b->head) > 0;
}

/* Have an open database or know that there is none now. */
static void try_open(struct batch *b)
{
	const struct engine_place folder = { .folder = b->folder };
	const struct engine_place place = b->place ? *b->place : folder;
	_cleanup_(freep) char *error = NULL;

	if (b->engine || clock_monotonic_ms() < b->retry_ms)
		return;
	if (engine_open_at(&place, &b->engine, &error) == 0) {
		engine_breakers(b->engine, &b->breakers);
		if (same_chain(b))
			return;
		log_event(LOG_CRIT, "queued.rollback", NULL,
			"record %lld, which was durable, is not in the database any "
			"more: it was set back or another one took its place",
			(long long)b->head.position);
		engine_close(b->engine);
	} else {
		log_event(LOG_ERR, "queued.database", NULL, "%s",
			error ? error : b->folder);
	}
	b->engine = NULL;
	b->why = QUEUE_WHY_DATABASE;
	back_off(b);
}

/* Run one request in the open transaction. *work: something may now be claimed. */
static int run_one(struct batch *b, struct connection *c, int64_t now, bool *work)
{
	const struct queue_command_request *q = dispatch_accepts(&c->message);
	const struct asker asker = { c->peer, c->number };
	int r;

	if (q && clock_watch_denies(&b->clock, q->accept)) {
		c->answer.reply.answer = QUEUE_ILLEGAL;
		return 0;
	}
	r = dispatch_run(
		b->engine, b->heads, c->op, &c->message, &asker, now, &c->answer);
	if (r == 0 && operation_makes_work(c->op) && c->answer.reply.answer == QUEUE_DONE)
		*work = true;
	return r;
}

/* Commits and results first, then claims, so that a claim finds what came with it; who
 * has waited longer claims first. */
static int run_all(struct batch *b, int64_t now, bool writes)
{
	int64_t now_ms = clock_monotonic_ms();
	bool work = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->count; i++)
		if (!operation_claims(b->asked[i]->op) &&
			(writes || !operation_writes(b->asked[i]->op)))
			r = run_one(b, b->asked[i], now, &work);
	for (size_t i = 0; writes && r == 0 && i < b->waiting_count; i++)
		if (work || b->waiting[i]->wake_ms <= now_ms) {
			b->waiting[i]->state = CONNECTION_ASKED;
			r = run_one(b, b->waiting[i], now, &work);
		}
	for (size_t i = 0; writes && r == 0 && i < b->count; i++)
		if (operation_claims(b->asked[i]->op))
			r = run_one(b, b->asked[i], now, &work);
	return r;
}

void batch_recorded(struct batch *b, int64_t now)
{
	struct engine_head head = engine_head(b->engine);

	if (head.position != b->head.position)
		clock_watch_recorded(&b->clock, now);
	b->head = head;
}

static int try_transaction(struct batch *b, int64_t now, bool writes, bool bold)
{
	int r = bold ? engine_begin_bold(b->engine) : engine_begin(b->engine);

	if (r == 0)
		r = run_all(b, now, writes);
	if (r == 0)
		r = engine_commit(b->engine);
	if (r < 0)
		engine_rollback(b->engine);
	else
		batch_recorded(b, now);
	head_seal_settle(b->heads, r == 0);
	return r;
}

/* One operation that has to be undone undoes the batch: it is run anew, with bounds
 * around each. Other appliances at the same database may stand in its way, too. */
static int transaction(struct batch *b, int64_t now, bool writes)
{
	int r = try_transaction(b, now, writes, true);

	for (int n = 0; n < BATCH_TRIES_MORE && r < 0 &&
			engine_failure(b->engine) == ENGINE_AGAIN;
		n++) {
		for (size_t i = 0; i < b->waiting_count; i++)
			if (b->waiting[i]->state == CONNECTION_ASKED)
				b->waiting[i]->state = CONNECTION_PARKED;
		r = try_transaction(b, now, writes, false);
	}
	return r;
}

static void set_unavailable(const struct batch *b, struct connection *c)
{
	answer_done(&c->answer);
	c->answer.reply.answer = QUEUE_UNAVAILABLE;
	c->answer.reply.why = b->why;
}

/* Nothing of the batch happened: say so. */
static void all_unavailable(struct batch *b, bool only_writers)
{
	for (size_t i = 0; i < b->count; i++)
		if (!only_writers || operation_writes(b->asked[i]->op))
			set_unavailable(b, b->asked[i]);
	for (size_t i = 0; i < b->waiting_count; i++) {
		struct connection *c = b->waiting[i];

		if (c->state == CONNECTION_ASKED ||
			c->deadline_ms <= clock_monotonic_ms()) {
			c->state = CONNECTION_ASKED;
			set_unavailable(b, c);
		} else if (c->wake_ms < b->retry_ms) {
			c->wake_ms = b->retry_ms < c->deadline_ms ? b->retry_ms
								  : c->deadline_ms;
		}
	}
}

static void reopen_later(struct batch *b)
{
	engine_close(b->engine);
	b->engine = NULL;
	back_off(b);
	all_unavailable(b, false);
}

/* The transaction failed and is rolled back. */
static int handle_failure(struct batch *b, int64_t now)
{
	enum engine_failure failure = engine_failure(b->engine);

	if (!b->failing || failure == ENGINE_FATAL)
		log_event(failure == ENGINE_FATAL ? LOG_CRIT : LOG_ERR,
			failure == ENGINE_NO_SPACE ? "queued.no-space"
						   : "queued.database",
			NULL, "%s", engine_failure_text(b->engine));
	if (failure == ENGINE_FATAL)
		return -EIO;
	b->why = failure == ENGINE_NO_SPACE ? QUEUE_WHY_ROOM : QUEUE_WHY_DATABASE;
	if (failure == ENGINE_AGAIN) {
		back_off(b);
		all_unavailable(b, false);
		return 0;
	}
	if (failure != ENGINE_NO_SPACE) {
		reopen_later(b);
		return 0;
	}
	back_off(b);
	all_unavailable(b, true);
	if (transaction(b, now, false) == 0)
		return 0;
	if (engine_failure(b->engine) == ENGINE_FATAL)
		return -EIO;
	reopen_later(b);
	return 0;
}

void batch_owe(struct batch *b, bool owed)
{
	if (owed && !b->owed)
		log_event(LOG_ERR, "queued.owed", NULL,
			"that the database may be an older one cannot be recorded yet: "
			"nothing is taken or numbered before");
	else if (!owed && b->owed)
		log_event(LOG_NOTICE, "queued.owed", NULL, "what was owed is recorded");
	b->owed = owed;
}

/* Return: 1 yes; 0 no, the clock is behind the last record or a raise of cursors is owed;
 * negative as batch_run. */
static int may_write(struct batch *b, int64_t now)
{
	int r;

	switch (clock_watch_check(&b->clock, b->folder, now)) {
	case CLOCK_GOES_ON:
		engine_clock(b->engine, 0, b->clock.accepted);
		break;
	case CLOCK_ACCEPTED:
		engine_clock(b->engine, 0, b->clock.accepted);
		b->retry_ms = 0; /* what it is said with is recorded now */
		r = batch_note_accepted(b);
		if (r < 0)
			return r;
		break;
	case CLOCK_BEHIND:
	default:
		engine_clock(b->engine, b->clock.last, b->clock.accepted);
		b->retry_ms = clock_monotonic_ms() + CLOCK_RECHECK_MS;
		b->why = QUEUE_WHY_CLOCK;
		return 0;
	}
	/* behind the look at the clock, without which nothing could be recorded */
	if (b->owed) {
		b->retry_ms = clock_monotonic_ms() + OWED_RECHECK_MS;
		b->why = QUEUE_WHY_OWED;
	}
	return !b->owed;
}

/* True when some of the batch only read and others do not. */
static bool mixed(const struct batch *b)
{
	size_t readers = 0;

	for (size_t i = 0; i < b->count; i++)
		readers += !operation_writes(b->asked[i]->op);
	return readers && (readers < b->count || b->waiting_count);
}

/* Answer who only reads: they need not wait until what others write is durable.
 * Return: 1 the others are left, 0 the batch failed and every answer is set, negative. */
static int readers_first(struct batch *b, int64_t now)
{
	size_t left = 0;
	int r;

	if (!mixed(b))
		return 1;
	if (transaction(b, now, false) < 0) {
		r = handle_failure(b, now);
		return r < 0 ? r : 0;
	}
	for (size_t i = 0; i < b->count; i++)
		if (operation_writes(b->asked[i]->op))
			b->asked[left++] = b->asked[i];
		else
			connection_answer(b->asked[i]);
	b->count = left;
	return 1;
}

/* That the last record was wrong is said with the request that has it recorded. */
static void take_grant(struct batch *b)
{
	b->grant = NULL;
	for (size_t i = 0; !b->grant && i < b->count; i++) {
		const struct queue_command_request *q =
			dispatch_accepts(&b->asked[i]->message);

		if (q && clock_watch_grant(&b->clock, q->accept))
			b->grant = q;
	}
}

/* What waiting does not mend: another record's time accepts nothing, and none does where
 * the clock is not behind. */
static void deny_grants(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct queue_command_request *q =
			dispatch_accepts(&b->asked[i]->message);

		if (q && clock_watch_denies(&b->clock, q->accept))
			b->asked[i]->answer.reply.answer = QUEUE_ILLEGAL;
	}
}

/* Do what can be done now and set every answer. Return: 0 or -errno. */
static int execute(struct batch *b, int64_t now)
{
	bool writes;
	int r;

	try_open(b);
	if (!b->engine) {
		all_unavailable(b, false);
		return 0;
	}
	r = readers_first(b, now);
	if (r <= 0)
		return r;
	take_grant(b);
	r = may_write(b, now);
	if (r < 0)
		return r;
	writes = r > 0 && clock_monotonic_ms() >= b->retry_ms;
	if (!writes) {
		all_unavailable(b, true);
		deny_grants(b);
	}
	if (transaction(b, now, writes) < 0)
		return handle_failure(b, now);
	if (writes)
		recovered(b);
	return 0;
}

static void answer_one(struct connection *c, int64_t now)
{
	if (operation_claims(c->op) && c->answer.reply.answer == QUEUE_EMPTY &&
		c->deadline_ms > clock_monotonic_ms())
		connection_park(c, c->answer.due, now);
	else
		connection_answer(c);
}

static bool anything_to_do(const struct batch *b)
{
	for (size_t i = 0; i < b->waiting_count; i++)
		if (b->waiting[i]->wake_ms <= clock_monotonic_ms())
			return true;
	return b->count > 0;
}

int batch_run(struct batch *b)
{
	int64_t now = clock_now();
	int r = 0;

	if (anything_to_do(b)) {
		r = execute(b, now);
		for (size_t i = 0; r == 0 && i < b->count; i++)
			answer_one(b->asked[i], now);
		for (size_t i = 0; r == 0 && i < b->waiting_count; i++)
			if (b->waiting[i]->state == CONNECTION_ASKED)
				answer_one(b->waiting[i], now);
		if (r == 0 && b->engine && engine_maintain(b->engine, false) < 0 &&
			engine_failure(b->engine) == ENGINE_FATAL) {
			log_event(LOG_CRIT, "queued.database", NULL, "%s",
				engine_failure_text(b->engine));
			r = -EIO;
		}
	}
	b->count = b->octets = b->waiting_count = 0;
	return r;
}

int batch_watch_clock(struct batch *b)
{
	int r = clock_watch_init(&b->clock, b->engine);

	return r < 0 ? r : may_write(b, clock_now());
}
