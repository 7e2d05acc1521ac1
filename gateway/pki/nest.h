/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What one request shares with the requests that it gives rise to, about signers of
 * revocation data: depth, data in use, work done; never what was asked.
 */
#ifndef SEALGATE_PKI_NEST_H
#define SEALGATE_PKI_NEST_H

#include "pki/kept.h"

/* How deep signers of revocation data may need signers of their own. */
#define PKI_NESTING_MAX 3

/* Signatures that may be tried for one request, nested ones included. */
#define PKI_WORK_MAX 1024u

struct pki_nest {
	int depth;
	const struct pki_kept
		*busy[PKI_NESTING_MAX]; /* not to be used again further down */
	size_t busy_count;
	unsigned int *work;
};

/* Count one signature that is tried. Return: false when there were too many. */
static inline bool pki_spend(const struct pki_nest *n)
{
	if (*n->work >= PKI_WORK_MAX)
		return false;
	++*n->work;
	return true;
}

#endif
