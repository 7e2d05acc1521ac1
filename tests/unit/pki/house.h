/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A root, a CA, a signer and the material to judge it by; never used outside tests.
 */
#ifndef SEALGATE_TESTS_PKI_HOUSE_H
#define SEALGATE_TESTS_PKI_HOUSE_H

#include "tests/unit/pki/fixture.h"

#include "pki/path.h"

#define NOW "2026-06-05T12:00:00Z"

/* Root, CA, signer; fresh CRLs of root and CA unless a test adds its own. */
struct house {
	struct party root, ca, signer;
	struct pki_material *m;
};

static UNUSED void crl_of(struct house *h, const struct party *issuer)
{
	revoke_by(h->m, (struct crl_order){ .issuer = issuer,
				.from = "2026-06-01T00:00:00Z",
				.to = "2026-06-08T00:00:00Z" });
}

static UNUSED struct house house_make(void)
{
	struct house h = { .m = pki_material_new() };

	assert_non_null(h.m);
	h.root = party_make(
		(struct order){ .name = "Root", .extensions = ROOT_EXTENSIONS });
	h.ca = party_make((struct order){ .name = "CA",
		.issuer = &h.root,
		.serial = 2,
		.extensions = CA_EXTENSIONS });
	h.signer = party_make((struct order){ .name = "Signer",
		.issuer = &h.ca,
		.serial = 3,
		.extensions = SIGNER_EXTENSIONS });
	trust_in(h.m, h.root.cert);
	know(h.m, h.ca.cert);
	return h;
}

static UNUSED struct house house_with_crls(void)
{
	struct house h = house_make();

	crl_of(&h, &h.root);
	crl_of(&h, &h.ca);
	return h;
}

static UNUSED void house_done(struct house *h)
{
	party_done(&h->root);
	party_done(&h->ca);
	party_done(&h->signer);
	pki_material_free(h->m);
}

static UNUSED enum pki_outcome ask(const struct pki_path_request *request)
{
	struct pki_path_result result = { 0 };
	enum pki_outcome outcome;

	assert_int_equal(pki_path_validate(request, &result), 0);
	assert_int_not_equal(result.outcome, PKI_UNDECIDED);
	assert_non_null(result.reason);
	outcome = result.outcome;
	pki_path_result_done(&result);
	return outcome;
}

static UNUSED enum pki_outcome at(const struct house *h, X509 *target, const char *time)
{
	struct pki_path_request request = {
		.target = target, .material = h->m, .at = when(time)
	};

	return ask(&request);
}

#endif
