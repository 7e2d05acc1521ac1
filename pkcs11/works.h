/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What people have the running signer do at its token: look at it, try it, keys,
 * requests, certificates, who opens the PIN; never asks who may, and signs no digest for
 * anybody.
 */
#ifndef SEALGATE_PKCS11_WORKS_H
#define SEALGATE_PKCS11_WORKS_H

#include "common/buf.h"
#include "pkcs11/sign.h"

struct works {
	const struct instance *instance;
	struct signing *signing;
	uid_t uid; /* of who asks, on the machine */
};

/* Do what is ordered, unless the audit chain could not be told (pkcs11/key_events.h),
 * with what is given along (SIGNER_GIVEN_MAX octets; empty for most). ret_text, not yet
 * initialised, gets what people are told: the outcome, or what is wrong and what mends
 * it. Return: SIGNER_SIGNED done, SIGNER_REFUSED, SIGNER_AWAY (no token, or not active).
 */
enum signer_answer works_do(const struct works *w, const struct signer_order *order,
	struct span given, struct buf *ret_text);

#endif
