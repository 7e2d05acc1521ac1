/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who stands for a bundle: detached CMS signatures (RFC 5652) beside it,
 * BUNDLE.DIGEST16.p7s, by policy officers whom the policy in force names; never trusts
 * what the bundle says of itself.
 */
#ifndef SEALGATE_CTL_CONSENT_H
#define SEALGATE_CTL_CONSENT_H

#include "common/span.h"
#include "policy/policy.h"

#include <limits.h>

#define CONSENT_MAX 8
#define CONSENT_NEEDED 2

struct consent {
	struct {
		char name[64];	     /* of the policy in force */
		char path[PATH_MAX]; /* of the signature; "": there is none */
	} people[CONSENT_MAX];
	size_t count;
};

/* Sign the octets and write the signature beside the bundle. Return: 0 or negative after
 * a complaint on standard error. */
int consent_sign(
	const char *bundle, struct span octets, const char *key, const char *certificate);

/* Every signature beside the bundle that is a valid one, by different policy officers of
 * the policy and with different keys; a signature that does not count is said on standard
 * error. Return: 0 or -errno. */
int consent_read(const char *bundle, struct span octets, const struct policy *policy,
	struct consent *ret_consent);

#endif
