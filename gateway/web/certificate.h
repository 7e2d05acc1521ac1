/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The client certificate that nginx verified, read and verified again; never an identity
 * by itself: whose certificate it is, policy says.
 */
#ifndef SEALGATE_WEB_CERTIFICATE_H
#define SEALGATE_WEB_CERTIFICATE_H

#include "common/digest.h"
#include "common/scgi.h"
#include "pki/path.h"

/* Undo the URL escaping of nginx ($ssl_client_escaped_cert) and parse exactly one PEM
 * certificate. NULL when it is not one. */
X509 *web_certificate_parse(const char *escaped);

/* Is it none because it is longer than what is looked at? */
bool web_certificate_too_large(const char *escaped);

/* What a listener demands of revocation data. */
enum web_revocation {
	WEB_REVOCATION_REQUIRED = 0, /* fresh data must speak about the certificate */
	WEB_REVOCATION_IF_PRESENT,   /* an authority without CRLs at hand is let pass */
};

/* "required", "if-present". Return: 0 or -EINVAL. */
int web_revocation_parse(const char *word, enum web_revocation *ret_revocation);

struct web_certificate {
	char sha256[SHA256_TEXT_SIZE];
	int64_t until;		     /* notAfter */
	struct pki_path_result path; /* to the authorities of the listener */
};

/* Read CLIENT_CERTIFICATE of a request and verify it at `at` against the listener's
 * authorities. Release with web_certificate_done.
 * Return: 1 good, 0 not (path.outcome PKI_UNDECIDED: there was none that could be read),
 * negative undecided. */
int web_certificate_check(const struct scgi_request *scgi,
	const struct pki_material *authorities, enum web_revocation revocation,
	int64_t at, struct web_certificate *ret);
void web_certificate_done(struct web_certificate *c);

#endif
