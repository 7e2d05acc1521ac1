/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What JSON Web Signatures of the gate have in common (RFC 7515, ES256): a key's
 * verifier, a signature, a part as JSON; never decides whose key it is.
 */
#ifndef SEALGATE_EVIDENCE_JWS_H
#define SEALGATE_EVIDENCE_JWS_H

#include "common/cleanup.h"
#include "common/json.h"
#include "common/span.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#define JWS_SIGNATURE_SIZE 64 /* r||s of P-256 */

DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)

/* To verify ES256 with the certificate's key; NULL for a key of another algorithm. */
EVP_PKEY_CTX *jws_verifier(const X509 *signer);

/* Does raw, r||s of len octets, verify over input? verifier may be NULL: then not.
 * Return: 1 yes, 0 no, negative undecided. */
int jws_check(EVP_PKEY_CTX *verifier, struct span input, const uint8_t *raw, size_t len);

/* The JSON in one part, base64url: a new reference or NULL. */
json_t *jws_json(const char *text);

#endif
