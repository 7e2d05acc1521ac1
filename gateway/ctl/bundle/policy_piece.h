/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A bundle that comes from afar in pieces, with the signatures beside it: its list first,
 * then what that names. Each person's (SEALGATE_PERSON) is kept apart, of at most eight
 * people; never judges who signed, and never uses what is not whole.
 */
#ifndef SEALGATE_CTL_POLICY_PIECE_H
#define SEALGATE_CTL_POLICY_PIECE_H

#include "ctl/bundle/policy_force.h"

/* Names in the list: the bundle, and BUNDLE_NAME ".DIGEST16.p7s" for each signature. */
#define BUNDLE_NAME "bundle"
#define BUNDLE_LIST_HEAD "sealgate-bundle 1"
#define BUNDLE_SIGNATURE_MAX (64 * 1024)

/* Take what came under this name ("sha256:" and the digest of its list), so that nothing
 * changes it any more. *ret_path: the bundle, its signatures beside it. f is open.
 * Return: 0, or negative after a complaint on standard error. */
int policy_piece_take(const struct force *f, const char *name, char ret_path[PATH_MAX]);

/* The octets of the bundle that came under this name, which stays there; the caller frees
 * them. Nobody has looked into it. Return: as above. */
int policy_piece_read(const char *name, uint8_t **ret_octets, size_t *ret_len);

/* Whatever was taken is in force, or refused: remove it. */
void policy_piece_done(const struct force *f);

#endif
