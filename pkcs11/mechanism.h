/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One signature by a session of the token, and its check by the public key; never hands
 * out a value that did not verify.
 */
#ifndef SEALGATE_PKCS11_MECHANISM_H
#define SEALGATE_PKCS11_MECHANISM_H

#include "common/span.h"
#include "pkcs11/role.h"

#include <p11-kit/pkcs11.h>

/* Sign a digest. ret_value receives at most SIGNER_VALUE_MAX octets, ECDSA as r||s.
 * Return: the module's answer. */
CK_RV mechanism_sign(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
	const struct mechanism *m, struct span digest, uint8_t *ret_value,
	size_t *ret_len);

/* True when value is the mechanism's signature of the digest under the public key. */
bool mechanism_verify(
	const struct mechanism *m, EVP_PKEY *key, struct span digest, struct span value);

/* The same value as DER, as certificates and requests carry it: ECDSA becomes a SEQUENCE,
 * RSA stays. Return: length or -EINVAL. */
int mechanism_der(
	const struct mechanism *m, struct span value, uint8_t *ret_der, size_t size);

/* The digest of a trial signature: the hash of a fixed sentence, so that such a signature
 * proves nothing of any document. Return: 0 or -EIO. */
int trial_digest(const struct mechanism *m, uint8_t ret_digest[SIGNER_DIGEST_MAX]);

#endif
