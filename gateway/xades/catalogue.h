/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The algorithms of XML signatures by URI, and the catalogue (data) that says until when
 * each is taken as proof; never decides whether a signature is right.
 */
#ifndef SEALGATE_XADES_CATALOGUE_H
#define SEALGATE_XADES_CATALOGUE_H

#include "common/digest.h"
#include "pki/certificate.h"
#include "xades/validate.h"

#include <openssl/evp.h>

struct digest_method {
	const char *uri;
	const char *name; /* of the catalogue and of OpenSSL */
};

enum method_key { METHOD_RSA, METHOD_RSA_PSS, METHOD_EC, METHOD_EDDSA, METHOD_DSA };

struct signature_method {
	const char *uri;
	const char *name; /* "rsa-sha256": short, for plans and reports */
	enum method_key key;
	const char *digest; /* name, or NULL: part of the scheme or of its parameters */
};

/* The method of a URI, or NULL. */
const struct digest_method *digest_method_find(const char *uri);
const struct signature_method *signature_method_find(const char *uri);

/* By name: "SHA256", "ecdsa-sha256". */
const struct digest_method *digest_method_named(const char *name);
const struct signature_method *signature_method_named(const char *name);

/* Read the catalogue that was compiled in. Return: 0 or -EINVAL. */
int catalogue_setup(void);

/* True when the digest (by name) counts as proof at a time; for the gate profile also
 * when the profile allows it. */
bool catalogue_digest(enum xades_profile profile, const char *name, int64_t at);

/* True when a key counts as proof at a time. pss: used with RSASSA-PSS. */
bool catalogue_key(
	enum xades_profile profile, const struct pki_key_info *key, bool pss, int64_t at);

/* Both, as pki_path_validate asks for the certificates of a path. context: the profile.
 */
bool catalogue_strength(
	void *context, const char *digest, const struct pki_key_info *key, int64_t at);

/* True when a DigestInfo without NULL is taken in this profile. */
bool catalogue_digestinfo_without_null(enum xades_profile profile);

#endif
