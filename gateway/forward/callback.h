/* SPDX-License-Identifier: EUPL-1.2 */
/* One partner that is called back: a thread that pushes its outcomes; not who is called.
 */
#ifndef SEALGATE_FORWARD_CALLBACK_H
#define SEALGATE_FORWARD_CALLBACK_H

#include "forward/forward.h"
#include "forward/notary.h"
#include "forward/trunk.h"
#include "policy/policy.h"

#include <pthread.h>
#include <stdatomic.h>

struct caller {
	struct courier courier;
	struct profile profile;
	const struct partner *partner;
	char feed[FEED_NAME_SIZE]; /* its own, or that of its rehearsals */
	struct trunk *trunk;	   /* borrowed, shared */
	struct notary *notary;	   /* likewise */
	const atomic_bool *over;   /* true: call no more */
	pthread_t thread;
	bool tried;	/* under this policy: the first time waits for nothing */
	uint32_t waits; /* turns in a row that ended without a signature */
	int lease_s;	/* a turn; other gates at the same database wait for its end */
	struct queue_claim claim; /* of the last turn */
	int64_t turn_ms;	  /* when it began, at the latest */
};

/* Start its thread; everything is borrowed until caller_join. Return: 0 or -ENOMEM. */
int caller_start(struct caller *c, const struct daemon *d, const struct partner *partner,
	const struct credentials *credentials, struct trunk *trunk, struct notary *notary,
	const atomic_bool *over);

/* Wait for the thread of a caller that was started; an exchange that runs ends first. */
void caller_join(struct caller *c);

#endif
