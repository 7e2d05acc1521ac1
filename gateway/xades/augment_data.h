/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Validation data as XAdES properties: what the paths of a signature need and the
 * document does not carry yet; private to this library, never decides whether it is
 * enough.
 */
#ifndef SEALGATE_XADES_AUGMENT_DATA_H
#define SEALGATE_XADES_AUGMENT_DATA_H

#include "xades/augment.h"
#include "xades/signature.h"

/* Append CertificateValues and RevocationValues for the signer and all time-stamps, and
 * what of the other paths can be had.
 * *ret_reason (owned by the caller) says what is missing.
 * Return: 1, 0 with a reason, negative undecided. */
int augment_values(struct sig_context *c, const struct sig *s,
	const struct xades_augment_plan *plan, struct buf *ret, char **ret_reason);

/* Append TimeStampValidationData (v1.4.1) with what the time-stamps lack, and what of the
 * other paths can be had; nothing when they lack nothing. */
int augment_stamp_values(struct sig_context *c, const struct sig *s,
	const struct xades_augment_plan *plan, struct buf *ret, char **ret_reason);

#endif
