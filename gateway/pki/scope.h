/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which certificates and reasons a CRL speaks about (RFC 5280 6.3.3 (b), (c)); never who
 * signed it or when.
 */
#ifndef SEALGATE_PKI_SCOPE_H
#define SEALGATE_PKI_SCOPE_H

#include <openssl/x509.h>
#include <stdbool.h>

/* Bits of ReasonFlags as OpenSSL numbers them, all of them. */
#define PKI_ALL_REASONS 0x807fu

/* True when a complete CRL covers the certificate; *ret_reasons are those it covers. */
bool pki_scope_covers(X509 *x, X509_CRL *crl, unsigned int *ret_reasons);

/* True when delta is a delta CRL that may be combined with the complete CRL base
 * (RFC 5280 5.2.4). */
bool pki_delta_fits(X509_CRL *base, X509_CRL *delta);

#endif
