/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The key of `sealgate sign` behind one function, so that it can be in a file or
 * elsewhere; never chooses what is signed.
 */
#ifndef SEALGATE_CTL_SIGN_KEY_H
#define SEALGATE_CTL_SIGN_KEY_H

#include "common/cleanup.h"
#include "common/span.h"

#include <openssl/evp.h>

/* Sign a digest by a method of xades/create.h ("ecdsa-sha256"): raw r||s for ECDSA. The
 * caller frees *ret_value. Return: 0 or negative. */
typedef int (*sign_fn)(void *key, const char *method, struct span digest,
	uint8_t **ret_value, size_t *ret_len);

/* Read a private key in PEM, or open that of a PKCS#11 URI (pkcs11/partner_key.h); NULL
 * with a complaint on standard error. */
EVP_PKEY *sign_key_read(const char *path);

/* The method that fits a key: RSA "rsa-sha256", P-256 "ecdsa-sha256", ... or NULL. */
const char *sign_key_method(const EVP_PKEY *key);

/* A sign_fn over an EVP_PKEY. */
int sign_with_pkey(void *key, const char *method, struct span digest, uint8_t **ret_value,
	size_t *ret_len);

#endif
