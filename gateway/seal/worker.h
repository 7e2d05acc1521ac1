/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The loop of one thread: claim, attempt, report; never holds work beyond its lease.
 */
#ifndef SEALGATE_SEAL_WORKER_H
#define SEALGATE_SEAL_WORKER_H

#include "seal/attempt.h"
#include "seal/breaker.h"

struct seal_worker {
	struct seal_house *house;
	struct breaker *breaker;
};

/* Serve until the daemon shall stop. arg: struct seal_worker. Return: NULL. */
void *worker_run(void *arg);

#endif
