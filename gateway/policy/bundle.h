/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A policy as one file: a tar archive (POSIX ustar) with one form only, so that the same
 * tree and version always give the same octets; never follows a link, never writes
 * outside the folder it was given.
 */
#ifndef SEALGATE_POLICY_BUNDLE_H
#define SEALGATE_POLICY_BUNDLE_H

#include "common/buf.h"
#include "common/span.h"

#include <stdint.h>

#define BUNDLE_MAX (64u * 1024 * 1024)
#define BUNDLE_FILES_MAX 20000

struct bundle_file {
	char *name; /* relative, plain */
	struct span data;
};

struct bundle {
	uint64_t version; /* from 1; 0 is what was there before the first bundle */
	struct bundle_file *files; /* sorted by name */
	size_t count;
	uint8_t *octets; /* owned, of the whole tree or archive */
};

/* Read a folder with its files. *ret_error: one line, the caller frees.
 * Return: 0, -EINVAL, -errno. */
int bundle_of_folder(const char *folder, uint64_t version, struct bundle *ret_bundle,
	char **ret_error);

/* Read an archive, which must be exactly what bundle_write makes of its content. octets
 * are taken over, also on failure. Return: as above. */
int bundle_read(uint8_t *octets, size_t len, struct bundle *ret_bundle, char **ret_error);

/* Read either. */
int bundle_open(const char *path, struct bundle *ret_bundle, char **ret_error);
void bundle_done(struct bundle *b);
#define _cleanup_bundle_ _cleanup_(bundle_done)

/* Append the archive. Return: 0, -E2BIG, -ENOMEM, -EINVAL for a name that is too long. */
int bundle_write(const struct bundle *b, struct buf *out);

/* Write every file below a folder that is made for it. Return: 0 or -errno. */
int bundle_extract(const struct bundle *b, const char *folder);

#endif
