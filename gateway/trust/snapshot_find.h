/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which snapshots a store has, by their names, and what the header of one says; never
 * maps one, never follows a link, never believes that its octets are what it says.
 */
#ifndef SEALGATE_TRUST_SNAPSHOT_FIND_H
#define SEALGATE_TRUST_SNAPSHOT_FIND_H

#include "common/digest.h"

#include <limits.h>

#define SNAPSHOT_NAME_SIZE 40

struct snapshot_head {
	int64_t at; /* of the import, by the name */
	char name[SNAPSHOT_NAME_SIZE];
	/* As trust_snapshot's; "": nobody takes it, as it cannot be read, is a link, or
	 * has no header of that time and length. */
	char version[SHA256_TEXT_SIZE];
};

/* The file of an import. Return: 0 or -ENAMETOOLONG. */
int snapshot_path(const char *store, int64_t at, char ret_path[PATH_MAX]);

/* The time in a name. Return: 0, or -EINVAL for what is no snapshot's. */
int snapshot_time_of_name(const char *name, int64_t *ret_at);

/* The newest import at or before known_at. Return: 0, -ENOENT, other negative. */
int snapshot_find(const char *store, int64_t known_at, int64_t *ret_at);

/* The oldest import behind a time. Return: as snapshot_find(). */
int snapshot_after(const char *store, int64_t at, int64_t *ret_at);

/* What the header of the snapshot of an import says: some hundred octets are read.
 * Return: 0 or -ENAMETOOLONG. */
int snapshot_head_read(const char *store, int64_t at, struct snapshot_head *ret);

#endif
