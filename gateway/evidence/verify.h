/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Verification of an evidence container by whoever holds it, offline and without the
 * gate; never fetches, never reads the clock, never judges the document itself.
 */
#ifndef SEALGATE_EVIDENCE_VERIFY_H
#define SEALGATE_EVIDENCE_VERIFY_H

#include "common/finding.h"
#include "common/json.h"
#include "common/span.h"
#include "evidence/paths.h"
#include "pki/material.h"

#include <stdint.h>

struct trust_snapshot;

struct evidence_context {
	const struct pki_material *material; /* anchors of seals, receipts, time-stamps */
	int64_t at;
	int64_t known_at; /* what was known then about that time; 0: the same as at */
	/* Before it is released the gate demands revocation data that is fresh at `at`;
	 * who verifies later takes what is known about that time. */
	bool fresh_revocation;
	/* It was valid when it was released, as its owner knows: the anchor of its
	 * receipts need not be there any more. */
	bool released;
	const struct trust_snapshot *lists; /* by which it is qualified, or NULL */
	struct evidence_paths *paths;	    /* NULL, or empty: what is found goes there */
};

/* Verify: the canonical form, one seal over every part, valid by EN 319 102-1 with a
 * signature time-stamp, with the gate's commitment and seal policy, and a receipt and a
 * report that are about the document. The receipt's own signature is judged at the time
 * that the seal's time-stamps prove for it (evidence/enclosed.h): what it lacks then is a
 * warning, for the seal proves it; before release an anchor or revocation data that is
 * wanting for it makes the whole INDETERMINATE. xades_setup must have been called.
 *
 * *ret_report (a new reference) is an object as of `sealgate verify` without "file" and
 * "store_version", and with "evidence": what the container is evidence of (what was read,
 * be it valid or not). findings: every reason why it is not valid, and warnings.
 *
 * Return: 1 valid, 0 not, negative undecided (*ret_report untouched). */
int evidence_verify(struct span container, const struct evidence_context *context,
	struct findings *findings, json_t **ret_report);

#endif
