/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Certificates of a list by their subject, without looking at every one of a large store;
 * never decides anything about those it finds.
 */
#ifndef SEALGATE_PKI_FINDER_H
#define SEALGATE_PKI_FINDER_H

#include "pki/material.h"

struct pki_finder {
	const STACK_OF(X509) * list;
	size_t sorted; /* how many at its start are sorted by subject */
	const X509_NAME *subject;
	size_t next;
};

/* Begin with a list of which the first so many are sorted. */
void pki_finder_begin(struct pki_finder *f, const STACK_OF(X509) * list, size_t sorted,
	const X509_NAME *subject);

/* The next certificate of the subject, borrowed, or NULL. */
X509 *pki_finder_next(struct pki_finder *f);

/* True when the list has exactly this certificate. */
bool pki_finder_has(const STACK_OF(X509) * list, size_t sorted, X509 *x);

/* Sort the whole list by subject. */
void pki_finder_sort(STACK_OF(X509) * list, size_t *ret_sorted);

#endif
