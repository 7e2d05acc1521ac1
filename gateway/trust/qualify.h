/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether certificates, signatures, seals and time-stamps are qualified by the trusted
 * lists (ETSI TS 119 615, 4.4 to 4.7), at issuance and at best-signature-time; never
 * changes a verdict.
 */
#ifndef SEALGATE_TRUST_QUALIFY_H
#define SEALGATE_TRUST_QUALIFY_H

#include "common/json.h"
#include "trust/snapshot.h"
#include "xades/validate.h"

#define TRUST_BY_LISTS "eu-list" /* of struct xades_signature */

enum qualified_type {
	QUALIFIED_UNKNOWN = 0,
	QUALIFIED_ESIG,
	QUALIFIED_ESEAL,
	QUALIFIED_WSA
};

/* Of a certificate at one time; zeroed: nothing is qualified. */
struct qualification {
	bool listed; /* a service issued it or is identified by it, at whatever time */
	bool qc, qscd;
	enum qualified_type type;
	char territory[8]; /* of the service that decided */
	const char *why;   /* why not qc, static; NULL */
};

/* Which lists count: those that have not ended at now, or not longer than grace seconds
 * ago. NULL terms: those that had effect at the import. */
struct qualify_terms {
	int64_t now, grace;
};

/* The certificate first in chain, whose issuers follow, at a time. */
void trust_qualify_certificate(const struct trust_snapshot *s,
	const struct qualify_terms *terms, const STACK_OF(X509) * chain, int64_t at,
	struct qualification *ret);

/* The same, and how it came about: steps, a JSON array, gets an object for each step:
 * {"at", "clause", "question", "answer", "because", "entry"}, where entry names the list
 * and its service, or is null. */
void trust_qualify_explain(const struct trust_snapshot *s,
	const struct qualify_terms *terms, const STACK_OF(X509) * chain, int64_t at,
	json_t *steps, struct qualification *ret);

/* "signature", "seal", "website" or "unknown". */
const char *qualified_type_text(enum qualified_type t);

/* Fill in the qualification of every signature and time-stamp of a report, in the place
 * of what was there. */
void trust_qualify_report(const struct trust_snapshot *s,
	const struct qualify_terms *terms, struct xades_report *report);

#endif
