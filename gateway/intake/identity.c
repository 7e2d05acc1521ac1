/* SPDX-License-Identifier: EUPL-1.2 */
#include "intake/identity.h"

#include "common/clock.h"
#include "common/log.h"
#include "intake/problem.h"
#include "intake/refuse.h"
#include "web/certificate.h"

#include <stdio.h>
#include <string.h>

/* What cannot be looked at is named as that; nothing else is wrong with it, perhaps. */
static bool too_large(struct exchange *x)
{
	const char *escaped = scgi_get(&x->request->scgi, "CLIENT_CERTIFICATE");
	char received[48];

	if (!web_certificate_too_large(escaped))
		return false;
	(void)snprintf(
		received, sizeof(received), "%zu octets, escaped", strlen(escaped));
	refuse(x, "handshake.too-large", received, NULL);
	return true;
}

/* Return: 1 when the certificate is good, 0 with a problem. */
static int check_certificate(struct exchange *x, int64_t at)
{
	const struct scgi_request *scgi = &x->request->scgi;
	struct web_certificate c;
	enum pki_outcome outcome;
	bool ours;
	int r;

	if (known_find(&x->snapshot->known, scgi, x->server->revocation, at,
		    x->certificate, &x->certificate_until))
		return 1;
	r = web_certificate_check(
		scgi, x->snapshot->transport, x->server->revocation, at, &c);
	outcome = c.path.outcome;
	ours = r < 0 || outcome == PKI_STALE_REVOCATION ||
	       outcome == PKI_NO_REVOCATION_DATA;
	memcpy(x->certificate, c.sha256, sizeof(x->certificate));
	x->certificate_until = c.until;
	if (r == 1) {
		known_add(&x->snapshot->known, scgi, x->server->revocation, at, c.sha256,
			c.until);
	} else {
		log_event(ours ? LOG_ERR : LOG_NOTICE, "intake.certificate", NULL,
			"client certificate %s: %s", x->certificate,
			c.path.reason ? c.path.reason : pki_outcome_text(outcome));
		(ours ? problem : refuse)(x,
			ours ? "partner.revocation" : "partner.certificate",
			*x->certificate ? x->certificate : NULL, c.path.reason);
	}
	web_certificate_done(&c);
	return r == 1;
}

/* TLS 1.3, or 1.2 where policy lists the partner for it. */
static bool protocol_agreed(const struct exchange *x, const struct partner *p)
{
	const char *protocol = scgi_get(&x->request->scgi, "TLS_PROTOCOL");

	return protocol && (strcmp(protocol, "TLSv1.3") == 0 ||
				   (p->tls12 && strcmp(protocol, "TLSv1.2") == 0));
}

/* Does the enrolment of the certificate count now? Return: 1, 0 with a problem. */
static int in_its_time(struct exchange *x, const struct partner *p, int64_t at)
{
	const struct transport_time *t = policy_transport_time(p, x->certificate);
	bool early = t && t->from && at < t->from;
	char text[CLOCK_TEXT_SIZE];

	if (!t || (!early && (!t->until || at < t->until)))
		return 1;
	clock_format(early ? t->from : t->until, text);
	refuse(x, early ? "partner.transport-early" : "partner.transport-over", text,
		NULL);
	return 0;
}

static int enrolled(struct exchange *x, int64_t at)
{
	const struct partner *p =
		policy_partner_by_certificate(x->snapshot->policy, x->certificate);

	if (!p) {
		refuse(x, "partner.unknown", x->certificate, NULL);
		return 0;
	}
	if (p->suspended) {
		refuse(x, "partner.suspended", p->name, NULL);
		return 0;
	}
	if (!in_its_time(x, p, at))
		return 0;
	if (!protocol_agreed(x, p)) {
		refuse(x, "partner.tls", scgi_get(&x->request->scgi, "TLS_PROTOCOL"),
			NULL);
		return 0;
	}
	x->partner = p;
	return 1;
}

/* Which listener it was is said by nginx alone: no request header has this name. */
static int identify_customs(struct exchange *x, int64_t at)
{
	struct web_certificate c = { 0 };
	int r = x->snapshot->customs
			? web_certificate_check(&x->request->scgi, x->snapshot->customs,
				  x->server->revocation, at, &c)
			: 0;

	memcpy(x->certificate, c.sha256, sizeof(x->certificate));
	x->certificate_until = c.until;
	if (r != 1)
		refuse(x, "partner.certificate", *c.sha256 ? c.sha256 : NULL,
			c.path.reason);
	else
		x->office = policy_customs_by_certificate(
			x->snapshot->policy, x->certificate);
	if (r == 1 && !x->office)
		refuse(x, "partner.unknown", x->certificate, NULL);
	else if (r == 1 && x->office->suspended)
		refuse(x, "partner.suspended", x->office->name, NULL);
	if (x->snapshot->customs)
		web_certificate_done(&c);
	return r == 1 && x->office && !x->office->suspended;
}

int identify(struct exchange *x, int64_t at)
{
	x->partner = NULL;
	x->office = NULL;
	if (too_large(x))
		return 0;
	if (strcmp(scgi_get(&x->request->scgi, "LISTENER"), "customs") == 0)
		return identify_customs(x, at);
	return check_certificate(x, at) ? enrolled(x, at) : 0;
}
