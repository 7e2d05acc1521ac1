/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What makes a valid signature a seal of the gate: place, coverage, statements; private
 * to evidence/, never any cryptography.
 */
#ifndef SEALGATE_EVIDENCE_SEAL_CHECK_H
#define SEALGATE_EVIDENCE_SEAL_CHECK_H

#include "common/cleanup.h"
#include "common/finding.h"
#include "evidence/asic.h"
#include "xades/validate.h"

struct seal_statement {
	char *role;   /* claimed; NULL when absent */
	char *policy; /* identifier; NULL when absent */
	bool bare;    /* it says level B and has no time-stamp */
};

void seal_statement_done(struct seal_statement *s);

/* The parts that a seal of the container refers to. Return: how many. */
size_t seal_detached(
	const struct asic *parts, struct xades_detached ret[ASIC_SIGNATURES]);

/* Check the signature file: one seal of the document that the receipt names (NULL: none);
 * references over the octets (no transform) of each part that is there once and over its
 * properties, no other; the commitment for all of it; a known seal policy with its
 * digest; one signer role; a passed signature time-stamp, unless the role says that there
 * need be none
 * (*ret_statement then says whether there is); a signer certificate whose extended key
 * usage, if it has one, allows documents. Every departure is an error finding evidence.*.
 * Return: 0 with *ret_statement, -ENOMEM. */
int seal_check(const struct xades_report *report, const struct asic *parts,
	const char *document_id, struct findings *findings,
	struct seal_statement *ret_statement);

#endif
