/* SPDX-License-Identifier: EUPL-1.2 */
#include "trustd/supply.h"

#include "common/clock.h"
#include "common/memfd.h"
#include "pki/certificate.h"
#include "trust/publish.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int take(const struct supply *s, const struct source *source,
	const struct publish_question *q, int fd, struct supply_state *state)
{
	struct publish_result result = { .outcome = PUBLISH_UNDECIDED };
	struct span octets = { 0 };
	int64_t now = clock_now();
	int r = memfd_map(fd, PKI_OCSP_MAX, &octets);

	if (r == 0)
		r = trust_publish_ocsp(s->folder, source->name, octets, q, now, &result);
	memfd_unmap(&octets);
	if (r < 0)
		return r;
	if (result.outcome == PUBLISH_REFUSED) {
		supply_fail(state, "refused", result.reason);
		return 0;
	}
	supply_succeed(
		state, result.outcome == PUBLISH_DONE ? "published" : "unchanged", now);
	state->this_update = result.this_update;
	state->next_update = result.next_update;
	return 0;
}

static int ask(const struct supply *s, const struct source *source,
	const struct publish_question *q, struct supply_state *state)
{
	const struct fetch_context c = { s->sources, s->ca, s->stop_fd };
	struct fetch_result fetched = { .fd = -1 };
	unsigned char *der = NULL;
	int len = i2d_OCSP_REQUEST(q->request, &der), r;

	if (len <= 0)
		return -ENOMEM;
	r = fetch_ocsp(&c, source->url, span_of(der, (size_t)len), &fetched);
	OPENSSL_free(der);
	if (r == 0 && fetched.outcome != FETCH_DONE)
		supply_fail(state, "failed", fetched.reason);
	else if (r == 0)
		r = take(s, source, q, fetched.fd, state);
	if (fetched.fd >= 0)
		close(fetched.fd);
	return r;
}

void serve_ocsp(
	const struct supply *s, const struct source *source, struct supply_state *state)
{
	_cleanup_(X509_freep) X509 *issuer = pki_certificate_read(source->issuer);
	_cleanup_(X509_freep) X509 *certificate =
		pki_certificate_read(source->certificate);
	_cleanup_(OCSP_REQUEST_freep) OCSP_REQUEST *request = NULL;
	struct publish_question q = { .certificate = certificate,
		.issuer = issuer,
		.nonce_demanded = source->nonce_demanded };
	int r = issuer && certificate ? pki_ocsp_request(certificate, issuer, &request)
				      : -ENOENT;

	state->tried = clock_now();
	q.request = request;
	if (r == 0)
		r = ask(s, source, &q, state);
	if (r < 0)
		supply_fail(state, "failed",
			r == -ENOENT ? "the certificate or its issuer is not there"
				     : strerror(-r));
}
