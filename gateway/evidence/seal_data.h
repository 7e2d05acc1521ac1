/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether the certificates and the revocation data that a seal carries belong to it: what
 * no signature covers must at least be about it; private to evidence/.
 */
#ifndef SEALGATE_EVIDENCE_SEAL_DATA_H
#define SEALGATE_EVIDENCE_SEAL_DATA_H

#include "common/finding.h"
#include "xades/validate.h"

/* Who signed parts that the seal covers; NULL: nobody who is known. Borrowed. */
struct seal_others {
	X509 *receipt, *record;
};

/* Check a seal that passed: every certificate is of the path of its signer, of one of its
 * time-stamps, or leads up from one of the others; and every CRL and OCSP response was
 * signed for an authority of those. Departures are error findings
 * evidence.signature-file; more than that may cost to find out is one evidence.values.
 * Nothing of a seal that did not pass is looked at. Return: 0 or -ENOMEM. */
int seal_data_check(const struct xades_signature *seal, const struct seal_others *others,
	struct findings *findings);

#endif
