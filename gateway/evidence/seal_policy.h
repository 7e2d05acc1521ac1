/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a seal of the gate states about itself: commitment, seal policy, signer role;
 * never the signature policy by which signatures are judged.
 */
#ifndef SEALGATE_EVIDENCE_SEAL_POLICY_H
#define SEALGATE_EVIDENCE_SEAL_POLICY_H

#include "common/digest.h"

#include <stdbool.h>

/* Signature/@Id of a seal is this and the document's id. */
#define SEAL_ID_PREFIX "seal-"

#define SEAL_COMMITMENT "urn:sealgate:commitment:received-and-validated:1"

/* The text of the newest policy, below policies/. */
#define SEAL_POLICY_FILE "policies/signature/seal-policy.txt"

/* A version of the seal policy: policies/signature/seal-policy.txt as it was then. */
struct seal_policy {
	const char *id;
	uint8_t sha256[SHA256_SIZE];
	bool level_b; /* a seal may say that it is at level B */
};

/* The version that new seals name. */
const struct seal_policy *seal_policy_current(void);

/* A version by its identifier, also one of the past, or NULL. */
const struct seal_policy *seal_policy_find(const char *id);

/* The claimed role of an instance's seal; level_b: of one that may be without a
 * time-stamp of its own. The caller frees; NULL when memory ran out. */
char *seal_role(const char *instance, bool test, bool level_b);

/* The claimed role of an instance's receipts as XML. As above. */
char *receipt_role(const char *instance, bool test);

/* True when a role is one of a test instance; of a seal that may be at level B. */
bool seal_role_is_test(const char *role);
bool seal_role_is_level_b(const char *role);

#endif
