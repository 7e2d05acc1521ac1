/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The thread that has the newest sealed head of the audit chain time-stamped now and
 * then; never keeps the queue or the chain waiting.
 */
#ifndef SEALGATE_SEAL_HEADS_H
#define SEALGATE_SEAL_HEADS_H

#include "seal/attempt.h"

/* Serve until the daemon shall stop. arg: struct seal_house. Return: NULL. */
void *heads_run(void *arg);

#endif
