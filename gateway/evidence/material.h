/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which anchors of an instance prove an evidence container; never those of partners.
 */
#ifndef SEALGATE_EVIDENCE_MATERIAL_H
#define SEALGATE_EVIDENCE_MATERIAL_H

#include "pki/material.h"
#include "trust/store.h"

/* Add the anchors of seals, receipts (use TRUST_SEAL) and time-stamps (use TRUST_TSA)
 * with all revocation data of the store. Return: 0 or -ENOMEM. */
int evidence_material_add(struct pki_material *m, const struct trust_store *store);

#endif
