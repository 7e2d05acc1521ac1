/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The subject of a certificate request, as a person types it; never decides who may have
 * it.
 */
#ifndef SEALGATE_PKCS11_SUBJECT_H
#define SEALGATE_PKCS11_SUBJECT_H

#include "common/cleanup.h"

#include <openssl/x509.h>

#define SUBJECT_MAX 512 /* octets of its text */
#define SUBJECT_WHY_SIZE 160

DEFINE_CLEANUP(X509_NAME *, X509_NAME_free)

/* "C=EU,O=Gate,CN=Seal 1", or with '/' before each. A comma, a slash or a backslash of a
 * value has a backslash before it. Known attributes only, each once (OU: several), a CN
 * among them, values of printable UTF-8 within the bounds of X.520. The caller frees.
 * Return: NULL with ret_why, what is wrong with it. */
X509_NAME *subject_parse(const char *text, char ret_why[SUBJECT_WHY_SIZE]);

#endif
