/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The instance's trust store as the threads of this program share it, loaded anew when
 * its files change; never verifies anything itself.
 */
#ifndef SEALGATE_SEAL_ANCHORS_H
#define SEALGATE_SEAL_ANCHORS_H

#include "common/instance.h"
#include "pki/material.h"

#include <pthread.h>
#include <stdint.h>

struct trust_store;

struct anchors {
	char folder[PATH_MAX], revocation[PATH_MAX];
	pthread_rwlock_t lock;
	struct trust_store *store; /* NULL: never loaded */
	uint64_t stamp;
};

/* Return: 0 or -ENAMETOOLONG. */
int anchors_init(struct anchors *a, const struct instance *instance);
void anchors_done(struct anchors *a);

/* Borrow the anchors of time-stamping authorities until anchors_release; NULL when the
 * store cannot be loaded: one line in ret_reason, nothing to release. */
const struct pki_material *anchors_borrow(
	struct anchors *a, char *ret_reason, size_t size);
void anchors_release(struct anchors *a);

/* Add a copy of what proves an evidence container: the anchors of seals, receipts and
 * time-stamps, and all revocation data. Return: 0, or negative with ret_reason. */
int anchors_evidence(
	struct anchors *a, struct pki_material *m, char *ret_reason, size_t size);

#endif
