/* SPDX-License-Identifier: EUPL-1.2 */
#include "admin/admin.h"

#include "common/clock.h"
#include "common/log.h"
#include "web/certificate.h"
#include "web/explain.h"
#include "web/problem.h"

#include <stdio.h>
#include <string.h>

void visit_problem(
	struct visit *v, const char *code, const char *received, const char *detail)
{
	web_problem(v->response, v->request->correlation, code, received, detail, NULL);
}

/* Whoever is not let in, with what there is to say of the certificate. */
static void refuse(
	struct visit *v, const char *code, const char *received, const char *detail)
{
	const struct web_refusal q = { .instance = v->admin->instance,
		.request = v->request,
		.listener = "operators",
		.code = code,
		.reason = detail };

	web_problem(v->response, v->request->correlation, code, received, detail,
		web_explain(&q, &v->admin->explaining));
}

void visit_too_long(struct visit *v)
{
	const char *escaped = scgi_get(&v->request->scgi, "CLIENT_CERTIFICATE");
	bool certificate = web_certificate_too_large(escaped);
	char received[32];

	(void)snprintf(received, sizeof(received), "%zu octets",
		v->request->header_len ? v->request->header_len : strlen(escaped));
	if (certificate)
		refuse(v, "handshake.too-large", received, NULL);
	else
		visit_problem(v, "http.header-size", received, NULL);
}

static struct pki_material *authorities_of(const struct admin *a)
{
	struct pki_material *m = pki_material_new();
	_cleanup_(freep) char *error = NULL, *more = NULL;

	if (m && pki_material_load(m, PKI_ANCHORS, a->authorities, &error) > 0 &&
		pki_material_load(m, PKI_REVOCATION, a->revocation, &more) >= 0)
		return m;
	log_event(LOG_ERR, "admin.authorities", NULL, "%s",
		error  ? error
		: more ? more
		       : "memory");
	pki_material_free(m);
	return NULL;
}

static int name_person(struct visit *v, const struct web_certificate *c)
{
	v->person = policy_operator_by_certificate(v->policy, c->sha256);
	if (v->person)
		return 1;
	refuse(v, "operator.unknown", c->sha256, NULL);
	return 0;
}

int visit_identify(struct visit *v)
{
	_cleanup_(pki_material_freep) struct pki_material *authorities =
		authorities_of(v->admin);
	struct web_certificate c;
	int r;

	if (web_certificate_too_large(
		    scgi_get(&v->request->scgi, "CLIENT_CERTIFICATE"))) {
		visit_too_long(v);
		return 0;
	}
	if (!authorities) {
		visit_problem(v, "internal.error", NULL, NULL);
		return 0;
	}
	r = web_certificate_check(
		&v->request->scgi, authorities, v->admin->demanded, clock_now(), &c);
	if (r == 1) {
		r = name_person(v, &c);
	} else {
		refuse(v, "operator.certificate", *c.sha256 ? c.sha256 : NULL,
			c.path.reason);
		r = 0;
	}
	web_certificate_done(&c);
	return r;
}

bool visit_may(struct visit *v, const char *verb)
{
	char detail[160];

	if (policy_role_may(v->policy, v->person->role, verb))
		return true;
	log_event(LOG_WARNING, "admin.denied", NULL, "%s (%s) may not %s",
		v->person->name, v->person->role, verb);
	snprintf(detail, sizeof(detail), "The role %s does not have the verb %s.",
		v->person->role, verb);
	visit_problem(v, "operator.role", v->person->role, detail);
	return false;
}
