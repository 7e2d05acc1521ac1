/* SPDX-License-Identifier: EUPL-1.2 */
#include "handshake/post_mortem.h"

#include "common/json.h"
#include "handshake/diagnosis.h"
#include "pki/certificate.h"
#include "web/certificate.h"
#include "web/problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_OCTETS 400 /* of a subject or an issuer that is told */
#define WORD_MAX_OCTETS 200 /* of what nginx says */
#define AUTHORITIES_MAX 8   /* names of authorities in an answer */

/* A name by RFC 4514, cut where it is longer than anybody's. */
static json_t *name_of(const X509_NAME *name)
{
	_cleanup_(freep) char *text = pki_name_text(name);

	if (text && strlen(text) > NAME_MAX_OCTETS)
		text[NAME_MAX_OCTETS] = '\0';
	return text ? json_text(text) : NULL;
}

static json_t *word_of(const struct request *request, const char *name)
{
	char text[WORD_MAX_OCTETS + 1];

	(void)snprintf(text, sizeof(text), "%s", scgi_get(&request->scgi, name));
	return json_text(text);
}

static json_t *serial_of(const X509 *certificate)
{
	_cleanup_(freep) char *text = pki_serial_text(certificate);

	if (text && strlen(text) > NAME_MAX_OCTETS)
		text[NAME_MAX_OCTETS] = '\0';
	return text ? json_text(text) : NULL;
}

/* What was sent. JSON null: nothing that could be read. */
static json_t *describe(X509 *certificate, const char *sha256)
{
	int64_t from = 0, to = 0;

	if (!certificate)
		return json_null();
	(void)pki_certificate_validity(certificate, &from, &to);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s}", "subject",
		name_of(X509_get_subject_name(certificate)), "issuer",
		name_of(X509_get_issuer_name(certificate)), "serial",
		serial_of(certificate), "not_before", json_time(from), "not_after",
		json_time(to), "sha256", sha256);
}

/* Which authorities there are is no secret: nginx names them in every handshake. */
static json_t *authorities_of(const struct known_here *known)
{
	const STACK_OF(X509) *list = known_here_authorities(known);
	json_t *names = json_array();

	for (int i = 0; names && i < sk_X509_num(list) && i < AUTHORITIES_MAX; i++)
		if (json_array_append_new(names,
			    name_of(X509_get_subject_name(sk_X509_value(list, i)))) < 0) {
			json_decref(names);
			return NULL;
		}
	return names;
}

/* What is wrong besides, so that who mends one thing does not fail on the next. */
static void add_standing(
	const struct partner *partner, const char *sha256, struct findings *findings)
{
	if (!partner)
		findings_addf(findings, SEVERITY_WARNING, "partner.unknown", "", sha256,
			"Besides, the certificate is enrolled for no partner.");
	else if (partner->suspended)
		findings_addf(findings, SEVERITY_WARNING, "partner.suspended", "",
			partner->name, "Besides, the partner is suspended.");
}

static int make_record(const struct request *request, const struct known_here *known,
	X509 *certificate, const char *sha256, const struct findings *findings,
	struct post_mortem *p)
{
	const struct partner *claimed = NULL;

	if (certificate && !*p->partner)
		claimed = known_here_claimed(known, certificate);
	p->record = json_pack("{s:s?, s:s?, s:o, s:o, s:o, s:s, s:o, s:o}", "partner",
		*p->partner ? p->partner : NULL, "claimed_partner",
		claimed ? claimed->name : NULL, "address",
		word_of(request, "REMOTE_ADDR"), "protocol",
		word_of(request, "TLS_PROTOCOL"), "verify",
		word_of(request, "CLIENT_VERIFY"), "correlation", request->correlation,
		"certificate", describe(certificate, sha256), "findings",
		findings_to_json(findings));
	return p->record ? 0 : -ENOMEM;
}

static int make_answer(const struct request *request, const struct known_here *known,
	const struct findings *findings, struct post_mortem *p)
{
	_cleanup_response_ struct response response;
	json_t *extra = json_pack("{s:O, s:O, s:o}", "certificate",
		json_object_get(p->record, "certificate"), "findings",
		json_object_get(p->record, "findings"), "authorities",
		authorities_of(known));

	response_init(&response);
	if (extra)
		web_problem(&response, request->correlation, "partner.certificate",
			scgi_get(&request->scgi, "CLIENT_VERIFY"),
			findings->list[0].message, extra);
	p->answer = response.status == 403 ? TAKE(response.body) : NULL;
	return p->answer ? 0 : -ENOMEM;
}

int post_mortem_make(const struct request *request, const struct known_here *known,
	int64_t at, struct post_mortem *ret)
{
	const char *verify = scgi_get(&request->scgi, "CLIENT_VERIFY");
	_cleanup_(X509_freep) X509 *certificate =
		web_certificate_parse(scgi_get(&request->scgi, "CLIENT_CERTIFICATE"));
	_cleanup_findings_ struct findings findings = { 0 };
	const struct partner *partner = NULL;
	char sha256[SHA256_TEXT_SIZE] = "";
	int r;

	*ret = (struct post_mortem){ 0 };
	/* "" is what nginx says where there is no TLS: neither is for us. */
	if (strcmp(verify, DIAGNOSIS_NONE) != 0 && strncmp(verify, "FAILED", 6) != 0)
		return -EINVAL;
	diagnosis_make(certificate, verify, known_here_authorities(known), at, &findings);
	if (certificate && pki_certificate_sha256(certificate, sha256) == 0) {
		partner = known_here_partner(known, sha256);
		add_standing(partner, sha256, &findings);
	}
	if (partner)
		memcpy(ret->partner, partner->name, sizeof(ret->partner));
	if (findings.out_of_memory || findings.count == 0)
		return -ENOMEM;
	r = make_record(request, known, certificate, sha256, &findings, ret);
	if (r == 0)
		r = make_answer(request, known, &findings, ret);
	if (r < 0)
		post_mortem_done(ret);
	return r;
}

void post_mortem_done(struct post_mortem *p)
{
	json_decref(p->record);
	free(p->answer);
	*p = (struct post_mortem){ 0 };
}
