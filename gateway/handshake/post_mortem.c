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
#define VERIFY_SIZE (WORD_MAX_OCTETS + 1)
#define REFUSED "REFUSED:" /* as nginx writes "FAILED:" */

struct seen {
	const struct request *request;
	enum listener listener;
	bool refused;	   /* behind nginx, which let it pass */
	X509 *certificate; /* NULL: none that can be read */
	char sha256[SHA256_TEXT_SIZE];
	char verify[VERIFY_SIZE]; /* why, in nginx's words or by intake's code */
};

/* A name by RFC 4514, cut where it is longer than anybody's. */
static json_t *name_of(const X509_NAME *name)
{
	_cleanup_(freep) char *text = pki_name_text(name);

	if (text && strlen(text) > NAME_MAX_OCTETS)
		text[NAME_MAX_OCTETS] = '\0';
	return text ? json_text(text) : NULL;
}

static json_t *word(const char *text)
{
	char most[WORD_MAX_OCTETS + 1];

	(void)snprintf(most, sizeof(most), "%s", text);
	return json_text(most);
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
static json_t *authorities_of(const struct known_here *known, enum listener l)
{
	const STACK_OF(X509) *list = known_here_authorities(known, l);
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
static void add_standing(const struct seen *s, const struct enrolled_here *enrolled,
	struct findings *findings)
{
	const char *code = s->listener == LISTENER_OPERATORS ? "operator.unknown"
							     : "partner.unknown";

	if (!enrolled->name && !findings_have(findings, code))
		findings_addf(findings, SEVERITY_WARNING, code, "", s->sha256,
			s->listener == LISTENER_PARTNERS
				? "Besides, the certificate is enrolled for no partner."
				: "Besides, the certificate is enrolled for nobody.");
	else if (enrolled->suspended && !findings_have(findings, "partner.suspended"))
		findings_addf(findings, SEVERITY_WARNING, "partner.suspended", "",
			enrolled->name, "Besides, the partner is suspended.");
}

static int make_record(const struct seen *s, const struct known_here *known,
	const char *holder, const struct findings *findings, struct post_mortem *p)
{
	const struct scgi_request *scgi = &s->request->scgi;
	const struct partner *claimed = NULL;

	if (s->certificate && s->listener == LISTENER_PARTNERS && !*p->partner)
		claimed = known_here_claimed(known, s->certificate);
	p->record = json_pack("{s:s, s:s?, s:s?, s:s?, s:o, s:o, s:o, s:s, s:o, s:o}",
		"listener", listener_text(s->listener), "holder",
		*p->partner ? NULL : holder, "partner", *p->partner ? p->partner : NULL,
		"claimed_partner", claimed ? claimed->name : NULL, "address",
		word(scgi_get(scgi, "REMOTE_ADDR")), "protocol",
		word(scgi_get(scgi, "TLS_PROTOCOL")), "verify", word(s->verify),
		"correlation", s->request->correlation, "certificate",
		describe(s->certificate, s->sha256), "findings",
		findings_to_json(findings));
	return p->record ? 0 : -ENOMEM;
}

static int make_answer(const struct seen *s, const struct known_here *known,
	const struct findings *findings, struct post_mortem *p)
{
	_cleanup_response_ struct response response;
	json_t *extra = json_pack("{s:O, s:O, s:o}", "certificate",
		json_object_get(p->record, "certificate"), "findings",
		json_object_get(p->record, "findings"), "authorities",
		authorities_of(known, s->listener));

	response_init(&response);
	if (extra)
		web_problem(&response, s->request->correlation,
			s->listener == LISTENER_OPERATORS ? "operator.certificate"
							  : "partner.certificate",
			s->verify, findings->list[0].message, extra);
	p->answer = response.status == 403 ? TAKE(response.body) : NULL;
	return p->answer ? 0 : -ENOMEM;
}

/* The answer in the language that the client prefers; what cannot be said so stays
 * English, as does the record. */
static void translate(
	const struct seen *s, const struct known_here *known, struct post_mortem *p)
{
	const char *accept = scgi_get(&s->request->scgi, "HTTP_ACCEPT_LANGUAGE");
	const char *language = known->messages && *accept
				       ? messages_negotiate(known->messages, accept)
				       : NULL;
	_cleanup_json_ json_t *body = NULL;
	char *text;

	if (!language)
		return;
	body = json_read(span_str(p->answer), strlen(p->answer));
	if (!body || messages_translate(known->messages, language, body) < 0)
		return;
	text = json_canonical(body);
	if (!text)
		return;
	free(p->answer);
	p->answer = text;
	(void)snprintf(p->language, sizeof(p->language), "%s", language);
}

/* What is refused behind nginx, and nothing else that one might be made to say. */
static bool is_refusal(const char *code)
{
	static const char *const CODES[] = { "partner.certificate", "partner.unknown",
		"partner.suspended", "partner.tls", "partner.transport-early",
		"partner.transport-over", "handshake.too-large", "operator.unknown",
		"operator.certificate" };

	for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++)
		if (strcmp(CODES[i], code) == 0)
			return true;
	return false;
}

/* Who says no, and with which words? Return: 0, -EINVAL when nobody does ("" is what
 * nginx says where there is no TLS). */
static int read_verify(const struct request *request, bool refused, char ret[VERIFY_SIZE])
{
	const char *verify = scgi_get(&request->scgi, "CLIENT_VERIFY"),
		   *code = scgi_get(&request->scgi, "REFUSED");

	(void)snprintf(ret, VERIFY_SIZE, "%s%s", refused ? REFUSED : "",
		refused ? code : verify);
	if (refused)
		return strcmp(verify, "SUCCESS") == 0 && is_refusal(code) ? 0 : -EINVAL;
	return strcmp(verify, DIAGNOSIS_NONE) == 0 || strncmp(verify, "FAILED", 6) == 0
		       ? 0
		       : -EINVAL;
}

static void diagnose(const struct seen *s, const struct known_here *known, int64_t at,
	const struct enrolled_here *enrolled, struct findings *f)
{
	const struct scgi_request *scgi = &s->request->scgi;
	const STACK_OF(X509) *authorities = known_here_authorities(known, s->listener);

	if (web_certificate_too_large(scgi_get(scgi, "CLIENT_CERTIFICATE")))
		findings_add(f, "handshake.too-large", "", NULL, NULL);
	else if (s->refused)
		diagnosis_refused(s->certificate, s->verify + strlen(REFUSED),
			scgi_get(scgi, "REFUSED_REASON"), authorities, at, f);
	else
		diagnosis_make(s->certificate, s->verify, authorities, at, f);
	if (*s->sha256)
		add_standing(s, enrolled, f);
}

int post_mortem_make(const struct request *request, bool refused,
	const struct known_here *known, int64_t at, struct post_mortem *ret)
{
	_cleanup_(X509_freep) X509 *certificate =
		web_certificate_parse(scgi_get(&request->scgi, "CLIENT_CERTIFICATE"));
	struct seen s = { .request = request,
		.listener = listener_find(scgi_get(&request->scgi, "LISTENER")),
		.refused = refused,
		.certificate = certificate };
	_cleanup_findings_ struct findings findings = { 0 };
	struct enrolled_here enrolled = { 0 };
	int r = read_verify(request, refused, s.verify);

	*ret = (struct post_mortem){ .listener = s.listener };
	if (r < 0)
		return r;
	if (certificate && pki_certificate_sha256(certificate, s.sha256) == 0)
		enrolled = known_here_enrolled(known, s.listener, s.sha256);
	ret->enrolled = enrolled.name != NULL;
	if (enrolled.name && s.listener == LISTENER_PARTNERS)
		(void)snprintf(ret->partner, sizeof(ret->partner), "%s", enrolled.name);
	diagnose(&s, known, at, &enrolled, &findings);
	if (findings.out_of_memory || findings.count == 0)
		return -ENOMEM;
	r = make_record(&s, known, enrolled.name, &findings, ret);
	if (r == 0)
		r = make_answer(&s, known, &findings, ret);
	if (r < 0)
		post_mortem_done(ret);
	else
		translate(&s, known, ret);
	return r;
}

void post_mortem_done(struct post_mortem *p)
{
	json_decref(p->record);
	free(p->answer);
	*p = (struct post_mortem){ 0 };
}
