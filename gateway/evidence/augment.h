/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Augmentation of evidence containers: the seal gets what proves it later, the parts stay
 * octet for octet; never holds a key, never uses the network.
 */
#ifndef SEALGATE_EVIDENCE_AUGMENT_H
#define SEALGATE_EVIDENCE_AUGMENT_H

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/span.h"
#include "pki/material.h"

#include <stdbool.h>
#include <stdint.h>

/* A container and what is known now; borrowed. material: anchors as for evidence_verify,
 * and the revocation data of which the container is given what it needs. */
struct evidence_augment_plan {
	struct span container;
	const struct pki_material *material;
	int64_t at;
	bool released; /* as of struct evidence_context */
};

/* Level LT: append the container with validation data. *ret_reason: one sentence why not,
 * the caller frees. Return: 1, 0 not (yet) possible, negative undecided. */
int evidence_add_validation_data(
	const struct evidence_augment_plan *plan, struct buf *ret, char **ret_reason);

/* Level T of a container at level B, which says that it may be: as below. */
struct evidence_archive;
int evidence_time_stamp_prepare(const struct evidence_augment_plan *plan,
	struct evidence_archive **ret_archive, struct buf *ret_octets, char **ret_reason);

/* Level LTA, and each renewal: append the octets that an archive time-stamp must imprint,
 * then put its token in. The container must be of level LT or LTA. Everything in plan is
 * borrowed until evidence_archive_free. Return: as above. */
int evidence_archive_prepare(const struct evidence_augment_plan *plan,
	struct evidence_archive **ret_archive, struct buf *ret_octets, char **ret_reason);
int evidence_archive_finish(struct evidence_archive *a, struct span token, int64_t at,
	struct buf *ret, char **ret_reason);
void evidence_archive_free(struct evidence_archive *a);
DEFINE_CLEANUP(struct evidence_archive *, evidence_archive_free)

#endif
