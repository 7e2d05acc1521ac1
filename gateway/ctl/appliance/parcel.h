/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A signed folder (manifest.h) that comes from afar in pieces: its manifest first, which
 * is proven before anything that it lists is taken; never uses what came, and never gives
 * up a proven parcel for what is not proven.
 */
#ifndef SEALGATE_CTL_PARCEL_H
#define SEALGATE_CTL_PARCEL_H

#include "common/digest.h"
#include "common/span.h"
#include "ctl/appliance/manifest.h"

#include <stdbool.h>

#define PARCEL_MAX (512LL << 20)    /* octets of all its files */
#define PARCEL_LEAVES (256LL << 20) /* octets that stay free where it is kept */

struct parcel {
	char dir[PATH_MAX];
	const char *anchors; /* folder with release.pem and machine.pem */
};

/* Take a piece of the file that name is of the parcel: "manifest" is kept aside, until
 * "manifest.p7s" proves it; unless it is the same it then takes the place of the parcel
 * before it, in one step, but never of a newer one of its kind. Then what it lists comes,
 * in any order. A piece that does not begin where the file ends changes nothing.
 * *ret_have: octets of the file that are here; *ret_whole: is all that the list has here
 * now? *ret_error: one line, the caller frees.
 * Return: 0, -EKEYREJECTED not signed, -ESTALE older than what is here, -EPERM not
 * listed, -EFBIG more than was signed, -EBADMSG whole and other octets, -ENOSPC, -errno.
 */
int parcel_put(const struct parcel *p, const char *name, long long offset,
	struct span piece, long long *ret_have, bool *ret_whole, char **ret_error);

/* Take a run: octets of the files of the list that has this digest, which follow one
 * another in the order of the list, from a position among the octets of all of them on.
 * Each is proven as a piece's is once all of it is here; what is here is passed over.
 * *ret_next: where the first file that is not all here goes on, which no octets ask.
 * Return: as parcel_put, and -ESTALE where that list is not the one that is here. */
int parcel_put_run(const struct parcel *p, const char *sha256, long long at,
	struct span run, long long *ret_next, bool *ret_whole, char **ret_error);

/* What a command that takes a piece is given: where it begins, and its octets on standard
 * input, which the caller frees. Return: 0, -EINVAL no offset, -EFBIG, -errno. */
int parcel_read(
	const char *offset, long long *ret_offset, uint8_t **ret_octets, size_t *ret_len);

/* The same as parcel_put of a file that somebody else's list has. */
int parcel_put_file(const struct parcel *p, const struct manifest_file *f,
	long long offset, struct span piece, long long *ret_have);

/* Give up what came. Return: 0, also when there was nothing, or -errno. */
int parcel_discard(const struct parcel *p);

/* The same of one that began to come so many seconds before now, or earlier. Return: 1
 * given up, 0 there was none, or a younger one, -errno. */
int parcel_discard_old(const struct parcel *p, int64_t now, int64_t seconds);

/* Is it here, whole, of the kind ("update", "machine"), and is its manifest the one with
 * this digest? Return: 0, or negative with *ret_error. */
int parcel_check(
	const struct parcel *p, const char *kind, const char *sha256, char **ret_error);

/* By what a folder is named: the digest of its manifest. Return: 0 or -errno. */
int parcel_digest(const char *dir, char ret_sha256[SHA256_TEXT_SIZE]);

/* Prove the manifest of a parcel, of whichever kind. Return: as manifest_open. */
int parcel_open(const struct parcel *p, struct manifest *ret_manifest,
	const char **ret_kind, char **ret_error);

#endif
