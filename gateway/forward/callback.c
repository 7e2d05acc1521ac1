/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Outcomes pushed to a partner that has a call-back: what the feed would give them,
 * signed and with the gate's TLS client certificate, until it answers 2xx. Never parses
 * its answer, and never calls without a signature.
 */
#include "forward/callback.h"

#include "common/callback_claims.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "connectors/withhold.h"
#include "queue/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BATCH 100
#define LOOK_MS 1000
#define TIMEOUT_MAX_S 30
#define RETRY_FIRST_S 2
#define RETRY_MAX_S 4000
#define UNSIGNED_S 5 /* before it is asked again for a signature */

/* What a turn came to. */
enum turn { TURN_FAILED = 0, TURN_UNSIGNED, TURN_TAKEN };

static uint32_t random_number(void)
{
	uint32_t value = 0;

	return getrandom(&value, sizeof(value), 0) == (ssize_t)sizeof(value) ? value : 0;
}

/* The queue, when there is one and still a reason to begin: whoever had it before may
 * have waited long for an answer. Return: as trunk_take(). */
static struct queue *begin(struct caller *c)
{
	struct queue *q = trunk_take(c->trunk);

	if (q && (atomic_load(c->over) || daemon_wait(c->courier.daemon, 0))) {
		trunk_give(c->trunk, QUEUE_EMPTY);
		return NULL;
	}
	return q;
}

static json_t *feed_of(int fd)
{
	struct span text;
	json_t *feed;

	if (memfd_map(fd, QUEUE_JSON_MAX, &text) < 0)
		return NULL;
	feed = json_read(text, QUEUE_JSON_MAX);
	memfd_unmap(&text);
	return feed;
}

/* Is there anything to tell? To look is cheap, to take the turn is not. */
static bool something_new(struct caller *c)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_json_ json_t *feed = NULL;
	struct queue *q = begin(c);
	int r;

	if (!q)
		return false;
	r = queue_outcomes(q, c->feed, -1, 1, &fd);
	trunk_give(c->trunk, r);
	feed = r == QUEUE_DONE ? feed_of(fd) : NULL;
	return json_array_size(json_object_get(feed, "outcomes")) > 0;
}

/* What the partner has not got yet, when it is this gate's turn to call. NULL: it is not,
 * or nothing can be said. */
static json_t *take_turn(struct caller *c)
{
	_cleanup_(closep) int fd = -1;
	struct queue *q = begin(c);
	int r;

	if (!q)
		return NULL;
	c->turn_ms = clock_monotonic_ms();
	r = queue_claim_callback(
		q, c->feed, c->lease_s, BATCH, !c->tried, &c->claim, &fd);
	trunk_give(c->trunk, r);
	c->tried = c->tried || r == QUEUE_DONE;
	return r == QUEUE_DONE ? feed_of(fd) : NULL;
}

/* May the call still begin, so that it ends within the turn? Whoever was stopped in
 * between may not: another gate calls by now. */
static bool in_time(const struct caller *c)
{
	return clock_monotonic_ms() - c->turn_ms <
	       (c->lease_s - c->profile.timeout_s) * INT64_C(1000);
}

/* Add a line to headers, which are freed when there is no memory for it. */
static struct curl_slist *add_line(
	struct curl_slist *headers, const char *name, const char *value)
{
	_cleanup_(freep) char *line =
		text_join((const char *[]){ name, ": ", value, NULL });
	struct curl_slist *more = line ? curl_slist_append(headers, line) : NULL;

	if (!more)
		curl_slist_free_all(headers);
	return more;
}

static struct curl_slist *headers_of(
	const struct caller *c, int64_t cursor, const char *signature)
{
	char id[CALLBACK_ID_SIZE];
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/json");

	callback_id(c->partner->name, c->partner->sandbox, cursor, id);
	if (headers)
		headers = curl_slist_append(headers, "Expect:");
	if (headers)
		headers = add_line(headers, "Idempotency-Key", id);
	return headers ? add_line(headers, CALLBACK_HEADER, signature) : NULL;
}

/* Turns that ended without a signature say nothing of the partner. */
static uint32_t attempt_of(const struct caller *c)
{
	return c->claim.attempt > c->waits ? c->claim.attempt - c->waits : 1;
}

/* A turn without a signature that can still be used. Which is told once. */
static enum turn unsigned_turn(struct caller *c, const char *why)
{
	if (c->waits == 0)
		log_event(LOG_WARNING, "forward.unsigned", NULL,
			"%s: not called, its outcomes wait for a signature: %s",
			c->partner->name, why);
	c->waits++;
	return TURN_UNSIGNED;
}

/* Return: true when the partner has it. */
static bool push(
	struct caller *c, const char *body, int64_t cursor, const char *signature)
{
	struct curl_slist *headers = headers_of(c, cursor, signature);
	struct destination_answer a = { 0 };
	bool got = false;

	if (headers &&
		exchange(&c->courier, c->profile.url, headers, span_str(body), &a) == 0)
		got = a.outcome == EXCHANGE_ANSWERED && a.http_status >= 200 &&
		      a.http_status < 300;
	if (!got && attempt_of(c) == 1)
		log_event(LOG_WARNING, "forward.callback", NULL,
			"%s: not taken, tried again later: HTTP %ld %s", c->partner->name,
			a.http_status, a.error);
	else if (got && attempt_of(c) > 1)
		log_event(LOG_NOTICE, "forward.callback", NULL, "%s: taken again",
			c->partner->name);
	buf_done(&a.body);
	curl_slist_free_all(headers);
	return got;
}

/* The end of the turn. What is stale somebody else has taken over, and tells anew. */
static void end_turn(struct caller *c, enum turn turn, int64_t cursor)
{
	int64_t delay = turn == TURN_UNSIGNED ? UNSIGNED_S
					      : retry_delay(&c->profile, attempt_of(c),
							random_number());
	struct queue *q = trunk_take(c->trunk);
	int r = -ENOTCONN;

	if (q) {
		r = queue_called_back(q, c->feed, &c->claim,
			turn == TURN_TAKEN ? cursor : -1, clock_now() + delay);
		trunk_give(c->trunk, r);
	}
	if (r == QUEUE_STALE)
		log_event(LOG_WARNING, "forward.callback", NULL,
			"%s: took so long that another gate calls", c->partner->name);
	else if (r != QUEUE_DONE)
		log_event(LOG_NOTICE, "forward.callback", NULL,
			"%s: the end of the call was not recorded, the queue is away: "
			"it may be called again",
			c->partner->name);
}

/* A call with a signature, of these very octets, which may have taken its time: that is
 * not the partner's failure. */
static enum turn call_with(struct caller *c, const json_t *feed, int64_t cursor)
{
	_cleanup_(freep) char *body = json_canonical(feed), *signature = NULL;
	char why[NOTARY_REASON_SIZE] = "no memory";

	if (body)
		signature = notary_sign(c->notary, c->partner->name, c->partner->sandbox,
			cursor, span_str(body), why);
	if (!signature)
		return unsigned_turn(c, why);
	if (!in_time(c))
		return unsigned_turn(c, "it came too late");
	if (atomic_load(c->over))
		return TURN_UNSIGNED; /* another one calls, by the policy of now */
	if (c->waits)
		log_event(LOG_NOTICE, "forward.unsigned", NULL, "%s: signed again",
			c->partner->name);
	return push(c, body, cursor, signature) ? TURN_TAKEN : TURN_FAILED;
}

/* One round. Return: milliseconds until the next. */
static int work(struct caller *c)
{
	_cleanup_json_ json_t *feed = NULL;
	json_t *outcomes;
	const char *next;
	int64_t cursor;
	enum turn turn;
	bool full;

	if (something_new(c))
		feed = take_turn(c);
	outcomes = json_object_get(feed, "outcomes");
	next = json_string_of(feed, "next");
	if (!next || !in_time(c))
		return LOOK_MS;
	full = json_array_size(outcomes) >= BATCH;
	/* Nobody's words are in rehearsals. */
	if (!c->partner->sandbox) {
		withhold_words(c->partner, outcomes);
		withhold_decisions(c->partner, outcomes);
	}
	cursor = strtoll(next, NULL, 10);
	turn = json_array_size(outcomes) == 0 ? TURN_TAKEN : call_with(c, feed, cursor);
	end_turn(c, turn, cursor);
	if (turn == TURN_TAKEN)
		c->waits = 0;
	/* What comes one after the other goes together: each call is a signature. */
	return turn == TURN_TAKEN && full ? 0 : LOOK_MS;
}

/* Never asleep for longer than a look, so that whoever is stopped is not called again. */
static void *run(void *argument)
{
	struct caller *c = argument;
	int64_t due = clock_monotonic_ms();

	while (!atomic_load(c->over)) {
		int64_t left = due - clock_monotonic_ms();
		int wait_ms = left > LOOK_MS ? LOOK_MS : left > 0 ? (int)left : 0;

		if (daemon_wait(c->courier.daemon, wait_ms))
			break;
		if (clock_monotonic_ms() >= due && !atomic_load(c->over))
			due = clock_monotonic_ms() + work(c);
	}
	curl_easy_cleanup(c->courier.curl);
	return NULL;
}

/* A call takes at most half a turn. */
static int timeout_of(int lease_s)
{
	return lease_s / 2 < TIMEOUT_MAX_S ? lease_s / 2 : TIMEOUT_MAX_S;
}

int caller_start(struct caller *c, const struct daemon *d, const struct partner *partner,
	const struct credentials *credentials, struct trunk *trunk, struct notary *notary,
	const atomic_bool *over)
{
	int lease_s = (int)config_int(d->instance.config, "forward.lease_s");

	*c = (struct caller){ .partner = partner,
		.trunk = trunk,
		.notary = notary,
		.over = over,
		.lease_s = lease_s,
		.profile = { .protocol = PROFILE_PUSH,
			.url = strdup(partner->callback),
			.timeout_s = timeout_of(lease_s),
			.retry_first_s = RETRY_FIRST_S,
			.retry_max_s = RETRY_MAX_S },
		.courier = { .daemon = d,
			.profile = &c->profile,
			.credentials = credentials,
			.outside = true,
			.curl = curl_easy_init() } };
	(void)snprintf(c->feed, sizeof(c->feed), "%s%s",
		partner->sandbox ? SANDBOX_FEED_PREFIX : "", partner->name);
	if (!c->profile.url || !c->courier.curl ||
		pthread_create(&c->thread, NULL, run, c) != 0) {
		free(c->profile.url);
		curl_easy_cleanup(c->courier.curl);
		return -ENOMEM;
	}
	return 0;
}

void caller_join(struct caller *c)
{
	pthread_join(c->thread, NULL);
	free(c->profile.url);
}
