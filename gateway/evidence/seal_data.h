/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether the certificates and the revocation data that a seal carries belong to it: what
 * no signature covers must at least be about it; private to evidence/.
 */
#ifndef SEALGATE_EVIDENCE_SEAL_DATA_H
#define SEALGATE_EVIDENCE_SEAL_DATA_H

#include "common/finding.h"
#include "xades/validate.h"

/* Check a seal that passed: every certificate is of the path of its signer or of one of
 * its time-stamps, and every CRL and OCSP response was signed for an authority of those.
 * Departures are error findings evidence.signature-file. Return: 0 or -ENOMEM. */
int seal_data_check(const struct xades_signature *seal, struct findings *findings);

#endif
