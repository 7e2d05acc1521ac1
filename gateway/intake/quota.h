/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What each partner has sent in this hour and day, held against its quotas: counters in
 * memory of this process, which a start reads once for each partner from all that is
 * stored of the day, and again when the clock was set back over an hour. Of a database
 * that several appliances share what others took is read, too, each second, and for each
 * document where little of a quota is left; never is anything read for a document else.
 */
#ifndef SEALGATE_INTAKE_QUOTA_H
#define SEALGATE_INTAKE_QUOTA_H

#include "common/limits.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;

struct quota_use {
	char partner[PARTNER_NAME_SIZE];
	int64_t hour, day; /* since 1970; what follows is of these */
	int64_t in_hour, in_day, octets;
	int64_t running;
	int64_t furthest; /* hour in which the clock ever was */
	int64_t latest;	  /* second of the last one that was counted */
	int64_t read_at;  /* when what is stored was last read */
};

/* What is little of a quota: more than all others together take of one partner in a
 * second. */
#define QUOTA_NEAR 256
#define QUOTA_NEAR_OCTETS (64 * 1024 * 1024)

struct quotas {
	pthread_mutex_t lock;
	bool shared; /* others store documents, too */
	struct quota_use *list;
	size_t count;
};

enum quota_answer {
	QUOTA_OVER = 0, /* x->response holds the problem */
	QUOTA_BEGUN,	/* to be ended with quota_end() */
	QUOTA_NONE,	/* the partner has no quotas */
};

void quotas_init(struct quotas *q, bool shared);
void quotas_done(struct quotas *q);

/* Let the partner's request begin, which is a document to be counted or a preflight (not
 * counted, but under way). */
enum quota_answer quota_begin(struct exchange *x, bool counts, int64_t now);

/* kept: the document was committed, whatever became of it; else it does not count. */
void quota_end(
	struct exchange *x, const char *partner, bool counts, bool kept, int64_t now);

/* Limits, what is used and when that begins anew; only what the partner's file limits. */
json_t *quota_report(struct exchange *x, int64_t now);

#endif
