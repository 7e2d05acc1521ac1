/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What publishing CRLs and OCSP responses share: marks that nothing falls below; private
 * to this library, never judges a signature.
 */
#ifndef SEALGATE_TRUST_PUBLISH_PARTS_H
#define SEALGATE_TRUST_PUBLISH_PARTS_H

#include "common/cleanup.h"
#include "common/digest.h"
#include "trust/publish.h"

#include <openssl/bn.h>

#define PUBLISH_CLOCK_SKEW                                                               \
	300 /* seconds that an authority's clock may be ahead of ours */

DEFINE_CLEANUP(BIGNUM *, BN_free)

struct mark {
	char key[SHA256_TEXT_SIZE]; /* of what the octets are the successor of */
	char sha256[SHA256_TEXT_SIZE];
	BIGNUM *number; /* of a CRL; NULL: none */
};

/* Say why not. Return: 0. */
int publish_refuse(struct publish_result *r, const char *why);

/* Put der in force as FOLDER/revocation/FILE unless a mark forbids it. Return: 0 with the
 * outcome, or -errno. */
int publish_file(const char *folder, const char *file, const struct mark *m,
	struct span der, struct publish_result *ret);

#endif
