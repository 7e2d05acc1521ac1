/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The services of all lists that had effect at one import, kept in a store as one file an
 * import, so that an earlier state can be asked; never holds a list that had
 * none for another reason than its end, never believes a file that is not whole.
 */
#ifndef SEALGATE_TRUST_SNAPSHOT_H
#define SEALGATE_TRUST_SNAPSHOT_H

#include "common/digest.h"
#include "pki/material.h"
#include "trust/import.h"

#include <limits.h>

struct trust_map;

/* A snapshot, mapped from its file and shared with every process that maps it. */
struct trust_snapshot {
	int64_t at; /* of the import */
	char version[SHA256_TEXT_SIZE];
	struct span octets;
	const struct trust_map *map; /* trust/map.h */
};

/* A service as it stood at the import; borrowed of the snapshot. */
struct snapshot_service {
	const char *territory, *name, *type, *status;
	const char *url;	 /* of its list */
	int64_t from;		 /* the status began */
	bool in_effect;		 /* its list had not ended at the import */
	size_t certificates;	 /* that identify it */
	struct span certificate; /* the first of them, DER; empty: none */
	struct span state;	 /* differs when the service or its history does */
};

/* Write what an import found into the store, which is made when it is not there. Return:
 * 0 or negative. */
int trust_snapshot_write(const char *store, const struct list_results *r, int64_t at);

/* Map the newest snapshot of an import at or before known_at. What is not whole, or has
 * tables that lead out of the file, is refused: no older one is taken in its place.
 * *ret_error: one line, the caller frees. Return: 0, -ENOENT none, -EINVAL, other
 * negative. */
int trust_snapshot_open(const char *store, int64_t known_at,
	struct trust_snapshot **ret_snapshot, char **ret_error);
void trust_snapshot_free(struct trust_snapshot *s);
DEFINE_CLEANUP(struct trust_snapshot *, trust_snapshot_free)

size_t trust_snapshot_services(const struct trust_snapshot *s);
void trust_snapshot_service(
	const struct trust_snapshot *s, size_t index, struct snapshot_service *ret);

/* One of the certificates that identify a service, DER; borrowed. */
struct span trust_snapshot_certificate(
	const struct trust_snapshot *s, size_t index, size_t number);

/* How many certificates of services are anchors at a time. */
size_t trust_snapshot_count_anchors(const struct trust_snapshot *s, int64_t at);

/* The file of the newest snapshot at or before known_at. Return: 0, -ENOENT, other
 * negative. */
int trust_snapshot_path(const char *store, int64_t known_at, char ret_path[PATH_MAX]);

/* Whether the newest snapshot is one of at or before. */
bool trust_snapshot_there(const char *store, int64_t at);

/* Changes when a newer snapshot is there; 0: no store. */
uint64_t trust_snapshot_stamp(const char *store);

/* Add every certificate of a service whose list had effect as an anchor. Return: 0 or
 * -ENOMEM. */
int trust_snapshot_anchors(const struct trust_snapshot *s, struct pki_material *m);

#endif
