/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-forward: delivers sealed documents. It claims them from queued, speaks to the
 * destinations and hands back what became of it. It never parses a reply: a verify
 * process does.
 */
#include "forward/forward.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/memfd.h"
#include "evidence/asic.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define QUEUE_TIMEOUT_MS 30000
#define RECONNECT_MS 500
#define PAUSE_MAX_S 60 /* between trials at a destination that fails */
/* Trials before a document may be the trial again, so that one which always fails does
 * not keep those behind it from being tried. */
#define TRIALS_A_RETRY 4
#define PACE_OF_NOTICES "/notices" /* what is told of their breaker */

static const char USAGE[] =
	"usage: sealgate-forward --instance DIR\n"
	"Delivers sealed documents to their destinations; see sealgate-forward(8).\n";

struct crew {
	struct daemon daemon;
	struct profiles *profiles;
	struct credentials *credentials; /* as many as there are profiles */
	struct pace *paces;		 /* twice as many: the later ones for notices */
	char (*notices)[DESTINATION_NAME_SIZE + sizeof(NOTICE_DECISION)]; /* likewise */
	pthread_t threads[LIMIT_COURIERS];
	struct courier couriers[LIMIT_COURIERS];
	size_t count;
	uint32_t number; /* of this run */
};

static uint32_t random_number(void)
{
	uint32_t value = 0;

	return getrandom(&value, sizeof(value), 0) == (ssize_t)sizeof(value) ? value : 0;
}

/* Give the attempt its next time, or its end when it has been tried for too long. */
static int64_t schedule(const struct courier *c, const struct queue_claim *claim,
	struct delivery_attempt *a)
{
	int64_t now = clock_now();
	int64_t delay = retry_delay(c->profile, claim->attempt, random_number());

	if (a->state != DELIVERY_DEFERRED && a->state != DELIVERY_UNKNOWN)
		return 0;
	if (a->answered)
		return now + a->retry_after_s;
	if (a->state == DELIVERY_DEFERRED && retry_is_over(c->profile, claim, now)) {
		a->state = DELIVERY_EXPIRED;
		return 0;
	}
	return now + (a->retry_after_s > delay ? a->retry_after_s : delay);
}

/* What the attempt says of the destination: a refusal is an answer of one that works. */
static void leave(struct courier *c, const struct delivery_attempt *a)
{
	bool bad = !a->answered &&
		   (a->state == DELIVERY_DEFERRED || a->state == DELIVERY_UNKNOWN);
	enum pace_change change = pace_leave(c->pace, clock_monotonic_ms(),
		bad ? PACE_BAD : PACE_GOOD, random_number());

	if (change != PACE_SAME)
		log_event(change == PACE_OPENED ? LOG_WARNING : LOG_NOTICE,
			"forward.breaker", NULL, "%s: %s", c->profile->name,
			change == PACE_OPENED
				? "it fails again and again; one attempt at a time, with "
				  "pauses, until one succeeds"
				: "it works again");
}

static void report(const struct courier *c, const struct queue_claim *claim,
	const struct delivery_attempt *a)
{
	log_event(a->state == DELIVERY_DELIVERED || a->answered ? LOG_INFO : LOG_WARNING,
		"forward.attempt", claim->document.id, "%s attempt %u: %s: %s",
		c->destination, claim->attempt, delivery_state_text(a->state), a->detail);
	if (a->state == DELIVERY_EXPIRED)
		log_event(LOG_ERR, "forward.expired", claim->document.id,
			"%s: given up after %u attempts: %s", c->destination,
			claim->attempt, a->detail);
}

/* Tell queued the result. When the connection breaks here, the lease runs out and the
 * next claim looks the document up first: nothing is sent twice. */
static void record(
	struct courier *c, struct queue_claim *claim, struct delivery_attempt *a)
{
	int64_t retry_at;
	int r;

	leave(c, a);
	retry_at = schedule(c, claim, a);
	if (a->form)
		claim->form = a->form;
	if (a->absent)
		claim->look_up = 0;
	if (a->state == DELIVERY_DELIVERED) {
		struct queue_followed followed;

		follow(c, claim, a, clock_now(), &followed);
		r = queue_delivery_done(
			c->queue, claim, a->reply_id, a->detail, &followed);
	} else {
		r = queue_delivery_result(
			c->queue, claim, a->state, retry_at, a->reply_id, a->detail);
	}
	report(c, claim, a);
	if (r < 0) {
		queue_disconnect(c->queue);
		c->queue = NULL;
	} else if (r != QUEUE_DONE) {
		log_event(LOG_WARNING, "forward.stale", claim->document.id,
			"%s: the result was not taken (%d): the delivery is another's by "
			"now",
			c->profile->name, r);
	}
}

/* What the destination wants, and what an earlier attempt may have carried there when it
 * wanted something else. */
static void take_forms(const struct queue_claim *claim, const struct profile *p,
	struct span container, struct delivery_content *ret)
{
	_cleanup_findings_ struct findings findings = { 0 };
	struct asic a;

	*ret = (struct delivery_content){ .forms[PROFILE_INSIDE_NONE] = container };
	if ((p->inside != PROFILE_INSIDE_NONE || claim->look_up) &&
		asic_read(container, &findings, &a) == 1) {
		if (asic_has(&a, ASIC_PARALLEL))
			ret->forms[PROFILE_INSIDE_PARALLEL] = a.parts[ASIC_PARALLEL];
		if (asic_has(&a, ASIC_COUNTER))
			ret->forms[PROFILE_INSIDE_COUNTER] = a.parts[ASIC_COUNTER];
	}
	ret->wanted = ret->forms[p->inside];
}

static void deliver_to(struct courier *c, const struct queue_claim *claim,
	struct span container, struct delivery_attempt *a)
{
	struct delivery_content content;

	take_forms(claim, c->profile, container, &content);
	if (!content.wanted.len && !claim->look_up)
		attempt_impossible(a);
	else if (c->profile->protocol == PROFILE_SOAP)
		deliver_soap(c, claim, &content, a);
	else
		deliver_push(c, claim, &content, a);
}

static void deliver(struct courier *c, struct queue_claim *claim, int container_fd)
{
	struct span container = { 0 };
	struct delivery_attempt a = { 0 };
	int r = memfd_map(container_fd, LIMIT_CONTAINER, &container);

	if (r < 0)
		attempt_set(&a, claim->look_up ? DELIVERY_UNKNOWN : DELIVERY_DEFERRED,
			"container: %s", strerror(-r));
	else if (c->profile->protocol == PROFILE_PULL)
		attempt_set(&a, DELIVERY_DELIVERED, "in the feed, to be pulled");
	else if (claim_is(claim, NOTICE_DECISION))
		ask_decision(c, claim, &a);
	else
		deliver_to(c, claim, container, &a);
	memfd_unmap(&container);
	record(c, claim, &a);
}

static bool connected(struct courier *c)
{
	char path[PATH_MAX];

	if (c->queue)
		return true;
	if (instance_socket(&c->daemon->instance, "queued", path) < 0 ||
		queue_connect(path, QUEUE_TIMEOUT_MS, &c->queue) < 0)
		return false;
	pace_untell(c->pace); /* one that was started anew knows nothing */
	return true;
}

/* Whether attempts go to the destination, for those who ask how the gate does. */
static void tell(struct courier *c)
{
	struct breaker_told told = { .crew = c->crew };
	struct pace_news news;

	if (!pace_tell(c->pace, clock_monotonic_ms(), clock_now(), &news))
		return;
	snprintf(told.destination, sizeof(told.destination), "%.48s%s", c->profile->name,
		c->destination == c->profile->name ? "" : PACE_OF_NOTICES);
	told.state = news.state;
	told.since = news.since;
	told.trial = news.trial;
	if (queue_breaker(c->queue, &told) != QUEUE_DONE)
		pace_untell(c->pace);
}

/* Take a place among the attempts at this destination, or wait a while for one. */
static bool enter(struct courier *c)
{
	int64_t wait = pace_enter(c->pace, clock_monotonic_ms());

	if (wait > 0)
		daemon_wait(c->daemon, wait < RECONNECT_MS ? (int)wait : RECONNECT_MS);
	return wait == 0;
}

/* One turn: claim, deliver, record. Return: false when there was nothing to reach. */
static bool work(struct courier *c)
{
	const struct config *config = c->daemon->instance.config;
	_cleanup_(closep) int container_fd = -1;
	struct queue_claim claim;
	int r;

	if (!connected(c))
		return false;
	tell(c);
	if (!enter(c))
		return true;
	r = queue_claim_delivery(c->queue, c->destination,
		(int)config_int(config, "forward.lease_s"), form_wanted(c->profile),
		&claim, &container_fd);
	if (r == QUEUE_DONE) {
		deliver(c, &claim, container_fd);
		return true;
	}
	pace_leave(c->pace, clock_monotonic_ms(), PACE_IDLE, 0);
	if (r < 0) {
		queue_disconnect(c->queue);
		c->queue = NULL;
	}
	return r == QUEUE_EMPTY;
}

static void *run(void *argument)
{
	struct courier *c = argument;

	while (!daemon_wait(c->daemon, 0))
		if (!work(c) && daemon_wait(c->daemon, RECONNECT_MS))
			break;
	queue_disconnect(c->queue);
	curl_easy_cleanup(c->curl);
	return NULL;
}

static int hire_one(
	struct crew *crew, size_t profile, const char *destination, struct pace *pace)
{
	struct courier *c = &crew->couriers[crew->count];

	if (crew->count == LIMIT_COURIERS)
		return -E2BIG;
	*c = (struct courier){ .daemon = &crew->daemon,
		.profile = &crew->profiles->list[profile],
		.destination = destination,
		.profiles = crew->profiles,
		.credentials = &crew->credentials[profile],
		.pace = pace,
		.crew = crew->number,
		.curl = curl_easy_init() };
	if (!c->curl || pthread_create(&crew->threads[crew->count], NULL, run, c) != 0)
		return -ENOMEM;
	crew->count++;
	return 0;
}

/* One courier for each notice of a destination: they are rarer than documents. Its place
 * is its own: whoever waits for a document takes one up. */
static int hire_for_notice(struct crew *crew, size_t profile, const char *notice)
{
	char *name = crew->notices[profile];

	snprintf(name, sizeof(crew->notices[0]), "%s%s",
		crew->profiles->list[profile].name, notice);
	return hire_one(
		crew, profile, name, &crew->paces[crew->profiles->count + profile]);
}

static int hire(struct crew *crew, size_t profile)
{
	const struct profile *p = &crew->profiles->list[profile];
	int r = 0;

	for (int i = 0; r == 0 && i < p->concurrency; i++)
		r = hire_one(crew, profile, p->name, &crew->paces[profile]);
	if (r == 0 && p->decision.favourable)
		r = hire_for_notice(crew, profile, NOTICE_DECISION);
	if (r == 0 && p->cleared)
		r = hire_for_notice(crew, profile, NOTICE_CLEARED);
	return r;
}

static void pace(struct pace *ret, const struct profile *p, int most)
{
	int64_t longest = (int64_t)p->retry_max_s * 1000 / TRIALS_A_RETRY;
	int64_t first = (int64_t)p->retry_first_s * 1000;

	if (longest > PAUSE_MAX_S * 1000)
		longest = PAUSE_MAX_S * 1000;
	pace_init(ret, most, first < longest ? first : longest, longest);
}

static int load(struct crew *crew, char **ret_error)
{
	const struct instance *instance = &crew->daemon.instance;
	char policies[PATH_MAX];
	int r = instance_path(instance, "policies", policies);

	if (r == 0)
		r = profiles_load(policies, &crew->profiles, ret_error);
	if (r < 0)
		return r;
	crew->credentials = calloc(crew->profiles->count + 1, sizeof(*crew->credentials));
	crew->paces = calloc(2 * crew->profiles->count + 1, sizeof(*crew->paces));
	crew->notices = calloc(crew->profiles->count + 1, sizeof(*crew->notices));
	if (!crew->credentials || !crew->paces || !crew->notices)
		return -ENOMEM;
	for (size_t i = 0; i < crew->profiles->count; i++) {
		const struct profile *p = &crew->profiles->list[i];

		pace(&crew->paces[i], p, p->concurrency);
		pace(&crew->paces[crew->profiles->count + i], p, 1);
	}
	for (size_t i = 0; r == 0 && i < crew->profiles->count; i++)
		r = credentials_load(instance, crew->profiles->list[i].credentials,
			&crew->credentials[i], ret_error);
	return r;
}

/* Nothing of it keeps documents from their destinations. */
static struct callbacks *call_back(struct crew *crew)
{
	struct callbacks *callbacks = NULL;
	int r = callbacks_start(&crew->daemon, &callbacks);

	if (r < 0)
		log_event(LOG_ERR, "forward.callback", NULL,
			"partners are not called: %s", strerror(-r));
	return callbacks;
}

static int serve(struct crew *crew)
{
	struct callbacks *callbacks = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < crew->profiles->count; i++)
		r = hire(crew, i);
	if (r == 0) {
		callbacks = call_back(crew);
		daemon_ready(&crew->daemon);
		daemon_wait(&crew->daemon, -1);
	} else {
		/* Whoever is there ends, too: a restart hires all. */
		(void)kill(getpid(), SIGTERM);
	}
	for (size_t i = 0; i < crew->count; i++)
		pthread_join(crew->threads[i], NULL);
	callbacks_join(callbacks);
	return r;
}

static void dismiss(struct crew *crew)
{
	for (size_t i = 0;
		crew->profiles && crew->credentials && i < crew->profiles->count; i++)
		credentials_done(&crew->credentials[i]);
	free(crew->credentials);
	free(crew->paces);
	free(crew->notices);
	profiles_free(crew->profiles);
	daemon_done(&crew->daemon);
}

int main(int argc, char **argv)
{
	static struct crew crew;
	_cleanup_(freep) char *error = NULL;
	int r = daemon_start(
		&crew.daemon, "forward", DAEMON_NO_SOCKET, argc, argv, USAGE);

	if (r >= 0)
		return r;
	daemon_raise_descriptors();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	crew.number = random_number();
	r = load(&crew, &error);
	if (r == 0)
		r = serve(&crew);
	if (r < 0)
		log_event(LOG_ERR, "forward.start", NULL, "%s",
			error ? error : strerror(-r));
	dismiss(&crew);
	curl_global_cleanup();
	return r == 0 ? 0 : 1;
}
