/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the signature of a call-back says, as the claims of a JSON Web Token (RFC 7519, by
 * RFC 7515 with ES256), in the one form that is signed; never holds a key, and never the
 * body itself.
 */
#ifndef SEALGATE_COMMON_CALLBACK_CLAIMS_H
#define SEALGATE_COMMON_CALLBACK_CLAIMS_H

#include "common/digest.h"
#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define CALLBACK_VERSION 1
#define CALLBACK_TYPE "sealgate-callback+jwt" /* never that of a receipt or statement */
#define CALLBACK_HEADER "Sealgate-Signature"  /* of HTTP, its value the compact form */
#define CALLBACK_SIGNATURE_SIZE 64	      /* r||s of P-256 */

/* Octets of "PARTNER-CURSOR" with its NUL, of a rehearsal "sandbox:PARTNER-CURSOR": what
 * names a call-back, however often it is made. */
#define CALLBACK_ID_SIZE (PARTNER_NAME_SIZE + 29)

/* Every text is borrowed and must not be NULL. */
struct callback_claims {
	const char *instance; /* iss */
	bool test;
	bool sandbox;	     /* of rehearsals, which have cursors of their own */
	const char *partner; /* aud */
	int64_t cursor;	     /* of the last outcome in the body; with the partner: jti */
	const char *sha256;  /* of the body's octets, hex */
	uint64_t size;	     /* of the body */
	int64_t time;	     /* iat */
	const char *certificate_sha256; /* kid: of its DER, hex, as it is published */
};

/* The id of a call-back: Idempotency-Key and jti. */
void callback_id(
	const char *partner, bool sandbox, int64_t cursor, char ret[CALLBACK_ID_SIZE]);

/* The signing input: BASE64URL(header) "." BASE64URL(claims), both canonical JSON. The
 * caller frees *ret_input. Return: 0, -ENOMEM. */
int callback_signing_input(const struct callback_claims *claims, char **ret_input);

/* The compact form (RFC 7515 7.1) of an input and its signature. The caller frees
 * *ret_jws. Return: 0, -ENOMEM. */
int callback_assemble(const char *input, const uint8_t signature[CALLBACK_SIGNATURE_SIZE],
	char **ret_jws);

#endif
