/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The folder in which imports of trusted lists are kept: snapshots of services
 * (trust/snapshot.h), how each list stands (status.jsonl), the sequence numbers that were
 * believed (sequences.json), the last good list of each address (good/); never judges.
 */
#ifndef SEALGATE_TRUST_LIST_STORE_H
#define SEALGATE_TRUST_LIST_STORE_H

#include "trust/import.h"

#define LIST_STORE_STATUS "status.jsonl"
#define LIST_STORE_STATUS_MAX (4u * 1024 * 1024)

/* The sequence numbers of earlier imports, an empty object when there are none. Return: 0
 * with a new reference, -EINVAL: the file cannot be read, other negative. */
int list_store_sequences(const char *store, json_t **ret_sequences);

/* Keep an import that is usable: sequence numbers (raised here), a snapshot, the status;
 * r is completed. With changed_only nothing is written when every list stands as before
 * and a snapshot of then is there. Return: 1 written, 0 as before, negative. */
int list_store_update(const char *store, const struct import_request *q,
	struct list_results *r, json_t *sequences, bool changed_only);

/* The last good octets of a list by its URL; the caller frees. Return: 0, -ENOENT, other
 * negative. */
int list_store_good(
	const char *store, const char *url, uint8_t **ret_octets, size_t *ret_len);

bool list_store_has_good(const char *store, const char *url);

/* Replace them. Return: 0 or -errno. */
int list_store_keep(const char *store, const char *url, struct span octets);

#endif
