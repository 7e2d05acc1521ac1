/* SPDX-License-Identifier: EUPL-1.2 */
#include "handshake/diagnosis.h"

#include "common/clock.h"
#include "pki/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define FAILED "FAILED:"

enum standing { NO_ISSUER = 0, ANOTHER_KEY, SIGNED };

/* Did nginx give this reason? It writes OpenSSL's own words behind "FAILED:". */
static bool said(const char *verify, int error)
{
	return strncmp(verify, FAILED, strlen(FAILED)) == 0 &&
	       strcmp(verify + strlen(FAILED), X509_verify_cert_error_string(error)) == 0;
}

/* How the certificate stands to the authority of its issuer's name. */
static enum standing issuer_here(X509 *certificate, const STACK_OF(X509) * authorities)
{
	const X509_NAME *issuer = X509_get_issuer_name(certificate);
	enum standing best = NO_ISSUER;

	for (int i = 0; best != SIGNED && i < sk_X509_num(authorities); i++) {
		X509 *authority = sk_X509_value(authorities, i);

		if (X509_NAME_cmp(X509_get_subject_name(authority), issuer) != 0)
			continue;
		best = X509_verify(certificate, X509_get0_pubkey(authority)) == 1
			       ? SIGNED
			       : ANOTHER_KEY;
	}
	ERR_clear_error();
	return best;
}

static void add_dates(X509 *certificate, int64_t at, struct findings *f)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t from, to;

	if (pki_certificate_validity(certificate, &from, &to) < 0) {
		findings_addf(f, SEVERITY_ERROR, "handshake.unreadable", "validity", NULL,
			"The times of the client certificate cannot be read.");
	} else if (at > to) {
		clock_format(to, text);
		findings_addf(f, SEVERITY_ERROR, "handshake.expired", "notAfter", text,
			"The client certificate expired at %s.", text);
	} else if (at < from) {
		clock_format(from, text);
		findings_addf(f, SEVERITY_ERROR, "handshake.not-yet", "notBefore", text,
			"The client certificate is not valid before %s.", text);
	}
}

static void add_purpose(X509 *certificate, struct findings *f)
{
	if (X509_check_purpose(certificate, X509_PURPOSE_SSL_CLIENT, 0) != 1)
		findings_add(
			f, "handshake.purpose", "keyUsage, extendedKeyUsage", NULL, NULL);
	ERR_clear_error();
}

/* Nothing here has the issuer's name: was anything sent besides the leaf? OpenSSL says
 * so, unless what it says last is another fault. */
static void add_missing(const char *verify, const char *issuer, struct findings *f)
{
	if (said(verify, X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE))
		findings_addf(f, SEVERITY_ERROR, "handshake.intermediate", "issuer",
			issuer,
			"Leaf only: the certificate of its issuer, %s, was not sent, and "
			"it is not one of the authorities here.",
			issuer);
	else
		findings_addf(f, SEVERITY_ERROR, "handshake.issuer", "issuer", issuer,
			"The issuer, %s, is not one of the authorities here, and what "
			"was sent leads to none of them.",
			issuer);
}

/* verify NULL: nginx found a path, with what was sent along. */
static void add_path(X509 *certificate, const char *verify,
	const STACK_OF(X509) * authorities, struct findings *f)
{
	_cleanup_(freep) char *issuer = pki_name_text(X509_get_issuer_name(certificate));
	enum standing standing = issuer_here(certificate, authorities);

	if (!issuer)
		f->out_of_memory = true;
	else if (standing == ANOTHER_KEY)
		findings_addf(f, SEVERITY_ERROR, "handshake.signature", "issuer", issuer,
			"%s is the name of an authority here, which did not sign the "
			"certificate with the key that is known here.",
			issuer);
	else if (standing == NO_ISSUER && !verify)
		findings_addf(f, SEVERITY_ERROR, "handshake.intermediate-here", "issuer",
			issuer,
			"The certificate of the issuer, %s, was sent along, but the gate "
			"does not have it beside its authorities.",
			issuer);
	else if (standing == NO_ISSUER &&
		 X509_NAME_cmp(X509_get_subject_name(certificate),
			 X509_get_issuer_name(certificate)) == 0)
		findings_add(f, "handshake.self-signed", "issuer", issuer, NULL);
	else if (standing == NO_ISSUER)
		add_missing(verify, issuer, f);
}

/* What only nginx knows, as it saw the whole chain that was sent. */
static void add_rest(const char *verify, struct findings *f)
{
	if (!findings_have(f, "handshake.expired") &&
		!findings_have(f, "handshake.not-yet") &&
		(said(verify, X509_V_ERR_CERT_HAS_EXPIRED) ||
			said(verify, X509_V_ERR_CERT_NOT_YET_VALID)))
		findings_add(f, "handshake.above", "", verify, NULL);
	else if (f->errors == 0)
		findings_add(f, "handshake.other", "", verify, NULL);
}

void diagnosis_make(X509 *certificate, const char *verify,
	const STACK_OF(X509) * authorities, int64_t at, struct findings *findings)
{
	if (!certificate) {
		findings_add(findings,
			strcmp(verify, DIAGNOSIS_NONE) == 0 ? "handshake.none"
							    : "handshake.unreadable",
			"", verify, NULL);
		return;
	}
	add_dates(certificate, at, findings);
	add_path(certificate, verify, authorities, findings);
	add_purpose(certificate, findings);
	add_rest(verify, findings);
}

void diagnosis_refused(X509 *certificate, const char *code, const char *reason,
	const STACK_OF(X509) * authorities, int64_t at, struct findings *findings)
{
	if (strcmp(code, "partner.certificate") != 0 &&
		strcmp(code, "operator.certificate") != 0) {
		findings_add(findings, code, "", NULL, NULL);
		return;
	}
	if (!certificate) {
		findings_add(findings, "handshake.unreadable", "", NULL, NULL);
		return;
	}
	add_dates(certificate, at, findings);
	add_path(certificate, NULL, authorities, findings);
	add_purpose(certificate, findings);
	if (findings->errors == 0)
		findings_addf(findings, SEVERITY_ERROR, "handshake.other", "", reason,
			"The client certificate was not accepted: %s.",
			*reason ? reason : "the gate did not say why");
}
