/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/signature.h"

#include "common/encode.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void sig_finding(struct sig_context *c, enum severity severity, const char *code,
	const xmlNode *where, const char *format, ...)
{
	_cleanup_(freep) char *path = where ? xml_path_of(where) : NULL;
	_cleanup_(freep) char *message = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&message, format, ap) < 0)
		message = NULL;
	va_end(ap);
	findings_addf(&c->report->findings, severity, code, path, NULL, "%s",
		message ? message : "");
}

void sig_malformed(
	struct sig_context *c, struct sig *s, const xmlNode *where, const char *why)
{
	if (!s->malformed)
		s->malformed = why;
	sig_finding(c, SEVERITY_ERROR, "sig.format", where, "%s", why);
}

void sig_done(struct sig *s)
{
	free(s->id);
	free(s->method_uri);
	sig_references_free(s->references, s->reference_count);
	free(s->whole_octets);
	free(s->listed);
	free(s->value_octets);
	for (size_t i = 0; i < s->candidate_count; i++)
		X509_free(s->candidates[i]);
	X509_free(s->signer);
	EVP_PKEY_free(s->key);
	for (size_t i = 0; i < s->token_count; i++) {
		free(s->tokens[i].der);
		token_result_done(&s->tokens[i].result);
	}
	free(s->tokens);
	pki_path_result_done(&s->path);
	*s = (struct sig){ 0 };
}

/* The only child element of that name, or NULL. */
static const xmlNode *only_child(const xmlNode *parent, const char *name)
{
	const xmlNode *n = xml_child(parent, NS_DS, name);

	return n && !xml_next(n, NS_DS, name) ? n : NULL;
}

static void read_signature(struct sig_context *c, struct sig *s)
{
	s->id = xml_attribute(s->node, "Id");
	s->signed_info = only_child(s->node, "SignedInfo");
	s->value = only_child(s->node, "SignatureValue");
	s->key_info = only_child(s->node, "KeyInfo");
	if (!s->signed_info)
		sig_malformed(c, s, s->node, "There is not exactly one ds:SignedInfo.");
	if (!s->value)
		sig_malformed(
			c, s, s->node, "There is not exactly one ds:SignatureValue.");
	if (!s->key_info && xml_child(s->node, NS_DS, "KeyInfo"))
		sig_malformed(c, s, s->node, "There is more than one ds:KeyInfo.");
}

static int read_value(struct sig_context *c, struct sig *s)
{
	_cleanup_(freep) char *text = xml_text(s->value);
	int r;

	if (!text) {
		sig_malformed(c, s, s->value, "ds:SignatureValue has elements.");
		return 0;
	}
	/* What is no base64 is no value, and that is how the signature fails. */
	r = base64_decode(span_str(text), &s->value_octets, &s->value_len);
	return r == -EINVAL ? 0 : r;
}

static int read_methods(struct sig_context *c, struct sig *s)
{
	_cleanup_(freep) char *c14n = NULL;

	s->c14n_node = only_child(s->signed_info, "CanonicalizationMethod");
	s->method_node = only_child(s->signed_info, "SignatureMethod");
	if (!s->c14n_node || !s->method_node) {
		sig_malformed(c, s, s->signed_info,
			"There is not exactly one ds:CanonicalizationMethod and one "
			"ds:SignatureMethod.");
		return 0;
	}
	c14n = xml_attribute(s->c14n_node, "Algorithm");
	s->method_uri = xml_attribute(s->method_node, "Algorithm");
	s->c14n = xml_c14n_find(c14n);
	s->method = signature_method_find(s->method_uri);
	if (!s->method_uri || !strchr(s->method_uri, ':'))
		sig_malformed(c, s, s->method_node, "The signature method is no URI.");
	if (s->c14n == XML_C14N_NONE)
		sig_finding(c, SEVERITY_ERROR, "sig.algorithm", s->c14n_node,
			"The canonicalisation '%s' is not allowed.", c14n ? c14n : "");
	if (!s->method)
		sig_finding(c, SEVERITY_ERROR, "sig.algorithm", s->method_node,
			"The signature method '%s' is not allowed.",
			s->method_uri ? s->method_uri : "");
	return 0;
}

int sig_read(struct sig_context *c, struct sig *s)
{
	int r;

	read_signature(c, s);
	if (s->malformed)
		return 0;
	r = read_value(c, s);
	if (r == 0)
		r = read_methods(c, s);
	if (r == 0)
		r = sig_references_read(
			c, s, s->signed_info, &s->references, &s->reference_count);
	if (r == 0 && s->reference_count == 0 && !s->malformed)
		sig_malformed(c, s, s->signed_info, "There is no ds:Reference.");
	return r;
}
