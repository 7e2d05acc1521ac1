/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/material.h"

#include <errno.h>

static int add_crl(struct pki_material *m, const X509_CRL *crl)
{
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);
	int r = len > 0 ? pki_material_add_crl(m, span_of(der, (size_t)len)) : -ENOMEM;

	OPENSSL_free(der);
	return r;
}

static int add_ocsp(struct pki_material *m, const OCSP_BASICRESP *ocsp)
{
	unsigned char *der = NULL;
	int len = i2d_OCSP_BASICRESP(ocsp, &der);
	int r = len > 0 ? pki_material_add_ocsp(m, span_of(der, (size_t)len)) : -ENOMEM;

	OPENSSL_free(der);
	return r;
}

/* Every use has the same revocation data. */
static int add_revocation(struct pki_material *m, const struct pki_material *from)
{
	int r = 0;

	for (int i = 0; r == 0 && i < sk_X509_CRL_num(from->crls); i++)
		r = add_crl(m, sk_X509_CRL_value(from->crls, i));
	for (size_t i = 0; r == 0 && i < from->ocsp_count; i++)
		r = add_ocsp(m, from->ocsps[i]);
	return r;
}

int evidence_material_add(struct pki_material *m, const struct trust_store *store)
{
	static const enum trust_use uses[] = { TRUST_SEAL, TRUST_TSA };
	int r = add_revocation(m, trust_material(store, TRUST_SEAL));

	for (size_t u = 0; r == 0 && u < sizeof(uses) / sizeof(uses[0]); u++)
		r = pki_material_add_anchors_of(m, trust_material(store, uses[u]));
	return r;
}
