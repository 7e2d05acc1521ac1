/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The way of the appliance's signer to an HSM: which module it may load, and the settings
 * of its unit by which it is let out; never decides where to, the firewall does.
 */
#ifndef SEALGATE_CTL_HSM_H
#define SEALGATE_CTL_HSM_H

#include <stdbool.h>

/* Where the image has the modules of whoever built it, and what lets the signer out. */
#define APPLIANCE_MODULES "/usr/lib/sealgate/modules"

/* May a configuration have this module (signer.module)? It is a file below modules, or
 * the image's software token, which nothing is let out for. let_out: does the
 * configuration let the signer out? Return: 0, or -EPERM with *ret_error, one line that
 * the caller frees. */
int hsm_judge(const char *modules, const char *module, bool let_out, char **ret_error);

/* As root: have the manager give the signer a network, by settings that the image has
 * ready; until the machine starts again. Return: 0 or -errno. */
int hsm_let_out(void);

#endif
