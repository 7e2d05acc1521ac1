/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A PIN under a key that is not on the disk: AES-256-GCM of OpenSSL over a block of fixed
 * length, so that the length of the PIN is not seen; never keeps either.
 */
#ifndef SEALGATE_PKCS11_VAULT_H
#define SEALGATE_PKCS11_VAULT_H

#include "common/span.h"
#include "pkcs11/pin.h"

#include <stdint.h>

#define VAULT_KEY_SIZE 32
#define VAULT_NONCE_SIZE 12
#define VAULT_SIZE (VAULT_NONCE_SIZE + PIN_SIZE + 16)

/* about: what the PIN is bound to, without which it does not open again.
 * Return: 0 or -EIO. */
int vault_close(const uint8_t key[VAULT_KEY_SIZE], struct span about, const char *pin,
	uint8_t ret_closed[VAULT_SIZE]);

/* Return: 0, -EKEYREJECTED (another key, or altered), -EIO. Wipe the PIN after use. */
int vault_open(const uint8_t key[VAULT_KEY_SIZE], struct span about,
	const uint8_t closed[VAULT_SIZE], char ret_pin[PIN_SIZE]);

#endif
