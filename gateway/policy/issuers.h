/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signers that are enrolled by who issued their certificate; never asks whether a path is
 * valid.
 */
#ifndef SEALGATE_POLICY_ISSUERS_H
#define SEALGATE_POLICY_ISSUERS_H

#include "policy/policy.h"

#include <openssl/x509.h>

/* The enrolment by issuer of a signer whose path is given (NULL: none was found), or
 * NULL. It counts only when the path was proven. */
const struct partner_signer *policy_issued(
	const struct partner *partner, const X509 *signer, const STACK_OF(X509) * chain);

/* Was the certificate taken off, whoever issued it? */
bool policy_removed(const struct partner *partner, const char *sha256);

#endif
