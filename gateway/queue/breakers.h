/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What forward last said of the breaker of each destination, for whoever asks how the
 * gate does; never decides whether anything is sent, never outlives the process.
 * Whoever holds it holds it for longer than a database is open.
 */
#ifndef SEALGATE_QUEUE_BREAKERS_H
#define SEALGATE_QUEUE_BREAKERS_H

#include "queue/types.h"

#include <jansson.h>

/* As many as a policy may have destinations, and their notices. */
#define BREAKERS_MAX 128

struct breaker_told {
	char destination[DESTINATION_NAME_SIZE];
	uint32_t state; /* enum breaker_state */
	uint32_t crew;	/* by the process that tells: any number that is its own */
	int64_t since;	/* seconds */
	int64_t trial;	/* open: when the next trial may be made */
};

/* Zeroed: nothing was said yet. */
struct breakers {
	struct breaker_told list[BREAKERS_MAX];
	size_t count;
	uint32_t crew; /* who told all of it */
};

/* What another crew has told is gone with the first word of this one: it may have had
 * destinations that are no more. Return: true, or false of what is none, and where there
 * is no place for one more. */
bool breakers_tell(struct breakers *b, const struct breaker_told *told);

/* {destination: {"state", "since", "next_trial": open}}: a new reference or NULL. */
json_t *breakers_to_json(const struct breakers *b);

#endif
