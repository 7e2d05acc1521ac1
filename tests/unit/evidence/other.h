/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Containers over receipts by another authority than the house's; for tests only, never
 * publishes a list that it is not asked for.
 */
#ifndef SEALGATE_TESTS_OTHER_H
#define SEALGATE_TESTS_OTHER_H

#include "verified.h"

#define DAY HOUSE_DAY
#define SEAL_ALONE "critical,nonRepudiation"
#define SEAL_AS_USUAL "critical,digitalSignature,nonRepudiation"

/* An authority of receipts beside the house's, its certificate of receipts good for a few
 * days, and a container over one of them. */
struct other {
	EVP_PKEY *ca_key, *key;
	X509 *ca, *receipts, *seal;
	struct pki_material *material; /* its anchor among the house's, no CRL of it */
	char *receipt;
	struct buf container;
};

static inline void other_open(
	struct other *o, int days, const char *usage, int64_t sealed_at)
{
	struct house *h = &HOUSE_OF_TESTS;
	struct container_plan plan = SEALED.plan;

	o->ca_key = EVP_EC_gen("P-256");
	o->key = EVP_EC_gen("P-256");
	o->ca = house_certificate(NOW, o->ca_key, "Authority of receipts", NULL,
		o->ca_key, "critical,keyCertSign,cRLSign", NULL);
	o->receipts = house_certificate_for(NOW, days, o->key, "Receipts", o->ca,
		o->ca_key, "critical,digitalSignature", NULL);
	o->seal = house_certificate(
		NOW, h->seal_key, "Seal", h->ca, h->ca_key, usage, NULL);
	o->material = house_material(h);
	house_add_anchor(o->material, o->ca);
	o->receipt =
		sealed_receipt(SEALED_DOCUMENT, "accepted", true, o->key, o->receipts);
	plan.signer = o->seal;
	plan.receipt = span_str(o->receipt);
	plan.signing_time = sealed_at;
	sealed_make(h, &plan, h->seal_key, sealed_at + 1, &o->container);
}

static inline void other_done(struct other *o)
{
	pki_material_free(o->material);
	buf_done(&o->container);
	free(o->receipt);
	X509_free(o->ca);
	X509_free(o->receipts);
	X509_free(o->seal);
	EVP_PKEY_free(o->ca_key);
	EVP_PKEY_free(o->key);
}

#define _cleanup_other_ _cleanup_(other_done)

static inline void publish(
	const struct other *o, int64_t issued, const X509 *revoked, int64_t revoked_at)
{
	house_add_list(o->material, &(struct house_list){ o->ca, o->ca_key, issued, 30,
					    revoked, revoked_at });
}

#endif
