/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A signature that stands for nothing: by a key made for it, which is gone afterwards,
 * and a certificate that nobody knows; never by a key that anybody keeps.
 */
#ifndef SEALGATE_XADES_TRIAL_H
#define SEALGATE_XADES_TRIAL_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/span.h"

#include <openssl/x509.h>
#include <stdint.h>

#define TRIAL_RSA_BITS 2048
#define TRIAL_VALUE_MAX (TRIAL_RSA_BITS / 8)

enum trial_key { TRIAL_P256, TRIAL_RSA };

struct trial_signer {
	EVP_PKEY *key;
	X509 *certificate;  /* by itself, from a day before now to a day after */
	const char *method; /* of xades/create.h */
};

/* Make key and certificate. Return: 0 or -EIO; release with trial_signer_done either
 * way. */
int trial_signer_make(enum trial_key kind, int64_t now, struct trial_signer *ret);
void trial_signer_done(struct trial_signer *t);

/* Sign a digest of SHA-256: raw r||s for P-256. Return: octets in value, 0 when it did
 * not sign. */
size_t trial_value(
	const struct trial_signer *t, struct span digest, uint8_t value[TRIAL_VALUE_MAX]);

/* Append the XML with an enveloped signature. Return: 0 or -errno. */
int trial_sign(
	const struct trial_signer *t, struct span xml, int64_t now, struct buf *ret);

#endif
