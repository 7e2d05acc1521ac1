/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The thread that takes sealed containers to their next level, one small step at a time:
 * B to T, T to LT, LT to LTA, and once more before that ends; never makes a seal.
 */
#ifndef SEALGATE_SEAL_RENEW_H
#define SEALGATE_SEAL_RENEW_H

#include "seal/attempt.h"
#include "seal/renewal.h"

/* What a step came to. */
struct renewal_step {
	enum seal_level level;		  /* that the container has now */
	struct buf container;		  /* empty: nothing changed */
	int64_t due;			  /* of the next step, 0: none */
	char reason[ATTEMPT_REASON_SIZE]; /* why nothing changed */
	bool unstamped;			  /* for want of an authority */
};

/* Take one step with a container of a level at now; release with buf_done. */
void renew_step(struct seal_tools *t, struct span container, enum seal_level level,
	int64_t now, struct renewal_step *ret);

/* Serve until the daemon shall stop. arg: struct seal_house. Return: NULL. */
void *renew_run(void *arg);

#endif
