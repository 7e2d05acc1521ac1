/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A public key of its numbers; never a private one.
 */
#ifndef SEALGATE_PKI_PUBLIC_KEY_H
#define SEALGATE_PKI_PUBLIC_KEY_H

#include <openssl/evp.h>
#include <openssl/param_build.h>

/* A key of a TYPE as OpenSSL calls it ("RSA", "DSA", "EC") from its VALUES by OpenSSL's
 * names. Return: the key, which the caller frees, or NULL: they make none. */
EVP_PKEY *pki_public_key(const char *type, OSSL_PARAM_BLD *values);

#endif
