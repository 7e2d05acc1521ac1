/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The ASN.1 of an evidence record (RFC 4998 appendix A, implicit tags), as much of it as
 * the form has; private to evidence/record*.c, never what a record means.
 */
#ifndef SEALGATE_EVIDENCE_RECORD_ASN1_H
#define SEALGATE_EVIDENCE_RECORD_ASN1_H

#include "common/cleanup.h"

#include <openssl/asn1t.h>
#include <openssl/x509.h>

DEFINE_STACK_OF(ASN1_OCTET_STRING)

typedef STACK_OF(ASN1_OCTET_STRING) RECORD_HASHES;
DEFINE_STACK_OF(RECORD_HASHES)

typedef struct {
	STACK_OF(RECORD_HASHES) * reduced; /* NULL: the time-stamp is over the document */
	ASN1_STRING *token;		   /* its whole encoding */
} RECORD_STAMP;
DEFINE_STACK_OF(RECORD_STAMP)

typedef STACK_OF(RECORD_STAMP) RECORD_CHAIN;
DEFINE_STACK_OF(RECORD_CHAIN)

typedef struct {
	ASN1_INTEGER *version;
	STACK_OF(X509_ALGOR) * algorithms;
	STACK_OF(RECORD_CHAIN) * sequence;
} RECORD;

DECLARE_ASN1_FUNCTIONS(RECORD_HASHES)
DECLARE_ASN1_FUNCTIONS(RECORD_STAMP)
DECLARE_ASN1_FUNCTIONS(RECORD_CHAIN)
DECLARE_ASN1_FUNCTIONS(RECORD)
DEFINE_CLEANUP(RECORD *, RECORD_free)

#endif
