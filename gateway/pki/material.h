/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a path may be built from: anchors, other certificates, CRLs, OCSP responses; never
 * fetches anything, and nothing in it is trusted but the anchors.
 */
#ifndef SEALGATE_PKI_MATERIAL_H
#define SEALGATE_PKI_MATERIAL_H

#include "common/cleanup.h"
#include "common/span.h"

#include <openssl/ocsp.h>
#include <openssl/x509.h>

/* Read freely, change only through the functions below: copies share parts. */
struct pki_material {
	/* Where paths end, for every purpose, whatever their CA flag. */
	STACK_OF(X509) * anchors;
	/* Untrusted. */
	STACK_OF(X509) * certificates;
	STACK_OF(X509_CRL) * crls;
	OCSP_BASICRESP **ocsps;
	size_t ocsp_count;

	/* The rest is private to pki: who shares the anchors, how many are sorted by
	 * subject, notes on each of crls and ocsps by index. */
	unsigned int *anchor_holders;
	size_t anchors_sorted;
	size_t certificates_sorted;
	struct pki_kept **crl_notes;
	struct pki_kept **ocsp_notes;
};

/* An empty set; NULL when memory ran out. */
struct pki_material *pki_material_new(void);
void pki_material_free(struct pki_material *m);
DEFINE_CLEANUP(struct pki_material *, pki_material_free)

/* A new set that shares (by reference count) everything of base; base may be NULL. For
 * adding what one document carries without touching the common store. */
struct pki_material *pki_material_copy(const struct pki_material *base);

/* A new set with base's anchors and nothing else; base may be NULL. */
struct pki_material *pki_material_with_anchors_of(const struct pki_material *base);

/* Add by content. Each takes DER (exactly; trailing octets refused). Return: 0, -EINVAL,
 * -ENOMEM. A certificate or CRL already there is not added twice. */
int pki_material_add_anchor(struct pki_material *m, struct span der);
int pki_material_add_certificate(struct pki_material *m, struct span der);
int pki_material_add_x509(
	struct pki_material *m, X509 *certificate); /* shares it, untrusted */
int pki_material_add_crl(struct pki_material *m, struct span der);
int pki_material_add_ocsp(
	struct pki_material *m, struct span der); /* OCSPResponse or basic */

/* Add the anchors of another set, shared with it. Return: 0 or -ENOMEM. */
int pki_material_add_anchors_of(struct pki_material *m, const struct pki_material *from);

/* Take an anchor out of the set; of others that share it nothing changes. Return: 0 or
 * -ENOMEM. */
int pki_material_drop_anchor(struct pki_material *m, const X509 *anchor);

/* Sort what is there so that it is found quickly; pki_material_load does it. */
void pki_material_sort(struct pki_material *m);

enum pki_kind { PKI_ANCHORS, PKI_CERTIFICATES, PKI_REVOCATION };

/* Add every object in a file (PEM with one or more, DER, base64 text for revocation), or
 * in each regular file of a folder. *ret_error: one line, the caller frees. Return: how
 * many were added, or -EINVAL, -errno. */
int pki_material_load(
	struct pki_material *m, enum pki_kind kind, const char *path, char **ret_error);

#endif
