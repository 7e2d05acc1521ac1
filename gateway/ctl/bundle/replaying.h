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
	const char *place; /* of struct trial_of */
};

struct replaying;

/* Told before a document is judged, of the time when it came. Return: NULL to go on, or
 * why not, static text of a few words. */
typedef const char *replay_told(void *data, const struct replaying *p, const char *at);

struct replaying {
	const struct replay_options *o;
	replay_told *told; /* NULL: a terminal is */
	void *data;
	struct queue_session *session;
	struct trial base, next;
	struct rerun_account account;
	long seen;
	int64_t told_ms; /* when a terminal was told last */
};

/* Judge the documents since then by the two trials, which have started. *ret_account: a
 * new reference. Return: EXIT_CLEAN nothing would be otherwise, EXIT_NOT_PASSED,
 * EXIT_INTERNAL not all that was asked for was decided; after a complaint where there is
 * no account. */
int replaying_walk(struct replaying *p, json_t **ret_account);
void replaying_done(struct replaying *p);

/* By the policy in force and by another one. Return: as above, EXIT_USAGE the other
 * cannot be read. */
int policy_replay_run(
	struct replaying *p, const struct trial_source *next, json_t **ret_account);

/* By the lists of two times, of a store, under the policy in force. Return: as above,
 * EXIT_USAGE there were none at a time. */
int trust_replay_run(struct replaying *p, const char *store, int64_t before,
	int64_t after, json_t **ret_account);

#endif
