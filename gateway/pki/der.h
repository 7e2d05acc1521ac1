/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Small helpers over ASN.1 that several files of this library need; never a parser of
 * certificates or CRLs of our own.
 */
#ifndef SEALGATE_PKI_DER_H
#define SEALGATE_PKI_DER_H

#include "common/span.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

/* True when der is one element of definite length and nothing follows it. */
bool pki_der_exact(struct span der);

/* A time in seconds since 1970. Return: 0 or -EINVAL. */
int pki_asn1_time(const ASN1_TIME *t, int64_t *ret_t);

/* The extension of a dotted object identifier that OpenSSL has no number for. NULL when
 * absent. */
const X509_EXTENSION *pki_extension_find(
	const STACK_OF(X509_EXTENSION) * list, const char *oid);

#endif
