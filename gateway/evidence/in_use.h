/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How the certificates stand that the gate makes seals, receipts and sealed heads with,
 * by the anchors and the revocation data that are here; never asks anybody outside.
 */
#ifndef SEALGATE_EVIDENCE_IN_USE_H
#define SEALGATE_EVIDENCE_IN_USE_H

#include "common/span.h"
#include "pki/material.h"

#include <jansson.h>
#include <stdint.h>

/* "good", "wanting" and "bad" in a report. */
enum in_use_standing {
	IN_USE_UNDECIDED = 0,
	IN_USE_GOOD,
	IN_USE_WANTING, /* no anchor, or no revocation data in force, is here */
	IN_USE_BAD,	/* revoked, suspended, ended, or not for this */
};

struct in_use {
	enum in_use_standing standing;
	char reason[256]; /* one sentence with the certificate; "" when good */
};

/* Judge a certificate with its chain (concatenated DER, its own first) as whoever
 * verifies what is made with it at this time would: RFC 5280 section 6, for documents,
 * with the anchors of seals and all revocation data of a store. Return: 0, -EINVAL it is
 * no certificate, negative undecided. */
int in_use_judge(struct span der, const struct pki_material *material, int64_t at,
	struct in_use *ret);

/* The certificates of a role, as in_use_judge takes them. Return: 1, 0 the role has none,
 * negative. The caller of it frees *ret_der. */
typedef int (*in_use_ask)(
	void *context, const char *role, uint8_t **ret_der, size_t *ret_len);

/* All that are in use: [{"role", "standing", "reason"}], a new reference; NULL: not
 * known, as material is NULL, whoever is asked does not answer, or without memory. */
json_t *in_use_report(
	in_use_ask ask, void *context, const struct pki_material *material, int64_t at);

/* Does one of a report keep the gate from working, or partners from relying on it? Of
 * sealed heads an anchor need not be here. */
bool in_use_fails(const json_t *one);

/* Append a warning ({"code", "destination", "message"}) for each of a report (NULL: none)
 * that is not good. Return: 0 or -ENOMEM. */
int in_use_warn(json_t *list, const json_t *report);

#endif
