/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One time-stamp for the received octets of several documents: whoever comes first waits
 * a bounded while for others, asks, and shares what came of it; never longer than its
 * rule says, never keeps a document's octets.
 */
#ifndef SEALGATE_SEAL_BATCH_H
#define SEALGATE_SEAL_BATCH_H

#include "evidence/record.h"
#include "seal/stamp.h"

struct batch;

/* What the threads have in common. */
struct batches {
	pthread_mutex_t lock;
	pthread_condattr_t clock; /* monotonic */
	struct batch *open;	  /* who comes now joins it; NULL: who comes opens one */
};

/* Return: 0 or -errno. */
int batches_init(struct batches *b);
void batches_done(struct batches *b);

/* Have the octets of a document time-stamped together with what comes within
 * rule.wait_ms, at most rule.documents of them, and append its evidence record. Return:
 * as stamp_octets. */
enum stamp batch_record(struct seal_tools *t, struct span document, struct buf *ret,
	int64_t *ret_gen_time, char *ret_reason, size_t size);

#endif
