/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The receipt: what the gate promises a partner, as a flattened JSON Web Signature (RFC
 * 7515, ES256) that convinces without the gate; never holds a key, never signs by itself.
 */
#ifndef SEALGATE_EVIDENCE_RECEIPT_H
#define SEALGATE_EVIDENCE_RECEIPT_H

#include "common/digest.h"
#include "common/json.h"
#include "common/span.h"
#include "pki/certificate.h"
#include "pki/path.h"

#include <stdbool.h>

#define RECEIPT_VERSION 1
#define RECEIPT_TYPE "sealgate-receipt+jws"
#define STATEMENT_VERSION 1
#define STATEMENT_TYPE "sealgate-status+jws" /* one can never be taken for the other */
#define RECEIPT_SIGNATURE_SIZE 64	     /* r||s of P-256 */

/* What a receipt says; every text is borrowed and must not be NULL. */
struct receipt_claims {
	const char *instance;
	bool test; /* the receipt then says that it proves nothing outside tests */
	const char *id;
	const char *partner;
	const char *sha256; /* of the document's octets, hex */
	uint64_t size;
	int64_t received;
	const char *state; /* "accepted", "held" or "sandbox" */
	/* A rehearsal: the receipt says so, and what the gate would have decided. */
	bool sandbox;
	const char *decision;	 /* of a rehearsal: "accepted" or "held" */
	const char *hold_reason; /* "" unless held */
	int64_t held_until;
	const char *type;
	const char *number;
	const char *status;
	const char *country;
	const char *import_country;
	const char *policy_digest;
	const char *store_version;
	const char *audit_record_sha256;
	uint32_t warnings;
};

/* Whose certificate receipts are signed with: made once, used for many, by one thread at
 * a time. */
struct receipt_signer;

/* certificates: concatenated DER, the signer's first; all go into the header (x5c).
 * Return: 0, -EINVAL for certificates that are none, -ENOMEM. */
int receipt_signer_new(struct span certificates, struct receipt_signer **ret_signer);
void receipt_signer_free(struct receipt_signer *signer);

/* The JWS signing input: BASE64URL(protected) "." BASE64URL(claims), both canonical JSON.
 * The caller frees *ret_input. Return: 0, -ENOMEM. */
int receipt_signing_input(const struct receipt_claims *claims,
	const struct receipt_signer *signer, char **ret_input);

/* The same of a statement about what the gate held: claims is an object with the member
 * "statement", STATEMENT_VERSION. */
int statement_signing_input(
	const json_t *claims, const struct receipt_signer *signer, char **ret_input);

/* Does the signature of 64 octets over input verify with the signer's certificate?
 * Return: 1 yes, 0 no, negative undecided. */
int receipt_signature_check(const char *input, const struct receipt_signer *signer,
	const uint8_t *signature, size_t signature_len);

/* The finished receipt: {"payload","protected","signature"}. The caller frees *ret_text.
 * Return: 0, -EINVAL for an input without its dot, -ENOMEM. */
int receipt_assemble(const char *input, const uint8_t signature[RECEIPT_SIGNATURE_SIZE],
	char **ret_text);

/* The same in compact serialisation, "protected.payload.signature" (RFC 7515 7.1). The
 * caller frees. Return: 0, -EINVAL for a text that is no receipt, -ENOMEM. */
int receipt_compact(struct span text, char **ret_compact);

/* The claims of a receipt without any check of its signature: a new reference or NULL. */
json_t *receipt_claims_read(struct span text);

enum receipt_outcome {
	RECEIPT_UNDECIDED = 0,
	RECEIPT_PASSED,
	RECEIPT_MALFORMED,
	RECEIPT_SIGNATURE_WRONG,
	RECEIPT_PATH, /* see path.outcome */
};

struct receipt_result {
	enum receipt_outcome outcome;
	char *reason;	/* one sentence; owned */
	json_t *claims; /* from RECEIPT_PATH on; owned */
	X509 *signer;	/* owned; may be NULL */
	struct pki_path_result path;
};

/* By what, and as at when, the path of a signer is judged. */
struct receipt_context {
	const struct pki_material *material;
	int64_t at;
	int64_t known_at; /* as of pki_path_request; 0: the same as at */
};

/* Verify a receipt of at most LIMIT_RECEIPT octets: form, signature, path of its signer
 * at `at` to an anchor of material. Return: 0 with *ret_result filled, negative
 * undecided. Release the result with receipt_result_done. */
int receipt_verify_in(struct span text, const struct receipt_context *context,
	struct receipt_result *ret_result);
int statement_verify_in(struct span text, const struct receipt_context *context,
	struct receipt_result *ret_result);

/* The same with nothing known that is later than `at`. */
int receipt_verify(struct span text, const struct pki_material *material, int64_t at,
	struct receipt_result *ret_result);
int statement_verify(struct span text, const struct pki_material *material, int64_t at,
	struct receipt_result *ret_result);
void receipt_result_done(struct receipt_result *r);

#endif
