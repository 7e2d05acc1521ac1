/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a person does between `sealgate init` and the first document; does none of it.
 */
#ifndef SEALGATE_CTL_INIT_NEXT_H
#define SEALGATE_CTL_INIT_NEXT_H

#include <stdbool.h>
#include <stdio.h>

/* The steps for the instance in dir. system: its programs are systemd's. */
void init_say_next(FILE *out, const char *dir, bool test, bool system);

#endif
