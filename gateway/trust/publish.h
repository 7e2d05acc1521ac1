/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Publishing CRLs and OCSP responses for the programs that judge by them: proven first,
 * whole or not at all, and never an older one over a newer, not even after the newer one
 * was taken away; never fetches.
 */
#ifndef SEALGATE_TRUST_PUBLISH_H
#define SEALGATE_TRUST_PUBLISH_H

#include "pki/ocsp.h"

#include <openssl/x509.h>
#include <stdint.h>

enum publish_outcome {
	PUBLISH_UNDECIDED = 0,
	PUBLISH_DONE,	   /* it is in force */
	PUBLISH_UNCHANGED, /* it was already */
	PUBLISH_REFUSED,   /* what was in force stays; reason says why */
};

struct publish_result {
	enum publish_outcome outcome;
	char reason[200];
	int64_t this_update, next_update; /* of the CRL; 0 when it could not be read */
};

/* Publish a complete CRL (DER or PEM) that issuer must have signed as
 * FOLDER/revocation/NAME.crl. The highest CRL number and thisUpdate of every issuer and
 * scope are kept in FOLDER/marks.json: below them, with the same number and other octets,
 * from the future, out of date or faulty by RFC 5280 it is refused. Return: 0 with
 * *ret_result, -errno: could not be written. */
int trust_publish_crl(const char *folder, const char *name, struct span octets,
	X509 *issuer, int64_t now, struct publish_result *ret_result);

/* What an OCSP response answers. */
struct publish_question {
	X509 *certificate, *issuer;
	OCSP_REQUEST *request; /* as it was asked */
	bool nonce_demanded;   /* else a response without one counts, too */
};

/* Publish a response (DER) as FOLDER/revocation/NAME.ocsp: signed by the issuer or whom
 * it delegated, about the certificate, good or revoked, in date, with the nonce, and not
 * older than one that was published. Return: as trust_publish_crl. */
int trust_publish_ocsp(const char *folder, const char *name, struct span octets,
	const struct publish_question *q, int64_t now, struct publish_result *ret_result);

#endif
