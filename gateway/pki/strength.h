/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The floor below which a key or a digest proves nothing at a time; never the signature
 * policy, which is data and may only be stricter.
 */
#ifndef SEALGATE_PKI_STRENGTH_H
#define SEALGATE_PKI_STRENGTH_H

#include "pki/certificate.h"

/* Digest ("SHA256", "" when the scheme has none) and key at a time in seconds; context is
 * unused. The dates are those after which ETSI TS 119 312 no longer recommends them. */
bool pki_strength_acceptable(
	void *context, const char *digest, const struct pki_key_info *key, int64_t at);

/* The digest of a certificate's signature: "SHA256", "" when the scheme has none,
 * "unknown". Reads the parameters of RSASSA-PSS. */
void pki_signature_digest(const X509 *certificate, char ret_name[16]);

/* The same of any signature algorithm. */
void pki_algorithm_digest(const X509_ALGOR *algorithm, char ret_name[16]);

/* Name of a digest by OpenSSL's number: "SHA256", "unknown". */
const char *pki_digest_name(int nid);

#endif
