/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Set-up run by root becomes the signer's uid, so that the signer can use what was set
 * up; never gives anything to another uid.
 */
#ifndef SEALGATE_PKCS11_OWNERSHIP_H
#define SEALGATE_PKCS11_OWNERSHIP_H

#include "common/instance.h"

/* Make state/signer and, as root with separated peers, give it and the PIN files to the
 * signer's uid and become it. Return: 0 or -errno after a message. */
int ownership_take(const struct instance *instance);

#endif
