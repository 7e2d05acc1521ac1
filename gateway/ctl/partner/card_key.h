/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The key of a client certificate on a smart card or another PKCS#11 token, opened once a
 * process; never asks for a PIN twice.
 */
#ifndef SEALGATE_CTL_CARD_KEY_H
#define SEALGATE_CTL_CARD_KEY_H

#include <openssl/evp.h>
#include <stddef.h>

/* The key of a PKCS#11 URI (pkcs11/partner_key.h), which stays this module's: *ret_key is
 * NULL for what is no URI. Return: 0, or negative with a line for people in ret_text,
 * -ENAMETOOLONG for a URI of more than 511 octets. */
int card_key(const char *name, EVP_PKEY **ret_key, char *ret_text, size_t size);

#endif
