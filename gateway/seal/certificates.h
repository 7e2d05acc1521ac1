/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The seal's certificates as the signer gives them, kept for a while; never judges them.
 */
#ifndef SEALGATE_SEAL_CERTIFICATES_H
#define SEALGATE_SEAL_CERTIFICATES_H

#include "common/span.h"

#include <openssl/x509.h>
#include <stdint.h>

#define CERTIFICATES_MAX 8
#define CERTIFICATES_FRESH_MS                                                            \
	30000 /* a new certificate is used at the latest after this */

struct certificates {
	X509 *list[CERTIFICATES_MAX]; /* the seal's own first; anchors of others left out
				       */
	size_t count;
	char mechanism[24];
	int64_t fetched; /* monotonic ms; 0: never */
};

/* Read concatenated DER. Return: 0 with *ret filled (certificates_done), -EINVAL. */
int certificates_read(struct span der, const char *mechanism, struct certificates *ret);
void certificates_done(struct certificates *c);

/* Is the seal's certificate within its validity at a time? */
int certificates_valid(const struct certificates *c, int64_t at);

#endif
