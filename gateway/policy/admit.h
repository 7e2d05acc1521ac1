/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The gate's decision on one document: reader, signatures, signed octets, schema and
 * rules, enrolment, all of it, all findings; never fetches, never stores, never stops at
 * the first finding that leaves another one possible.
 */
#ifndef SEALGATE_POLICY_ADMIT_H
#define SEALGATE_POLICY_ADMIT_H

#include "document/types.h"
#include "pki/material.h"
#include "policy/policy.h"
#include "policy/verdict.h"
#include "xades/validate.h"

struct admit_context {
	const struct policy *policy;
	const struct document_types *types;
	const struct pki_material *material; /* anchors of signers and TSAs, revocation */
	const struct pki_material *signers;  /* where signers' paths must end */
	const struct pki_material *tsa;	     /* where paths of time-stamps must end */
	/* The same as material and signers of partners that are sandboxes, instead; NULL:
	 * none of their documents can be judged. */
	const struct pki_material *rehearsals;
	const struct pki_material *sandbox;
	const char *store_version;
	const char *lists_version; /* of the lists alone; NULL: there are none */
	bool test;		   /* a TEST instance: what is experimental is taken */
	/* Fills in what signatures are by the trusted lists that have not ended at a
	 * time, or not longer than grace seconds ago; NULL: nothing is qualified. */
	void (*qualify)(const void *lists, int64_t at, int64_t grace,
		struct xades_report *report);
	const void *lists; /* of qualify */
	/* The latest time that material at hand proves to be over: a clock that is behind
	 * it is wrong. 0: none. */
	int64_t known_at;
};

/* Decide on the octets as sent by the named partner. Accepts only when: readable;
 * signatures TOTAL-PASSED in profile gate; the roles the type demands are signed by
 * certificates enrolled for the partner, of the level that the partner's file demands;
 * the signed octets are whole, schema-valid,
 * rule-clean; type, status and countries are what the partner may send. Return: 0 with
 * verdict and report (a new reference), negative undecided. */
int admit(const struct admit_context *context, struct span octets, const char *partner,
	int64_t at, struct verdict *ret_verdict, json_t **ret_report);

#endif
