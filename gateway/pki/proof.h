/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signatures of CAs over certificates and CRLs, each proven once a process: a bounded
 * memory of what was proven, never of what failed and never of a signer's or a document's
 * signature.
 */
#ifndef SEALGATE_PKI_PROOF_H
#define SEALGATE_PKI_PROOF_H

#include "common/digest.h"

#include "pki/parsed.h"

#include <openssl/x509.h>

/* Verify certificate's signature with the issuer's key; keep remembers it.
 * Return: 1 proven, 0 wrong, negative undecided. */
int pki_proof_certificate(X509 *certificate, X509 *issuer, bool keep);

/* Verify a CRL's signature with the issuer's key and the rules of pki_crl_fault; sha256
 * is of its DER encoding. Return: as above. */
int pki_proof_crl(X509_CRL *crl, const uint8_t sha256[SHA256_SIZE], X509 *issuer);

/* Forget everything. */
void pki_proof_forget(void);

/* How often a proof was found, and how often a signature had to be verified, so far. */
struct pki_hits pki_proof_hits(void);

#endif
