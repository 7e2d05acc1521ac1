/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * RFC 3161 time-stamp requests and tokens; never talks to a time-stamping authority.
 */
#ifndef SEALGATE_PKI_TOKEN_H
#define SEALGATE_PKI_TOKEN_H

#include "common/span.h"
#include "pki/path.h"

enum token_outcome {
	TOKEN_UNDECIDED = 0,
	TOKEN_PASSED,
	TOKEN_MALFORMED,	/* FORMAT_FAILURE */
	TOKEN_IMPRINT_MISMATCH, /* HASH_FAILURE */
	TOKEN_SIGNATURE_WRONG,	/* SIG_CRYPTO_FAILURE, wrong ESSCertID or EKU included */
	TOKEN_PATH,		/* see path.outcome */
};

struct token_result {
	enum token_outcome outcome;
	char *reason;		   /* owned */
	int64_t gen_time;	   /* seconds; valid from TOKEN_IMPRINT_MISMATCH on */
	char digest_name[16];	   /* of the imprint: "SHA256" */
	char signature_digest[16]; /* of the token's own signature */
	struct pki_key_info key;   /* of its signer */
	char *policy;		   /* dotted identifier; owned, may be NULL */
	char *serial;		   /* as pki_serial_text; owned, may be NULL */
	X509 *signer;		   /* owned; may be NULL */
	struct pki_path_result path;
};

/* Verify a TimeStampToken (CMS SignedData, DER) over data: format, imprint, signature,
 * ESSCertID(V2), critical sole EKU timeStamping, then the path of its signer at `at` with
 * material plus the token's own certificates. data.data NULL: the imprint is not
 * compared. Return: 0 with *ret_result filled, negative undecided. */
int token_verify(struct span token, struct span data, const struct pki_material *material,
	int64_t at, struct token_result *ret_result);
void token_result_done(struct token_result *r);

/* As token_verify with everything that can be asked of the signer's path. */
struct token_context {
	const struct pki_material *material;
	int64_t at;
	int64_t known_at;
	bool target_may_be_expired;
	bool skip_revocation;
	int64_t revocation_max_age; /* as in a path's request */
	bool strict;
	pki_strength_fn strength;
	void *strength_context;
};
int token_verify_in(struct span token, struct span data,
	const struct token_context *context, struct token_result *ret_result);

/* The same without the path: PASSED says that the token is intact, nothing about who made
 * it. material may be NULL; it only serves to find a signer that the token does not
 * carry. */
int token_inspect(struct span token, struct span data,
	const struct pki_material *material, struct token_result *ret_result);

/* EN 319 102-1 word of a result: "HASH_FAILURE", ... "" for passed. */
const char *token_outcome_text(const struct token_result *r);

/* Build a TimeStampReq over a SHA-256 digest with a nonce and certReq; the caller frees
 * *ret_der. Return: 0 or negative. */
int token_request(
	const uint8_t digest[32], uint64_t nonce, uint8_t **ret_der, size_t *ret_len);

/* The same that asks for a policy (dotted identifier; NULL: the authority chooses).
 * Return: also -EINVAL for a policy that is none. */
int token_request_for(const uint8_t digest[32], uint64_t nonce, const char *policy,
	uint8_t **ret_der, size_t *ret_len);

/* Why a TimeStampResp is no grant. */
enum token_refusal {
	TOKEN_REFUSAL_NONE = 0, /* it is a grant, or no response at all */
	TOKEN_REFUSAL_NOW, /* systemFailure, timeNotAvailable, waiting: ask again later */
	TOKEN_REFUSAL_ALWAYS, /* as long as it is asked like this: bad algorithm, policy
			       */
};
enum token_refusal token_refusal_of(struct span response);

/* Check a TimeStampResp against the request's digest and nonce and take the token out of
 * it; the caller frees *ret_token. *ret_reason (owned by the caller) says why not.
 * Return: 1 granted, 0 refused or wrong, negative undecided. */
int token_response(struct span response, const uint8_t digest[32], uint64_t nonce,
	uint8_t **ret_token, size_t *ret_len, char **ret_reason);

#endif
