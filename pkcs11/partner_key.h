/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A partner's own key on a PKCS#11 token, for `sealgate sign`; never a key of the gate,
 * whose token only the signer opens.
 */
#ifndef SEALGATE_PKCS11_PARTNER_KEY_H
#define SEALGATE_PKCS11_PARTNER_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#define PARTNER_KEY_TEXT_SIZE 200

/* True when a name is a PKCS#11 URI ("pkcs11:") rather than a file. */
bool partner_key_is_uri(const char *name);

/* Open the key that a PKCS#11 URI names (RFC 7512): token and object are labels, id may
 * stand for object; module-path names the module (default p11-kit's proxy of all that the
 * machine knows), pin-value or pin-source=file:PATH the PIN, which is otherwise asked for
 * on the terminal. A wrong PIN is never tried twice. The token stays open for the
 * process's life. The caller frees *ret_key. Return: 0, -EINVAL no such URI, -ENODEV the
 * module or token, -EACCES the PIN, -ENOENT the key; ret_text says what. */
int partner_key_open(
	const char *uri, EVP_PKEY **ret_key, char ret_text[PARTNER_KEY_TEXT_SIZE]);

#endif
