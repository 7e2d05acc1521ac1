/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/server.h"

#include "common/clock.h"
#include "common/log.h"
#include "intake/http.h"
#include "intake/identity.h"
#include "intake/localise.h"
#include "intake/probe.h"
#include "intake/problem.h"
#include "intake/refuse.h"

#include <errno.h>
#include <stdio.h>

int server_init(struct server *s, const struct instance *instance, char **ret_error)
{
	int r;

	*ret_error = NULL;
	*s = (struct server){ .instance = instance,
		.name = config_string(instance->config, "instance.name"),
		.test = config_bool(instance->config, "instance.test"),
		.snapshots.fault = "intake.start" };
	r = web_revocation_parse(
		config_string(instance->config, "tls.partner_revocation"),
		&s->revocation);
	if (r < 0) {
		*ret_error = strdup("tls.partner_revocation is required or if-present");
		return r;
	}
	quotas_init(&s->quotas, *config_string(instance->config, "queue.postgresql"));
	r = instance_socket(instance, "verify", s->verify_socket);
	if (r == 0)
		r = instance_socket(instance, "queued", s->queued_socket);
	if (r == 0)
		r = instance_socket(instance, "signer", s->signer_socket);
	if (r == 0)
		r = shares_init(&s->shares,
			(size_t)config_int(instance->config, "intake.threads"));
	if (r < 0)
		return r;
	r = snapshots_init(&s->snapshots, instance, ret_error);
	if (r == 0)
		r = renewed_init(
			&s->renewed, instance, s->verify_socket, s->queued_socket);
	if (r < 0)
		shares_done(&s->shares);
	return r;
}

void server_done(struct server *s)
{
	renewed_done(&s->renewed);
	snapshots_done(&s->snapshots);
	quotas_done(&s->quotas);
	shares_done(&s->shares);
}

static void log_answer(const struct exchange *x, int64_t began_ms)
{
	const struct scgi_request *scgi = &x->request->scgi;

	log_event(LOG_INFO, "intake.answered", *x->response->id ? x->response->id : NULL,
		"%s %s %d %s, partner %s, %zu octets, %lld ms, correlation %s",
		scgi_get(scgi, "REQUEST_METHOD"), x->request->path, x->response->status,
		x->response->code ? x->response->code : "-",
		x->partner  ? x->partner->name
		: x->office ? x->office->name
			    : "-",
		request_size(x->request), (long long)(clock_monotonic_ms() - began_ms),
		x->request->correlation);
}

/* What the partner asks, when its share has a place for it. */
static void answer_partner(struct exchange *x)
{
	char partner[PARTNER_NAME_SIZE]; /* a newer policy may take x->partner's place */

	if (x->office)
		snprintf(partner, sizeof(partner), FEED_PREFIX "%.50s", x->office->name);
	else
		snprintf(partner, sizeof(partner), "%s", x->partner->name);
	switch (share_take(&x->server->shares, partner)) {
	case SHARE_TAKEN:
		http_dispatch(x);
		share_give(&x->server->shares, partner);
		return;
	case SHARE_OVER:
		problem(x, "http.partner-busy", partner, NULL);
		return;
	case SHARE_NONE:
	default:
		problem(x, "http.busy", NULL, NULL);
	}
}

static void answer(struct exchange *x, bool probes)
{
	if (!x->links) {
		problem(x, "http.busy", NULL, NULL);
		return;
	}
	x->snapshot = snapshots_hold(&x->server->snapshots, false);
	if (probes)
		probe(x);
	else if (identify(x, clock_now()))
		answer_partner(x);
}

/* nginx bounds every line of a header: what it hands on is longer than this only by the
 * certificate. Nothing is taken from what was read of it but what makes the answer. */
static void too_long(struct exchange *x)
{
	char received[32];

	(void)snprintf(received, sizeof(received), "%zu octets", x->request->header_len);
	if (web_certificate_too_large(scgi_get(&x->request->scgi, "CLIENT_CERTIFICATE")))
		refuse(x, "handshake.too-large", received, NULL);
	else
		problem(x, "http.header-size", received, NULL);
}

/* Of its own user alone: where all programs have one it is told apart by nothing. */
static bool is_the_check(const struct server *s, int socket)
{
	return s->instance->separate && instance_peer_is(s->instance, socket, "health");
}

bool server_admits(struct server *s, int socket)
{
	if (is_the_check(s, socket))
		return !atomic_exchange(&s->probed, true);
	if (instance_peer_is(s->instance, socket, "nginx"))
		return true;
	log_event(LOG_WARNING, "intake.stranger", NULL,
		"a connection that is neither nginx's nor the health check's was closed");
	return false;
}

void server_left(struct server *s, int socket)
{
	if (is_the_check(s, socket))
		atomic_store(&s->probed, false);
}

/* nginx speaks for partners, and the health check for nobody. */
static bool may_ask(const struct server *s, int socket, const char *asker)
{
	if (instance_peer_is(s->instance, socket, asker))
		return true;
	log_event(LOG_WARNING, "intake.stranger", NULL,
		"a request that is not %s's was not answered", asker);
	return false;
}

void server_serve(struct server *s, struct links *links, int socket)
{
	_cleanup_request_ struct request request;
	_cleanup_response_ struct response response;
	struct exchange x = {
		.server = s, .links = links, .request = &request, .response = &response
	};
	int64_t began_ms = clock_monotonic_ms();
	int r = request_read(socket, &request);
	bool probes = strcmp(probe_asker(&request), "nginx") != 0;

	response_init(&response);
	if (r != 1 && r != -E2BIG && r != -EPROTO)
		return; /* the peer went away, or was silent: nobody waits for an answer
			 */
	if (!may_ask(s, socket, probe_asker(&request)))
		return;
	if (r == -E2BIG)
		too_long(&x);
	else if (r == -EPROTO)
		problem(&x, "http.request", NULL, NULL);
	else
		answer(&x, probes);
	request_discard(&request);
	localise(&x);
	r = response_send(&response, socket);
	if (!probes) /* which is asked every few seconds while people are waited for */
		log_answer(&x, began_ms);
	if (r < 0)
		log_event(LOG_NOTICE, "intake.unanswered",
			*response.id ? response.id : NULL, "the answer was not taken: %s",
			strerror(-r));
	snapshot_drop(x.snapshot);
}
