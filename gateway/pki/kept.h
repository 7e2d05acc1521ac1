/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a set of material notes once about a CRL or an OCSP response, shared by all copies
 * of the set; never says that anything in it is true.
 */
#ifndef SEALGATE_PKI_KEPT_H
#define SEALGATE_PKI_KEPT_H

#include "common/digest.h"
#include "pki/material.h"

struct pki_kept {
	unsigned int references;
	uint8_t sha256[SHA256_SIZE]; /* of the DER encoding */
	OCSP_BASICRESP *ocsp;	     /* owned; NULL for a CRL */
	int64_t this_update;	     /* of a CRL */
	int64_t next_update;	     /* of a CRL; INT64_MAX when absent */
	int64_t expired_from;	     /* expiredCertsOnCRL, or INT64_MAX */
	bool usable;		     /* a CRL whose times could be read */
};

#endif
