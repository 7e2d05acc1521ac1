/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether somebody who may mend the machine was answered over the network since it
 * started, handed to who decides about the configuration as a file; never who it was.
 */
#ifndef SEALGATE_COMMON_ANSWERED_H
#define SEALGATE_COMMON_ANSWERED_H

#include <stdbool.h>

/* The file is in $SEALGATE_ANSWERED, which a start empties; without it nobody asks, and
 * nothing is said. */

/* Say it. Return: 0 or -errno. */
int answered_tell(void);

bool answered_read(void);

#endif
