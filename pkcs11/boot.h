/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What outlives the signer but not the machine's run: a PIN closed under a secret that
 * only the kernel's keyring holds; never across a boot, never for another uid.
 */
#ifndef SEALGATE_PKCS11_BOOT_H
#define SEALGATE_PKCS11_BOOT_H

#include "common/instance.h"
#include "pkcs11/vault.h"

#define BOOT_FILE "state/signer/activation"

/* Keep a PIN for the next start of this uid's signer. Return: 0 or -errno. */
int boot_keep(const struct instance *instance, const char *pin);

/* Return: 0, -ENOKEY (nothing was kept since the machine started), -errno. */
int boot_recall(const struct instance *instance, char ret_pin[PIN_SIZE]);

/* Forget secret and file. */
void boot_forget(const struct instance *instance);

#endif
