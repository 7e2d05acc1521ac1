/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Offline verification of what the gate seals as JSON: receipts, and statements about
 * what it held; never of a container.
 */
#ifndef SEALGATE_EVIDENCE_SEALED_JSON_H
#define SEALGATE_EVIDENCE_SEALED_JSON_H

#include "common/finding.h"
#include "common/json.h"
#include "evidence/receipt.h"

/* True for what begins as JSON: no container does. */
bool sealed_json_is(struct span text);

/* Verify a receipt or a statement as at the context's time; *ret_report has the members
 * of evidence_verify's, and as "evidence" the kind, its signer certificate and, when its
 * signature verifies, what it claims. Return: 1 proven, 0 not, negative undecided. */
int sealed_json_verify(struct span text, const struct receipt_context *context,
	struct findings *findings, json_t **ret_report);

#endif
