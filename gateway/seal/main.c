/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * sealgate-seal: turns accepted documents into evidence containers. It claims them from
 * queued, has the seal signed and time-stamped, lets a verify process validate the
 * container and hands it back. It has no socket of its own and never parses the partner's
 * XML.
 */
#include "common/durable.h"
#include "common/log.h"
#include "common/self_test.h"
#include "evidence/seal_policy.h"
#include "pki/errors.h"
#include "seal/batch.h"
#include "seal/heads.h"
#include "seal/held.h"
#include "seal/renew.h"
#include "seal/self_test.h"
#include "seal/worker.h"
#include "xades/validate.h"

#include <curl/curl.h>

#define THREADS_MAX 64
#define POLICY_TEXT_MAX 65536

static struct batches BATCHES;

static const char USAGE[] = "usage: sealgate-seal [--instance DIR]\n"
			    "Seal accepted documents: see sealgate-seal(8).\n";

/* A text that was edited seals nothing differently, but misleads who reads it. */
static void look_at_policy(const struct instance *instance)
{
	_cleanup_(freep) uint8_t *text = NULL;
	uint8_t digest[SHA256_SIZE];
	char path[PATH_MAX];
	size_t len;

	if (instance_path(instance, SEAL_POLICY_FILE, path) < 0 ||
		file_read(path, POLICY_TEXT_MAX, &text, &len) < 0 ||
		digest_sha256(span_of(text, len), digest) < 0 ||
		memcmp(digest, seal_policy_current()->sha256, SHA256_SIZE) != 0)
		log_event(LOG_WARNING, "seal.policy-text", NULL,
			"%s is not the text of %s, which the seals name",
			SEAL_POLICY_FILE, seal_policy_current()->id);
}

static int open_authorities(struct seal_house *h, const struct instance *instance)
{
	_cleanup_(freep) char *error = NULL;
	int r = authorities_open(&h->authorities, instance, &error);

	if (r < 0)
		log_event(LOG_ERR, "seal.authorities", NULL, "%s",
			error ? error : strerror(-r));
	else if (h->authorities.batch.documents > THREADS_MAX)
		log_event(LOG_WARNING, "seal.batch", NULL,
			"a batch of %d documents: no more than %d can wait for it",
			h->authorities.batch.documents, THREADS_MAX);
	if (r == 0 && !h->authorities.count)
		log_event(LOG_ERR, "seal.tsa-missing", NULL,
			"no time-stamping authority in " AUTHORITIES_FILE
			" nor in seal.tsa_url: accepted documents wait");
	return r;
}

static int open_renewal(struct seal_house *h, const struct instance *instance)
{
	_cleanup_(freep) char *error = NULL;
	int r = renewal_rule_open(instance, &h->renewal, &error);

	if (r < 0)
		log_event(LOG_ERR, "seal.renewal", NULL, "%s",
			error ? error : strerror(-r));
	return r;
}

/* Which of them want a seal in the document. */
static int open_destinations(struct seal_house *h, const struct instance *instance)
{
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = instance_path(instance, "policies", policies);

	if (r == 0)
		r = profiles_load(policies, &h->profiles, &error);
	if (r < 0)
		log_event(LOG_ERR, "seal.destinations", NULL, "%s",
			error ? error : strerror(-r));
	return r;
}

/* Without the file, and with "refuse", documents wait: they were accepted already. */
static int open_degraded(struct seal_house *h, const struct instance *instance)
{
	_cleanup_(freep) char *error = NULL;
	char policies[PATH_MAX];
	int r = instance_path(instance, "policies", policies);

	if (r == 0)
		r = degraded_read(policies, DEGRADED_TSA, &h->degraded, &error);
	if (r < 0)
		log_event(LOG_ERR, "seal.degraded", NULL, "%s",
			error ? error : strerror(-r));
	if (r == 0 && h->degraded.mode == DEGRADED_HOLD)
		h->authorities.alarm_s = (int)h->degraded.seconds;
	return r;
}

static int open_house(struct seal_house *h, const struct daemon *d)
{
	const struct config *c = d->instance.config;
	int r = anchors_init(&h->anchors, &d->instance);

	if (r == 0)
		r = instance_socket(&d->instance, "signer", h->signer_socket);
	if (r == 0)
		r = instance_socket(&d->instance, "verify", h->verify_socket);
	if (r == 0)
		r = instance_socket(&d->instance, "queued", h->queued_socket);
	h->daemon = d;
	h->instance_name = config_string(c, "instance.name");
	h->test = config_bool(c, "instance.test");
	h->lease_s = (int)config_int(c, "seal.lease_s");
	h->clock_watched = &d->instance;
	h->proxy = config_string(c, "seal.proxy");
	clock_guard_init(&h->clock);
	receipt_waits_init(&h->receipts);
	if (r == 0)
		r = open_authorities(h, &d->instance);
	if (r == 0)
		r = open_renewal(h, &d->instance);
	if (r == 0)
		r = open_degraded(h, &d->instance);
	if (r == 0)
		r = open_destinations(h, &d->instance);
	if (r == 0)
		r = seats_init(&h->seats, (unsigned int)config_int(c, "seal.threads"));
	if (r == 0)
		r = batches_init(&BATCHES);
	h->batches = &BATCHES;
	return r;
}

/* What is nobody's haste has a thread of its own beside those that seal. */
#define BESIDE 4
static const struct beside {
	void *(*run)(void *);
	const char *without;
} BESIDES[BESIDE] = {
	{ renew_run, "containers that get more: they stay as they are" },
	{ held_run, "held documents: they get no time-stamp" },
	{ heads_run, "heads of the audit chain: they get no time-stamp" },
	{ self_test_run, "the self-test" },
};

static size_t start_beside(struct seal_house *h, pthread_t ret_threads[BESIDE])
{
	size_t running = 0;

	for (size_t i = 0; i < BESIDE; i++) {
		if (BESIDES[i].run == held_run && !h->authorities.batch.documents)
			continue;
		if (pthread_create(&ret_threads[running], NULL, BESIDES[i].run, h) == 0)
			running++;
		else
			log_event(LOG_ERR, "seal.threads", NULL, "no thread for %s",
				BESIDES[i].without);
	}
	return running;
}

/* As many as seal at once, and as many as may wait for a batch besides. */
static size_t threads_wanted(const struct seal_house *h)
{
	size_t count = (size_t)config_int(h->daemon->instance.config, "seal.threads");

	if (h->authorities.batch.documents > 1)
		count += (size_t)h->authorities.batch.documents;
	return count < THREADS_MAX ? count : THREADS_MAX;
}

/* Return: how many threads served. */
static size_t seal(struct seal_house *h)
{
	size_t count = threads_wanted(h);
	pthread_t threads[THREADS_MAX];
	struct breaker breaker;
	struct seal_worker worker = { .house = h, .breaker = &breaker };
	size_t running = 0;
	pthread_t beside[BESIDE];
	size_t extra;

	breaker_init(&breaker);
	while (running < count &&
		pthread_create(&threads[running], NULL, worker_run, &worker) == 0)
		running++;
	if (running < count)
		log_event(LOG_ERR, "seal.threads", NULL,
			"only %zu of %zu threads could start", running, count);
	extra = running ? start_beside(h, beside) : 0;
	if (running) {
		daemon_ready(h->daemon);
		daemon_wait(h->daemon, -1);
	}
	for (size_t i = 0; i < running; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < extra; i++)
		pthread_join(beside[i], NULL);
	return running;
}

int main(int argc, char **argv)
{
	static struct seal_house house;
	struct daemon d;
	int r = pki_errors_watch() < 0
			? 1
			: daemon_start(&d, "seal", DAEMON_NO_SOCKET, argc, argv, USAGE);

	if (r >= 0)
		return r;
	r = open_house(&house, &d);
	if (r < 0 || xades_setup() < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		log_event(
			LOG_ERR, "seal.start", NULL, "%s: cannot start", d.instance.dir);
		daemon_done(&d);
		return 1;
	}
	look_at_policy(&d.instance);
	(void)self_test_forget(&d.instance);
	r = seal(&house) ? 0 : 1;
	log_event(LOG_INFO, "seal.end", NULL, "stopped");
	anchors_done(&house.anchors);
	profiles_free(house.profiles);
	batches_done(&BATCHES);
	curl_global_cleanup();
	daemon_done(&d);
	return r;
}
