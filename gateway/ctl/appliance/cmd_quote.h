/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sealgate appliance quote`, `attest`, which its unit calls, and `quote-check`; never
 * has a secret.
 */
#ifndef SEALGATE_CTL_CMD_QUOTE_H
#define SEALGATE_CTL_CMD_QUOTE_H

#include <stdbool.h>

bool quote_verb(const char *verb);

/* Run the one of these that argv[0] is. Return: an exit status. */
int cmd_quote(int argc, char **argv);

#endif
