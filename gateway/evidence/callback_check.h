/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Offline verification of a call-back: its signature (common/callback_claims.h), the body
 * that it is about, for whom and whether it is new; never of a receipt.
 */
#ifndef SEALGATE_EVIDENCE_CALLBACK_CHECK_H
#define SEALGATE_EVIDENCE_CALLBACK_CHECK_H

#include "common/finding.h"
#include "common/json.h"
#include "common/span.h"
#include "evidence/receipt.h"

#define CALLBACK_JWS_MAX 8192u /* octets of one */

/* What the one who was called knows. */
struct callback_expected {
	const struct span *body; /* as it came; NULL: not there */
	const char *partner;	 /* its name at the gate; NULL: not compared */
	const struct pki_material
		*signers; /* whose certificates may have signed it, as the
			   * gate published them; NULL: nobody knows */
	int64_t after;	  /* the cursor that it had before; negative: not compared */
};

/* True for what begins as a JSON Web Signature in compact form: nothing else of the
 * gate's evidence does. */
bool callback_is(struct span text);

/* Verify a call-back's signature as at the context's time, white space at its end
 * allowed. Its certificate, which it names by digest, has to be among the signers: those
 * of other roles, of which the gate publishes certificates by the same authority, sign
 * none. Without signers any of the material is taken, an anchor or not. TEST call-backs
 * and rehearsals are findings, too, as warnings. *ret_report: the members of
 * sealed_json_verify's, "evidence" with the kind "callback". Without a body it is
 * INDETERMINATE, SIGNED_DATA_NOT_FOUND. Return: 1 proven, 0 not, negative undecided.
 */
int callback_verify(struct span text, const struct callback_expected *expected,
	const struct receipt_context *context, struct findings *findings,
	json_t **ret_report);

#endif
