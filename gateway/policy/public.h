/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The part of a policy that partners may have, so that they can check documents as the
 * gate does; never a partner, a signer, a route or a person.
 */
#ifndef SEALGATE_POLICY_PUBLIC_H
#define SEALGATE_POLICY_PUBLIC_H

#include "common/digest.h"
#include "policy/bundle.h"

/* Names the policy that a public part is of: its first file, "sha256 DIGEST\n". */
#define POLICY_PUBLIC_OF "POLICY"

/* The public part of the policy in a folder whose digest (policy_digest) is given, as a
 * bundle of version 0. *ret_error: one line, the caller frees. Return: 0, -EINVAL,
 * -errno. */
int policy_public(const char *policies, const char *digest, struct bundle *ret_bundle,
	char **ret_error);

/* The digest of the policy that a bundle is the public part of.
 * Return: 0, or -EINVAL when it is none. */
int policy_public_of(const struct bundle *b, char ret_digest[SHA256_TEXT_SIZE]);

#endif
