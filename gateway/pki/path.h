/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Certification paths (RFC 5280 section 6) with revocation (CRL full, delta, indirect;
 * OCSP); never fetches, never treats missing revocation data as good.
 */
#ifndef SEALGATE_PKI_PATH_H
#define SEALGATE_PKI_PATH_H

#include "pki/certificate.h"
#include "pki/material.h"

#include <stdbool.h>
#include <stdint.h>

/* Limits: certificates of a path, chains judged, signatures tried and
 * issuers by name looked at for one request. */
#define PKI_CHAIN_MAX 12
#define PKI_CHAINS_MAX 32u
#define PKI_PROOFS_MAX 256u
#define PKI_CANDIDATES_MAX 1024u

enum pki_purpose {
	PKI_ANY = 0,
	PKI_SIGNING,
	PKI_TIME_STAMPING,
	PKI_TLS_CLIENT,
	PKI_OCSP,
	PKI_TLS_SERVER,
	PKI_DOCUMENTS, /* signing, by a certificate that is not for something else */
};

enum pki_outcome {
	PKI_UNDECIDED = 0,
	PKI_PASSED,
	PKI_NO_PATH,	   /* NO_CERTIFICATE_CHAIN_FOUND */
	PKI_CHAIN_INVALID, /* CERTIFICATE_CHAIN_GENERAL_FAILURE: signature, constraint,
			      lint */
	PKI_CONSTRAINTS,   /* CHAIN_CONSTRAINTS_FAILURE: policy, purpose, key usage */
	PKI_NOT_YET_VALID, /* of the target at the time asked */
	PKI_EXPIRED,	   /* of the target at the time asked */
	PKI_CA_EXPIRED,	   /* of a CA on the path, or not yet valid */
	PKI_REVOKED,	   /* the target, at or before the time asked */
	PKI_REVOKED_CA,
	PKI_NO_REVOCATION_DATA, /* a certificate of the path has none that counts */
	PKI_STALE_REVOCATION,	/* TRY_LATER: all there is, is out of date */
	PKI_WEAK,    /* CRYPTO_CONSTRAINTS_FAILURE: key or algorithm too weak */
	PKI_ON_HOLD, /* TRY_LATER: the target is suspended */
};

/* Whether a signature with this digest ("SHA256", "" for EdDSA) by this key counts at a
 * time. NULL in a request: pki_strength_acceptable of strength.h. */
typedef bool (*pki_strength_fn)(
	void *context, const char *digest, const struct pki_key_info *key, int64_t at);

struct pki_path_request {
	X509 *target;
	const struct pki_material *material;
	int64_t at; /* seconds; validity, revocation and freshness are judged then */
	/* Revocation data issued until then counts too, when later than at: what is
	 * issued after at is fresh for at, and a revocation after at does not concern it.
	 * 0: the same as at. */
	int64_t known_at;
	enum pki_purpose purpose;
	bool skip_revocation; /* only for transport certificates whose CA issues none */
	int64_t revocation_max_age; /* seconds that revocation data may be old, 0: as it
				       says, negative: it is never out of date */
	/* Seconds that CRLs and OCSP responses count beyond their nextUpdate; 0: none. */
	int64_t crl_grace, ocsp_grace;
	bool target_may_be_expired;	/* as at a past best-signature-time */
	const char *const *policy_oids; /* NULL-terminated; NULL: any policy */
	bool explicit_policy;
	bool strict; /* RFC 5280's profile to the letter, lint.c included */
	pki_strength_fn strength;
	void *strength_context;
};

struct pki_path_result {
	enum pki_outcome outcome;
	char *reason; /* one sentence with the certificate it is about; owned */
	/* Target first, anchor last; what was found, may be NULL; owned. */
	STACK_OF(X509) * chain;
	int64_t revoked_at; /* when outcome is PKI_REVOKED or PKI_REVOKED_CA */
	/* With PKI_NO_REVOCATION_DATA and PKI_STALE_REVOCATION: what is wanting is an
	 * OCSP response rather than a CRL. */
	bool wants_ocsp;
	unsigned int work; /* signatures that were tried for it */
};

/* Build and check a path from target to an anchor. A target that is an anchor passes at
 * once within its validity. Of several paths the best counts. EXPIRED and NOT_YET_VALID
 * say that everything else, revocation included, is in order. Return: 0 with *ret_result
 * filled (outcome never UNDECIDED), or negative undecided. Release the result with
 * pki_path_result_done. */
int pki_path_validate(
	const struct pki_path_request *request, struct pki_path_result *ret_result);
void pki_path_result_done(struct pki_path_result *r);

/* EN 319 102-1 word of an outcome: "NO_CERTIFICATE_CHAIN_FOUND", ... "" for passed.
 * Expired means that revocation data was asked and says that it is not revoked. */
const char *pki_outcome_text(enum pki_outcome outcome);

/* Whether it only says that there is no anchor or no revocation data at hand: neither for
 * the target nor against it. */
bool pki_outcome_wanting(enum pki_outcome outcome);

/* Whether documents may be signed with it by its extended key usage (RFC 5280 4.2.1.12):
 * it has none, or one for documents (RFC 9336), for mail, or any. Whoever has a
 * certificate of the same authority for something else, as its time-stamping authority
 * or a TLS server has, makes no seals and no receipts with it. */
bool pki_for_documents(const X509 *certificate);

#endif
