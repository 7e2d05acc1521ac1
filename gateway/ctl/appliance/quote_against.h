/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What an auditor holds a quote against: files of his own; never the network.
 */
#ifndef SEALGATE_CTL_QUOTE_AGAINST_H
#define SEALGATE_CTL_QUOTE_AGAINST_H

#include "common/span.h"

#include <stdbool.h>

struct quote_against {
	struct span nonce;
	const char *key;	  /* a public key (PEM), or sha256: and its fingerprint */
	const char *folder;	  /* of an update: manifest, manifest.p7s, statement */
	const char *anchor;	  /* the certificate that its list is signed by (PEM) */
	const char *measurements; /* a statement of one's own, of PCR 4 and 7, or NULL */
};

/* Is all that is needed there? Return: 0, or -EINVAL after saying what is not. */
int quote_against_complete(const struct quote_against *a);

/* Judge the quote in a file and print what came of it. Return: an exit status. */
int quote_check(const char *path, const struct quote_against *a, bool json);

#endif
