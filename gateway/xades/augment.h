/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Augmentation of XAdES signatures that this library made (EN 319 132-1 clause 5.5,
 * levels T, LT and LTA of clause 6.3): what proves a signature later is put into it while
 * it can be had; never holds a key, never fetches, never touches what is signed.
 */
#ifndef SEALGATE_XADES_AUGMENT_H
#define SEALGATE_XADES_AUGMENT_H

#include "common/buf.h"
#include "xades/validate.h"

/* All of it is borrowed, by a stamp until xades_stamp_free. */
struct xades_augment_plan {
	struct span file;
	/* How it is validated now: time, anchors, detached data, and the revocation data
	 * and certificates from which what is missing is taken. */
	const struct xades_options *options;
	const char *id; /* Signature/@Id */
	/* Paths of what the signature covers, whose data is put in, too. */
	STACK_OF(X509) *const *others;
	size_t other_count;
};

/* LT: add the certificates of the paths of signer and time-stamps, and revocation data
 * for each of them; the signer's must have been issued after the time for which the
 * signature is proven to exist. Of the others the best there is, be it none: data that is
 * as young, else what was in force then. The signature must pass and have a
 * signature time-stamp, and the result passes with nothing but the anchors of the
 * material. *ret_reason: one sentence why not, the caller frees. Return: 1 with the new
 * file appended to ret, 0 not (yet) possible, negative undecided.
 */
int xades_add_validation_data(
	const struct xades_augment_plan *plan, struct buf *ret, char **ret_reason);

enum xades_stamp_kind {
	XADES_STAMP_SIGNATURE, /* level T: SignatureTimeStamp */
	XADES_STAMP_ARCHIVE,   /* level LTA and its renewal: ArchiveTimeStamp (v1.4.1) */
};

/* A file that waits for the token of a new time-stamp. */
struct xades_stamp;

/* Append the octets that the time-stamp must imprint. Before an archive time-stamp,
 * validation data that the time-stamps so far lack is added (TimeStampValidationData),
 * and, as far as it is there, what the others lack.
 * Return: as xades_add_validation_data; release with xades_stamp_free. */
int xades_stamp_prepare(const struct xades_augment_plan *plan, enum xades_stamp_kind kind,
	struct xades_stamp **ret_stamp, struct buf *ret_octets, char **ret_reason);
void xades_stamp_free(struct xades_stamp *s);
DEFINE_CLEANUP(struct xades_stamp *, xades_stamp_free)

/* Put the token (DER) in and validate the result as above, at `at`.
 * Return: as xades_add_validation_data. */
int xades_stamp_finish(const struct xades_stamp *s, struct span token, int64_t at,
	struct buf *ret, char **ret_reason);

#endif
