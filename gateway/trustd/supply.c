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
	states = calloc(sources->count + 1, sizeof(*states)); /* the lists come last */
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

int supply_init(
	struct supply *s, const struct instance *instance, int stop_fd, char **ret_error)
{
	const char *ca = config_string(instance->config, "trustd.ca");
	int r;

	*ret_error = NULL;
	*s = (struct supply){ .test = config_bool(instance->config, "instance.test"),
		.etags = json_object(),
		.stop_fd = stop_fd };
	if (!s->etags)
		return -ENOMEM;
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
	json_decref(s->etags);
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

void supply_fail(struct supply_state *state, const char *result, const char *reason)
{
	(void)snprintf(state->result, sizeof(state->result), "%s", result);
	(void)snprintf(state->reason, sizeof(state->reason), "%s", reason);
	state->etag[0] = '\0'; /* what was not taken is asked for whole again */
	state->failures++;
}

void supply_succeed(struct supply_state *state, const char *result, int64_t now)
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
		supply_fail(state, "failed",
			r == -ENOENT ? "its issuer is not there" : strerror(-r));
		return;
	}
	if (result.outcome == PUBLISH_REFUSED) {
		supply_fail(state, "refused", result.reason);
		return;
	}
	supply_succeed(
		state, result.outcome == PUBLISH_DONE ? "published" : "unchanged", now);
	state->this_update = result.this_update;
	state->next_update = result.next_update;
	memcpy(state->etag, fetched->etag, sizeof(state->etag));
}

static void serve_crl(
	const struct supply *s, const struct source *source, struct supply_state *state)
{
	const struct fetch_context c = { s->sources, s->ca, s->stop_fd };
	struct fetch_result fetched;
	int64_t now = clock_now();
	int r = fetch(&c, source->url, state->etag, &fetched);

	state->tried = now;
	if (r < 0)
		supply_fail(state, "failed", strerror(-r));
	else if (fetched.outcome == FETCH_NOT_MODIFIED)
		supply_succeed(state, "unchanged", now);
	else if (fetched.outcome == FETCH_DONE)
		publish(s, source, state, &fetched, now);
	else
		supply_fail(state, "failed", fetched.reason);
	if (fetched.fd >= 0)
		close(fetched.fd);
}

/* What a state is about: the lists come after the CRLs. */
static bool is_lists(const struct supply *s, size_t i)
{
	return i == s->sources->count;
}

static size_t count(const struct supply *s)
{
	return s->sources->count + (*s->sources->lists.lotl != '\0');
}

/* After a failure sooner than usual, later each time, never later than usual. */
static int64_t next_try_ms(int every_s, const struct supply_state *state)
{
	int64_t wait = every_s, retry = RETRY_FIRST_S;

	for (unsigned int i = 1; i < state->failures && retry < wait; i++)
		retry *= 2;
	if (state->failures > 0 && retry < wait)
		wait = retry;
	return clock_monotonic_ms() + wait * 1000;
}

static void serve(struct supply *s, size_t i)
{
	const struct sources *all = s->sources;
	struct supply_state *state = &s->states[i];
	const char *name = is_lists(s, i) ? "lists" : all->list[i].name;
	const char *url = is_lists(s, i) ? all->lists.lotl : all->list[i].url;

	if (is_lists(s, i))
		lists_round(s, state);
	else if (*all->list[i].certificate)
		serve_ocsp(s, &all->list[i], state);
	else
		serve_crl(s, &all->list[i], state);
	state->due_ms = next_try_ms(
		is_lists(s, i) ? all->lists.every_s : all->list[i].every_s, state);
	if (strcmp(state->result, "published") == 0)
		log_event(LOG_INFO, "trustd.published", NULL, "%s from %s", name, url);
	else if (state->failures > 0)
		log_event(LOG_WARNING, "trustd.failed", NULL, "%s from %s, %u times: %s",
			name, url, state->failures, state->reason);
}

int supply_turn(struct supply *s, int max_ms)
{
	int64_t now = clock_monotonic_ms(), wait;
	size_t first = 0;

	for (size_t i = 1; i < count(s); i++)
		if (s->states[i].due_ms < s->states[first].due_ms)
			first = i;
	if (count(s) == 0)
		return max_ms;
	if (s->states[first].due_ms <= now) {
		serve(s, first);
		if (supply_write_status(s) < 0)
			log_event(LOG_ERR, "trustd.status", NULL,
				"%s/supply.json cannot be written", s->folder);
		return 0;
	}
	wait = s->states[first].due_ms - now;
	return (int)(wait < max_ms ? wait : max_ms);
}
