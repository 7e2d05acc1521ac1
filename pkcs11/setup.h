/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Commands for people who set the signer up: token, keys, requests, certificates, the count;
 * never answer a program.
 */
#ifndef SEALGATE_PKCS11_SETUP_H
#define SEALGATE_PKCS11_SETUP_H

#include "common/instance.h"

/* Run `argv[0]` ("init-token", "csr", ...) with its arguments.
 * Return: exit status, 2 for wrong usage. */
int setup_run(const struct instance *instance, int argc, char **argv);

#endif
