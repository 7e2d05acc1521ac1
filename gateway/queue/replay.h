/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the audit records of one document say about its state, for comparing with what is
 * stored; never a database.
 */
#ifndef SEALGATE_QUEUE_REPLAY_H
#define SEALGATE_QUEUE_REPLAY_H

#include "queue/types.h"

#include <jansson.h>
#include <stdbool.h>

/* A delivery as its records tell it. Holds and attempts come and go without a trace in
 * the balance: whatever is not at its end is DELIVERY_QUEUED here. */
struct replay_delivery {
	char destination[DESTINATION_NAME_SIZE];
	enum delivery_state state;
	bool elsewhere; /* another destination has got the document instead */
};

/* Zeroed it is a document of which nothing was told yet. */
struct replay {
	enum document_state document;
	struct replay_delivery deliveries[QUEUE_DELIVERIES_MAX];
	size_t count;
};

/* Take the next record of the document, in the order of the chain. */
void replay_record(struct replay *p, const json_t *record);

/* The state in the terms of a replay: queued, delivered, refused or expired. */
enum delivery_state replay_class(enum delivery_state s);

#endif
