/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The one text that a seal's file can be: what no signature covers in it (white space,
 * the order of attributes, elements around the signed ones) is fixed here; private to
 * evidence/, never any cryptography.
 */
#ifndef SEALGATE_EVIDENCE_SEAL_FORM_H
#define SEALGATE_EVIDENCE_SEAL_FORM_H

#include "common/finding.h"
#include "common/span.h"
#include "evidence/seal_data.h"
#include "xades/validate.h"

/* Check that octets are the text that the gate writes for the tree that was read from
 * them, and that the tree has nothing beside the seal and what is about it and about the
 * others (seal_data_check). Departures are error findings evidence.signature-file.
 * Return: 0 or -ENOMEM. */
int seal_form_check(struct span octets, const struct xades_report *report,
	const struct seal_others *others, struct findings *findings);

#endif
