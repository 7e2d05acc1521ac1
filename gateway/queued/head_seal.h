/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Heads of the audit chain sealed by the signer, in a thread of their own: a slow or
 * absent token never keeps the queue waiting. Never touches the database.
 */
#ifndef SEALGATE_QUEUED_HEAD_SEAL_H
#define SEALGATE_QUEUED_HEAD_SEAL_H

#include "common/instance.h"
#include "queue/engine.h"
#include "queued/head_export.h"

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>

struct head_seal {
	const struct instance *instance;
	const char *folder;	    /* heads/ is below it */
	struct head_export *export; /* NULL: there is no second folder for them */
	char signer[PATH_MAX];
	int64_t every_ms, every_records;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct engine_head head; /* durable */
	/* The newest sealed one, and how far time-stamps have come. */
	char *newest;
	int64_t newest_position, stamped_position;
	int64_t pending_position; /* time-stamp whose record is in the open transaction; 0
				   */
	int64_t stamp_every_ms, stamped_ms; /* 0: none since the start */
	struct heads_told told;		    /* of what is sealed */
	int64_t waiting_since_ms;	    /* for a seal; 0: all is sealed */
	struct signer *asked;		    /* while the signer is */
	bool running, stop, failing;
	bool ended; /* the thread's work */
	bool cut;   /* nobody is asked any more */
};

/* Start the thread. Return: 0 or -errno. */
int head_seal_start(
	struct head_seal *h, const struct instance *instance, const char *folder);

/* The chain has come this far, durably. */
void head_seal_offer(struct head_seal *h, const struct engine_head *head);

/* Position and SHA-256 of the newest sealed head. Return: false when there is none. */
bool head_seal_newest(
	struct head_seal *h, int64_t *ret_position, uint8_t ret_sha256[SHA256_SIZE]);

/* How far it has come. */
void head_seal_told(struct head_seal *h, struct heads_told *ret);

/* The newest sealed head, when it is time for a time-stamp of one. Return: QUEUE_DONE
 * with a sealed memfd, QUEUE_EMPTY, negative. */
int head_seal_unstamped(struct head_seal *h, int64_t *ret_position, int *ret_fd);

/* Its token has come: on the disk beside the head, under a name of its own until the open
 * transaction, which notes it in the chain, has ended. Return: QUEUE_DONE,
 * QUEUE_NOT_FOUND, negative. */
int head_seal_stamped(struct head_seal *h, int64_t position, struct span token);

/* The transaction has ended, and committed says how: the time-stamp takes its name and is
 * exported by the thread, or it is as if it had not come, and the head is stamped again.
 * h may be NULL. */
void head_seal_settle(struct head_seal *h, bool committed);

/* Seal the last head if the signer answers at once, and end the thread: neither a signer
 * that keeps silent is waited for nor a second folder. */
void head_seal_stop(struct head_seal *h);

#endif
