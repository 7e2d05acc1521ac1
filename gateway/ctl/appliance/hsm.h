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
 * the image's software token, which is let out nowhere. let_out: does the configuration
 * let the signer out? Return: 0, or -EPERM with *ret_error, one line that
 * the caller frees. */
int hsm_judge(const char *modules, const char *module, bool let_out, char **ret_error);

/* The ways that the signer may be let out by: to the network, and, by the words of
 * hsm/devices, to devices of the machine. */
#define HSM_NETWORK "network"
#define HSM_DEVICES "hsm/devices"
#define HSM_WAYS_SIZE 32

/* Which devices of the machine a configuration names for the signer, in the file at path:
 * a word a line, "usb", of a closed list. None is right, too. Return: 0 with the words,
 * each with a space before it, or negative with *ret_error. */
int hsm_devices(const char *path, char ret_ways[HSM_WAYS_SIZE], char **ret_error);

/* As root: have the manager let the signer out by these ways, "network usb", by settings
 * that the image has ready; until the machine starts again. Return: 0, -EINVAL: it is no
 * way, -errno. */
int hsm_let_out(const char *ways);

#endif
