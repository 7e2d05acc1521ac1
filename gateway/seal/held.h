/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The thread that has the octets of held documents time-stamped, several at once, so that
 * it can be proven when their signatures were there; never judges, never seals.
 */
#ifndef SEALGATE_SEAL_HELD_H
#define SEALGATE_SEAL_HELD_H

#include "seal/attempt.h"

/* Serve until the daemon shall stop. arg: struct seal_house. Return: NULL. */
void *held_run(void *arg);

#endif
