/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Certificates parsed a moment ago, found again by the SHA-256 of their octets: a
 * partner's documents carry the same few. Never a statement about trust, never more than
 * a few.
 */
#ifndef SEALGATE_PKI_PARSED_H
#define SEALGATE_PKI_PARSED_H

#include "common/span.h"

#include <openssl/x509.h>

/* d2i_X509 over exactly these octets, or a new reference to the same certificate parsed
 * before. NULL when it is not one or octets follow. Safe from any thread. */
X509 *pki_parsed_certificate(struct span der);

/* How often a certificate was found, and how often it had to be decoded, so far. */
struct pki_hits {
	uint64_t found, missed;
};
struct pki_hits pki_parsed_hits(void);

#endif
