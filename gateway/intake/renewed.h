/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Watches by which policy and trust store verify judges: when they have become others,
 * held documents are due at once, and what was judged by those before is not accepted any
 * more; never decides anything itself.
 */
#ifndef SEALGATE_INTAKE_RENEWED_H
#define SEALGATE_INTAKE_RENEWED_H

#include "common/digest.h"
#include "common/instance.h"
#include "policy/verdict.h"
#include "queue/client.h"

#include <limits.h>
#include <pthread.h>

struct judged_by {
	char policy[SHA256_TEXT_SIZE], store[SHA256_TEXT_SIZE];
};

struct renewed {
	char verify_socket[PATH_MAX], queued_socket[PATH_MAX];
	char policies[PATH_MAX], anchors[PATH_MAX], revocation[PATH_MAX], lists[PATH_MAX];
	uint64_t stamp;	      /* of the files when they were last looked at */
	int64_t until_ms;     /* how long verify is asked after a change; 0: it is not */
	pthread_mutex_t lock; /* of the two below */
	struct judged_by now, before; /* "" unknown */
	bool owed;		      /* held documents are still to be told */
	int stop;		      /* eventfd */
	pthread_t thread;
};

int renewed_init(struct renewed *r, const struct instance *instance,
	const char *verify_socket, const char *queued_socket);
void renewed_done(struct renewed *r);

/* Start and end the thread. Return: 0 or -errno. */
int renewed_start(struct renewed *r);
void renewed_stop(struct renewed *r);

/* The thread's one step. */
void renewed_look(struct renewed *r);

/* False when verify is known to judge by something newer than the verdict's. */
bool renewed_holds(struct renewed *r, const struct verdict *v);

#endif
