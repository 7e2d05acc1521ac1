/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A throw-away instance with one partner, its authority and its certificates; never
 * touches anything outside its own temporary folder.
 */
#ifndef SEALGATE_TESTS_INTAKE_HOUSE_H
#define SEALGATE_TESTS_INTAKE_HOUSE_H

#include "common/digest.h"
#include "common/instance.h"
#include "pki/certificate.h"

struct person {
	EVP_PKEY *key;
	X509 *certificate;
	char sha256[SHA256_TEXT_SIZE];
	char *escaped; /* PEM as nginx escapes it */
};

struct house {
	char dir[64];
	struct instance instance;
	struct person authority;
	struct person kenya;	 /* enrolled as ke-kephis */
	struct person chile;	 /* enrolled as cl-sag */
	struct person suspended; /* enrolled, suspended */
	struct person stranger;	 /* of the authority, enrolled nowhere */
	struct person expired;	 /* enrolled with Kenya */
	struct person rogue;	 /* of another authority, enrolled with Kenya */
	struct person receipt;	 /* who signs receipts */
};

void house_build(struct house *h);
void house_tear_down(struct house *h);

/* Write policies/NAME with formatted text. */
void house_policy(const struct house *h, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Enrol Kenya with the name of a document type. */
void house_enrol_kenya(const struct house *h, const char *type);

/* Publish a CRL of the authority: revoked may be NULL; next_update in seconds from now.
 */
void house_publish_crl(
	const struct house *h, const struct person *revoked, long next_update);

/* Take the authority's CRL away. */
void house_withdraw_crl(const struct house *h);

/* DER of a certificate; the caller frees with OPENSSL_free. */
size_t person_der(const struct person *p, unsigned char **ret_der);

#endif
