/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A walk over the documents that are stored: each judged by two verify processes of one's
 * own, as of the time it came, and what differs put into an account; never prints it,
 * never changes what is stored.
 */
#ifndef SEALGATE_CTL_REPLAYING_H
#define SEALGATE_CTL_REPLAYING_H

#include "ctl/bundle/rerun.h"
#include "ctl/bundle/trial.h"
#include "ctl/documents/queue_session.h"

#include <stdbool.h>

#define REPLAY_LIMIT_DEFAULT 10000
#define REPLAY_LIMIT_TOP 10000000

struct replay_options {
	int64_t since; /* INT64_MIN: not said */
	long limit;
	const char *partner; /* NULL: all */
	bool json;
};

struct replaying {
	const struct replay_options *o;
	struct queue_session *session;
	struct trial base, next;
	struct rerun_account account;
	long seen;
	int64_t told; /* when progress was told last */
};

/* Judge the documents since then. Return: 0, a number for queue_session_explain, or
 * negative. */
int replaying_walk(struct replaying *p);
void replaying_done(struct replaying *p);

#endif
