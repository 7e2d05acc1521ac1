/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The services of all lists that had effect at one import, kept in a store as one file an
 * import, so that an earlier state can be asked; never holds a list without effect.
 */
#ifndef SEALGATE_TRUST_SNAPSHOT_H
#define SEALGATE_TRUST_SNAPSHOT_H

#include "common/digest.h"
#include "pki/material.h"
#include "trust/import.h"

/* A service with its certificates; instances is JSON, newest first:
 * [ { "type": URI, "status": URI, "from": seconds, "services": [URI, ...],
 *     "qualifications": trust/criteria.h or null }, ... ] */
struct snapshot_service {
	char territory[8];
	const char *name;
	STACK_OF(X509) * identities;
	const json_t *instances;
};

struct trust_snapshot {
	json_t *json; /* what the rest points into */
	int64_t at;   /* of the import */
	char version[SHA256_TEXT_SIZE];
	struct snapshot_service *services;
	size_t service_count;
};

/* Write what an import found into the store, which is made when it is not there. Return:
 * 0 or negative. */
int trust_snapshot_write(const char *store, const struct list_results *r, int64_t at);

/* Open the newest snapshot of an import at or before known_at. *ret_error: one line, the
 * caller frees. Return: 0, -ENOENT none, other negative. */
int trust_snapshot_open(const char *store, int64_t known_at,
	struct trust_snapshot **ret_snapshot, char **ret_error);
void trust_snapshot_free(struct trust_snapshot *s);
DEFINE_CLEANUP(struct trust_snapshot *, trust_snapshot_free)

/* Changes when a newer snapshot is there; 0: no store. */
uint64_t trust_snapshot_stamp(const char *store);

/* Add every certificate of a service as an anchor. Return: 0 or -ENOMEM. */
int trust_snapshot_anchors(const struct trust_snapshot *s, struct pki_material *m);

#endif
