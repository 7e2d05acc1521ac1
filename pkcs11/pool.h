/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * More tokens with copies of the first one's keys, used at the same time; never one whose
 * key is another, and never a reason for which the first is not used.
 */
#ifndef SEALGATE_PKCS11_POOL_H
#define SEALGATE_PKCS11_POOL_H

#include "pkcs11/opening.h"

/* The labels of signer.pool, one after the other; *ret_at: 0 at first. Return: false:
 * there are no more. */
bool pool_next(
	const struct instance *instance, size_t *ret_at, char ret_label[POOL_LABEL_SIZE]);

/* Log in to token number `spare` of the pool, which never costs the first one its PIN: a
 * refusal is kept in t->marks and nowhere else. Return: false with why. */
bool pool_log_in(const struct opening_of *t, struct opening *o, CK_SESSION_HANDLE session,
	size_t spare, const char **ret_why);

/* Add the sessions of every token of the pool that is there, is not in use already, and
 * signs with the same keys, POOL_MAX in all. Of others ret->incomplete and ret->reason.
 */
void pool_join(const struct opening_of *t, struct opening *ret);

#endif
