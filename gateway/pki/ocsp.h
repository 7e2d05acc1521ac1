/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A single OCSP response (RFC 6960): reading it, finding the certificate's answer in it
 * and who may have signed it; never fetches one.
 */
#ifndef SEALGATE_PKI_OCSP_H
#define SEALGATE_PKI_OCSP_H

#include "common/cleanup.h"
#include "common/span.h"

#include <openssl/ocsp.h>

DEFINE_CLEANUP(OCSP_BASICRESP *, OCSP_BASICRESP_free)

/* Octets of an OCSP response that is read at all. */
#define PKI_OCSP_MAX (1024u * 1024)

/* Parse exactly one DER OCSPResponse of status successful, or one BasicOCSPResponse; NULL
 * when it is neither or octets follow. */
OCSP_BASICRESP *pki_ocsp_parse(struct span der);

/* Zeroed: no answer. */
enum pki_ocsp_status { PKI_OCSP_GOOD = 1, PKI_OCSP_REVOKED, PKI_OCSP_UNKNOWN };

struct pki_ocsp_answer {
	enum pki_ocsp_status status;
	int64_t this_update;
	int64_t next_update; /* INT64_MAX when absent */
	int64_t produced_at;
	int64_t revoked_at; /* of PKI_OCSP_REVOKED */
	int reason;	    /* CRLReason, -1 when absent */
};

/* The answer about certificate as issued by issuer: both hashes and the serial number of
 * the CertID match. Return: 1 found, 0 not, negative undecided. */
int pki_ocsp_answer(OCSP_BASICRESP *response, X509 *certificate, X509 *issuer,
	struct pki_ocsp_answer *ret_answer);

/* Find who signed the response among issuer, its own certificates and two further lists
 * (each may be NULL), and check the signature. *ret_signer is borrowed.
 * Return: 1 signature proven, 0 not, -E2BIG when there are more candidates than are tried
 * and none of those tried signed, negative undecided. */
int pki_ocsp_signer(OCSP_BASICRESP *response, X509 *issuer, const STACK_OF(X509) * more,
	const STACK_OF(X509) * even_more, X509 **ret_signer);

/* True when signer may answer for certificates of issuer: it is the issuer, or issuer
 * issued it with the extended key usage OCSPSigning (RFC 6960 4.2.2.2). */
bool pki_ocsp_delegated(X509 *signer, X509 *issuer);

/* Judge a response with nothing but the issuer at a time, as `sealgate trust ocsp` does.
 * certificate may be NULL: every answer in it must be fresh and of this issuer.
 * *ret_reason is a constant sentence, "" when good.
 * Return: 1 signed, fresh and good, 0 not, negative undecided. */
int pki_ocsp_verify(OCSP_BASICRESP *response, X509 *issuer, X509 *certificate, int64_t at,
	const char **ret_reason);

#define PKI_OCSP_NONCE_SIZE 32

DEFINE_CLEANUP(OCSP_REQUEST *, OCSP_REQUEST_free)

/* A question about a certificate, with a nonce. Return: 0 with *ret_request
 * (OCSP_REQUEST_free) or negative. */
int pki_ocsp_request(
	const X509 *certificate, const X509 *issuer, OCSP_REQUEST **ret_request);

enum pki_ocsp_nonce {
	PKI_OCSP_NONCE_OTHER = 0,
	PKI_OCSP_NONCE_ABSENT, /* as responders do that sign in advance */
	PKI_OCSP_NONCE_SAME,
};

enum pki_ocsp_nonce pki_ocsp_nonce(OCSP_REQUEST *request, OCSP_BASICRESP *response);

#endif
