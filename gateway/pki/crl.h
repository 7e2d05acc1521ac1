/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A single CRL (RFC 5280 section 5): reading it and judging it by itself; never the path
 * of its issuer, which is path.h's.
 */
#ifndef SEALGATE_PKI_CRL_H
#define SEALGATE_PKI_CRL_H

#include "common/cleanup.h"
#include "common/span.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

DEFINE_CLEANUP(X509_CRL *, X509_CRL_free)
DEFINE_CLEANUP(ISSUING_DIST_POINT *, ISSUING_DIST_POINT_free)

/* Octets of a CRL that is read at all. */
#define PKI_CRL_MAX (64u * 1024 * 1024)

/* Parse exactly one DER CRL; NULL when it is not one or octets follow. */
X509_CRL *pki_crl_parse(struct span der);

/* The time of expiredCertsOnCRL (X.509 8.5.2.12), from when on certificates that expired
 * stay on the CRL; INT64_MAX when the CRL does not say. */
int64_t pki_crl_expired_from(const X509_CRL *crl);

/* Check what the CRL alone must fulfil: version, times, number, extensions of the list
 * and of every entry that are critical and unknown, contradictory scope. Return: NULL
 * when clean, else a constant sentence. */
const char *pki_crl_fault(X509_CRL *crl);

/* True unless a key usage extension lacks cRLSign. */
bool pki_may_sign_crls(X509 *issuer);

/* Verify the signature and judge the CRL at a time, as `sealgate trust crl` does.
 * *ret_reason is a constant sentence, "" when good.
 * Return: 1 good, 0 not, negative undecided. */
int pki_crl_verify(X509_CRL *crl, X509 *issuer, int64_t at, const char **ret_reason);

#endif
