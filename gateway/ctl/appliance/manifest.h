/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A signed list of the files in a folder: configuration of a machine, or an update; never
 * opens a file that the list does not name, nor uses one whose octets are others.
 *
 *   DIR/manifest       "sealgate-manifest 1 KIND SERIAL", then lines "SHA256 SIZE PATH"
 *   DIR/manifest.p7s   its detached CMS signature (RFC 5652), DER
 */
#ifndef SEALGATE_CTL_MANIFEST_H
#define SEALGATE_CTL_MANIFEST_H

#include "common/cleanup.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MANIFEST_FILES_MAX 1024

struct manifest_file {
	const char *sha256; /* lower-case hex */
	long long size;
	const char *path; /* relative, of [A-Za-z0-9._@-] and single slashes */
};

struct manifest {
	char dir[PATH_MAX];
	char *text;	 /* what the strings below point into */
	uint8_t *raw[2]; /* list and signature as they were read, and proven */
	size_t raw_len[2];
	const char *serial;
	struct manifest_file *files;
	size_t count;
};

/* Read DIR/manifest and prove that it is of the kind ("machine", "update") and signed by
 * the certificate in anchor (PEM) or one that it issued. Time plays no part: a machine
 * without a clock must take its configuration, and age is what the serial is for.
 * *ret_error is one line, the caller frees it. Return: 0, -EINVAL not as it must be,
 * -EKEYREJECTED not signed, -errno. */
int manifest_open(const char *dir, const char *kind, const char *anchor,
	struct manifest *ret_manifest, char **ret_error);
void manifest_done(struct manifest *m);

/* Write list and signature, as they were proven, into a folder, where manifest_open finds
 * them again: for who proves them once more. Return: 0 or -errno. */
int manifest_keep(const struct manifest *m, const char *folder);

/* Compare serials, decimal numbers with dots, of any length. Return: as strcmp. */
int manifest_compare(const char *a, const char *b);

/* Copy a file of the list below folder, where missing folders are made (0755); target
 * exists only when size and digest are right. Return: 0, -EBADMSG other octets, -errno.
 */
int manifest_copy(const struct manifest *m, const struct manifest_file *f,
	const char *folder, mode_t mode);

/* The same, but it is moved there, in one file system: for a folder that nobody else can
 * write to. What is refused is gone. Return: as manifest_copy, -EXDEV. */
int manifest_move(const struct manifest *m, const struct manifest_file *f,
	const char *folder, mode_t mode);

/* The octets of a file of the list, of so many at most, read once and proven to be those.
 * A NUL follows them, the caller frees them. Return: 0, -EBADMSG other octets, -errno. */
int manifest_read(const struct manifest *m, const struct manifest_file *f, size_t most,
	uint8_t **ret_octets, size_t *ret_len);

/* Are the octets of a file those of the list? Return: 0, -EBADMSG, -errno. */
int manifest_prove(const struct manifest_file *f, const char *path);

#endif
