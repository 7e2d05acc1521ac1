/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which programs may connect to the signer, and how many connections each may hold; never
 * what they may sign.
 */
#ifndef SEALGATE_PKCS11_GUEST_H
#define SEALGATE_PKCS11_GUEST_H

#include "common/instance.h"

#include <stddef.h>

#define GUESTS 9 /* kinds of guest */
#define GUEST_CONNECTIONS_MAX                                                            \
	660 /* of all kinds together: each kind has its own share                        \
	     */

/* The kind of guest at the other end of socket, by its uid. Return: below GUESTS, or -1
 * for whoever has nothing to ask: a stranger, and programs of the house without a role.
 */
int guest_of(const struct instance *i, int socket);

/* The kind of guest of this name. Return: as guest_of. */
int guest_kind(const char *name);

/* Connections that one kind of guest may hold at once. */
size_t guest_max(int guest);

#endif
