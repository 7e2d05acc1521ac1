/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A public key as the token holds it, made a key of OpenSSL's own; never a private one.
 */
#ifndef SEALGATE_PKCS11_PUBLIC_KEY_H
#define SEALGATE_PKCS11_PUBLIC_KEY_H

#include "common/digest.h"
#include "pkcs11/module.h"

#include <openssl/evp.h>

/* The public key that stands beside the one private key of a label, by the CKA_ID of that
 * one. *ret_sha256 (or NULL): of its SubjectPublicKeyInfo. Safe beside other threads with
 * sessions of their own. The caller frees. Return: NULL when there is none, or not one.
 */
EVP_PKEY *public_key_read(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session,
	const char *label, char ret_sha256[SHA256_TEXT_SIZE]);

#endif
