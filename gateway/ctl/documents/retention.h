/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What policy says is to be erased: archived first, step by step; never erases itself,
 * and nothing that it could not archive and compare.
 */
#ifndef SEALGATE_CTL_RETENTION_H
#define SEALGATE_CTL_RETENTION_H

#include "ctl/documents/queue_session.h"
#include "policy/policy.h"

/* Of one document: for it to be archived by a slow command. */
#define RETENTION_LEASE_S 1800

/* A run over an instance. */
struct retention {
	struct queue_session session;
	struct policy *policy;
	char archive[PATH_MAX]; /* folder */
	const char *command;	/* takes each document's folder instead, "" for none */
	int erased, kept;
	bool clock_confirmed; /* by the person who started the run */
	uint64_t stamp;	      /* of the policy as it was read */
	int64_t claimed_ms;   /* on the monotonic clock */
};

/* Open queue and policy of SEALGATE_INSTANCE; archive and command override what is
 * configured (NULL: do not). Says on standard error why not. Return: enum exit_status. */
int retention_open(struct retention *t, const char *archive, const char *command);
void retention_close(struct retention *t);
#define _cleanup_retention_ _cleanup_(retention_close)

/* A request with the periods of the policy in force. Return: false, a text is too long.
 */
bool retention_request(const struct retention *t, enum queue_retention verb,
	struct queue_retention_request *ret);

/* Archive, compare and erase all that may go. Return: enum exit_status; EXIT_NOT_PASSED
 * when something was kept after all. */
int retention_run(struct retention *t);

/* Write what there is of a document into a folder of this claim's own and list it there.
 * d: as in an answer of queue_retention. ret: where it is, for people, SHA-256 of the
 * list, and of the parts. Return: 0, -ESTALE it was erased, or the claim may end
 * meanwhile; -errno. */
int retention_archive(
	struct retention *t, const json_t *d, struct queue_retention_request *ret);

/* Make the archive, have it survive a power cut, and see that the queue has room beside
 * it. Return: 0, -ENOSPC, -errno. */
int retention_make_room(const struct retention *t);

/* What is on its way to a command and was erased goes. */
void retention_sweep(struct retention *t);

/* Is the list of the statement in this record there? */
bool retention_has_statement(const struct retention *t, int64_t position);

/* Keep the list that a statement is about beside the archive. Return: 0 or -errno. */
int retention_keep_statement(struct retention *t, int64_t position, const char *list);

/* Its erasure was refused: what this claim has archived of it goes. */
void retention_drop(struct retention *t, const json_t *d);

/* After the erasure: what was only on its way to the command goes, and what earlier
 * claims left. */
void retention_handed_over(struct retention *t, const json_t *d);

#endif
