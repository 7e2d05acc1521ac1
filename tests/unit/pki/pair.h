/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An anchor and a signer whose revocation is asked; never used outside tests.
 */
#ifndef SEALGATE_TESTS_PKI_PAIR_H
#define SEALGATE_TESTS_PKI_PAIR_H

#include "tests/unit/pki/fixture.h"

#include "pki/path.h"

#define NOW "2026-06-05T12:00:00Z"

/* An anchor that issued a signer: one certificate whose revocation is asked. */
struct house {
	struct party ca, signer;
	struct pki_material *m;
};

static UNUSED struct house house_make(void)
{
	struct house h = { .m = pki_material_new() };

	h.ca = party_make((struct order){ .name = "CA", .extensions = ROOT_EXTENSIONS });
	h.signer = party_make((struct order){ .name = "Signer",
		.issuer = &h.ca,
		.serial = 3,
		.extensions = SIGNER_EXTENSIONS });
	trust_in(h.m, h.ca.cert);
	return h;
}

static UNUSED void house_done(struct house *h)
{
	party_done(&h->ca);
	party_done(&h->signer);
	pki_material_free(h->m);
}

static UNUSED enum pki_outcome outcome_of(const struct house *h, X509 *target)
{
	struct pki_path_request request = {
		.target = target, .material = h->m, .at = when(NOW)
	};
	struct pki_path_result result = { 0 };
	enum pki_outcome outcome;

	assert_int_equal(pki_path_validate(&request, &result), 0);
	outcome = result.outcome;
	pki_path_result_done(&result);
	return outcome;
}

/* Whatever single octet of a CRL or a response changes, nothing else is accepted from it.
 */
static UNUSED void flipped(const struct house *h, struct octets *o, bool crl)
{
	for (int i = 0; i < o->len; i++) {
		struct house other = *h;

		o->data[i] ^= 0x20;
		other.m = pki_material_copy(h->m);
		if (crl)
			pki_material_add_crl(other.m, span_of_octets(o));
		else
			pki_material_add_ocsp(other.m, span_of_octets(o));
		if (outcome_of(&other, h->signer.cert) == PKI_PASSED)
			fail_msg("octet %d of %d makes no difference", i, o->len);
		pki_material_free(other.m);
		o->data[i] ^= 0x20;
	}
}

#endif
