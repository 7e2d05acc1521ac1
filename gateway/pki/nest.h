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

/* Signatures that may be tried for one request, nested ones included: of RSA-2048 and
 * P-256; others weigh what they take longer. */
#define PKI_WORK_MAX 1024u
#define PKI_WORK_EC 8u	      /* any curve but P-256 ... */
#define PKI_WORK_EC_LARGE 24u /* ... of more than 400 bits */
#define PKI_WORK_RSA_BITS                                                                \
	2048u /* RSA weighs the square of how many times it has these                    \
	       */

struct pki_nest {
	int depth;
	const struct pki_kept
		*busy[PKI_NESTING_MAX]; /* not to be used again further down */
	size_t busy_count;
	unsigned int *work;
};

static inline unsigned int pki_weight(const X509 *signer)
{
	const EVP_PKEY *key = X509_get0_pubkey(signer);
	unsigned int bits = key ? (unsigned int)EVP_PKEY_get_bits(key) : 0;
	unsigned int times = (bits + PKI_WORK_RSA_BITS - 1) / PKI_WORK_RSA_BITS;

	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		return bits > 400 ? PKI_WORK_EC_LARGE : bits > 256 ? PKI_WORK_EC : 1;
	return times > 1 ? times * times : 1;
}

/* Count one signature of a signer that is tried. Return: false when there were too many.
 */
static inline bool pki_spend(const struct pki_nest *n, const X509 *signer)
{
	if (*n->work >= PKI_WORK_MAX)
		return false;
	*n->work += pki_weight(signer);
	return true;
}

/* Count what is looked at: certificates for the one that signed, answers for those about
 * one; negative: no list. */
static inline void pki_spend_looks(const struct pki_nest *n, int count)
{
	*n->work += count > 0 ? (unsigned int)count / 64 : 0;
}

/* pki_ocsp_signer within the request's work. */
int pki_ocsp_signer_nested(OCSP_BASICRESP *response, X509 *issuer,
	const struct pki_material *m, const struct pki_nest *nest, X509 **ret_signer);

#endif
