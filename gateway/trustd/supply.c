/* SPDX-License-Identifier: EUPL-1.2 */
#include "trustd/supply.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "common/memfd.h"
#include "pki/certificate.h"
#include "pki/crl.h"
#include "pki/material.h"
#include "trust/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RETRY_FIRST_S 30

static uint64_t stamp_of(const struct supply *s)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/trust/sources.cfg", s->policies) >=
			PATH_MAX ||
		stat(path, &st) < 0)
		return 0;
	return ((uint64_t)st.st_mtim.tv_sec * 1000000000u +
		       (uint64_t)st.st_mtim.tv_nsec) ^
	       ((uint64_t)st.st_ino << 20) ^ (uint64_t)st.st_size;
}

static int load(struct supply *s, char **ret_error)
{
	struct sources *sources;
	struct supply_state *states;
	int r;

	s->stamp = stamp_of(s);
	r = sources_load(s->policies, s->test, &sources, ret_error);
	if (r < 0)
		return r;
	states = calloc(sources->count + 1, sizeof(*states));
	if (!states) {
		sources_free(sources);
		return -ENOMEM;
	}
	sources_free(s->sources);
	free(s->states);
	s->sources = sources;
	s->states = states;
	return 0;
}

int supply_init(struct supply *s, const struct instance *instance, char **ret_error)
{
	const char *ca = config_string(instance->config, "trustd.ca");
	int r;

	*ret_error = NULL;
	*s = (struct supply){ .test = config_bool(instance->config, "instance.test") };
	r = instance_path(instance, "policies", s->policies);
	if (r == 0)
		r = instance_path(instance, "state/trust", s->folder);
	if (r == 0 && *ca)
		r = instance_path(instance, ca, s->ca);
	return r == 0 ? load(s, ret_error) : r;
}

void supply_done(struct supply *s)
{
	sources_free(s->sources);
	free(s->states);
}

void supply_look(struct supply *s)
{
	_cleanup_(freep) char *error = NULL;
	int r;

	if (stamp_of(s) == s->stamp)
		return;
	r = load(s, &error);
	if (r < 0)
		log_event(LOG_ERR, "trustd.sources", NULL, "%s",
			error ? error : strerror(-r));
}

static X509 *issuer_of(const struct source *source)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	_cleanup_(freep) char *error = NULL;
	X509 *x = NULL;

	if (m && pki_material_load(m, PKI_CERTIFICATES, source->issuer, &error) > 0)
		x = sk_X509_value(m->certificates, 0);
	if (x)
		X509_up_ref(x);
	return x;
}

static void fail(struct supply_state *state, const char *result, const char *reason)
{
	(void)snprintf(state->result, sizeof(state->result), "%s", result);
	(void)snprintf(state->reason, sizeof(state->reason), "%s", reason);
	state->etag[0] = '\0'; /* what was not taken is asked for whole again */
	state->failures++;
}

static void succeed(struct supply_state *state, const char *result, int64_t now)
{
	(void)snprintf(state->result, sizeof(state->result), "%s", result);
	state->reason[0] = '\0';
	state->failures = 0;
	state->done = now;
}

static void publish(const struct supply *s, const struct source *source,
	struct supply_state *state, const struct fetch_result *fetched, int64_t now)
{
	_cleanup_(X509_freep) X509 *issuer = issuer_of(source);
	struct publish_result result = { .outcome = PUBLISH_UNDECIDED };
	struct span octets = { 0 };
	int r = issuer ? memfd_map(fetched->fd, PKI_CRL_MAX, &octets) : -ENOENT;

	if (r == 0)
		r = trust_publish_crl(
			s->folder, source->name, octets, issuer, now, &result);
	memfd_unmap(&octets);
	if (r < 0) {
		fail(state, "failed",
			r == -ENOENT ? "its issuer is not there" : strerror(-r));
		return;
	}
	if (result.outcome == PUBLISH_REFUSED) {
		fail(state, "refused", result.reason);
		return;
	}
	succeed(state, result.outcome == PUBLISH_DONE ? "published" : "unchanged", now);
	state->this_update = result.this_update;
	state->next_update = result.next_update;
	memcpy(state->etag, fetched->etag, sizeof(state->etag));
}

static void serve(
	const struct supply *s, const struct source *source, struct supply_state *state)
{
	struct fetch_result fetched;
	int64_t now = clock_now();
	int r = fetch(s->sources, source->url, state->etag, s->ca, &fetched);

	state->tried = now;
	if (r < 0)
		fail(state, "failed", strerror(-r));
	else if (fetched.outcome == FETCH_NOT_MODIFIED)
		succeed(state, "unchanged", now);
	else if (fetched.outcome == FETCH_DONE)
		publish(s, source, state, &fetched, now);
	else
		fail(state, "failed", fetched.reason);
	if (fetched.fd >= 0)
		close(fetched.fd);
}

/* After a failure sooner than usual, later each time, never later than usual. */
static int64_t next_try_ms(const struct source *source, const struct supply_state *state)
{
	int64_t wait = source->every_s, retry = RETRY_FIRST_S;

	for (unsigned int i = 1; i < state->failures && retry < wait; i++)
		retry *= 2;
	if (state->failures > 0 && retry < wait)
		wait = retry;
	return clock_monotonic_ms() + wait * 1000;
}

static void say(const struct source *source, const struct supply_state *state)
{
	if (strcmp(state->result, "published") == 0)
		log_event(LOG_INFO, "trustd.published", NULL, "%s from %s", source->name,
			source->url);
	else if (state->failures > 0)
		log_event(LOG_WARNING, "trustd.failed", NULL, "%s from %s, %u times: %s",
			source->name, source->url, state->failures, state->reason);
}

int supply_turn(struct supply *s, int max_ms)
{
	int64_t now = clock_monotonic_ms(), wait = max_ms;
	size_t first = s->sources->count;

	for (size_t i = 0; i < s->sources->count; i++)
		if (first == s->sources->count ||
			s->states[i].due_ms < s->states[first].due_ms)
			first = i;
	if (first == s->sources->count)
		return max_ms;
	if (s->states[first].due_ms <= now) {
		serve(s, &s->sources->list[first], &s->states[first]);
		s->states[first].due_ms =
			next_try_ms(&s->sources->list[first], &s->states[first]);
		say(&s->sources->list[first], &s->states[first]);
		if (supply_write_status(s) < 0)
			log_event(LOG_ERR, "trustd.status", NULL,
				"%s/supply.json cannot be written", s->folder);
		return 0;
	}
	wait = s->states[first].due_ms - now;
	return (int)(wait < max_ms ? wait : max_ms);
}
