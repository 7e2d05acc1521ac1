/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * RFC 5280 section 6.1 over one given chain whose signatures are proven: constraints,
 * policies, usages; never searches, never looks at times or revocation.
 */
#ifndef SEALGATE_PKI_CHAIN_H
#define SEALGATE_PKI_CHAIN_H

#include "pki/path.h"

struct chain_trouble {
	enum pki_outcome outcome; /* PKI_PASSED when none */
	int depth;		  /* of the certificate it is about */
	const char *why;	  /* constant */
};

/* chain: target first, anchor last, at least two. Return: 0 with *ret filled, negative
 * undecided. */
int pki_chain_check(const struct pki_path_request *request, STACK_OF(X509) * chain,
	struct chain_trouble *ret);

/* Whether the extensions of a target allow the purpose. Return: NULL, or a constant why
 * not. */
const char *pki_purpose_trouble(X509 *target, enum pki_purpose purpose);

#endif
