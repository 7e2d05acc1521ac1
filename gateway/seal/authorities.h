/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The time-stamping authorities of the instance in their order of preference, who of them
 * answers, and what their quotas leave; never speaks to one.
 */
#ifndef SEALGATE_SEAL_AUTHORITIES_H
#define SEALGATE_SEAL_AUTHORITIES_H

#include "common/instance.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define AUTHORITIES_MAX 8
#define AUTHORITIES_FILE "policies/signature/tsa.cfg"
#define AUTHORITIES_USAGE "state/seal/tsa.json"
#define AUTHORITY_NAME_SIZE 32
#define AUTHORITY_REASON_SIZE 160

/* What one authority made of one query. */
enum tsa_answer {
	TSA_UNDECIDED = 0,
	TSA_GRANTED,
	TSA_SILENT,  /* no answer, or one that says "not now" */
	TSA_REFUSED, /* it will not, as long as we ask like this */
	TSA_WRONG,   /* a token that proves nothing here: nonce, imprint, policy, path */
	TSA_SKEWED,  /* a proven token of another time than ours */
	TSA_STOPPED, /* the daemon shall stop; says nothing of the authority */
};

/* "granted", "silent" ... */
const char *tsa_answer_text(enum tsa_answer answer);

struct authority {
	char name[AUTHORITY_NAME_SIZE];
	char url[256];
	char policy[64]; /* that is asked for and must be in the token; "": any */
	int max_skew_s;
	long long per_day;    /* queries in a UTC day; 0: no quota */
	long long per_minute; /* 0: no quota */
	/* Of the pool's lock. */
	enum tsa_answer last;
	char reason[AUTHORITY_REASON_SIZE];
	int delay_ms;	    /* 0: it answers */
	int64_t until;	    /* monotonic ms; asked only after the others before */
	int64_t day;	    /* of used and reserved */
	long long used;	    /* queries today */
	long long reserved; /* of used, what the usage file says */
	double allowance;   /* left of this minute */
	int64_t at_ms;	    /* of allowance */
};

/* How received octets are time-stamped together. */
struct batch_rule {
	int documents; /* at most so many share a time-stamp; 0: there are no batches */
	int wait_ms;   /* how long the first one waits for others */
	bool level_b;  /* the record stands in the place of the seal's own time-stamp */
};

struct authorities {
	pthread_mutex_t lock;
	struct authority list[AUTHORITIES_MAX];
	size_t count;
	struct batch_rule batch;
	int alarm_s;	       /* without a time-stamp, after which it is an alarm */
	int64_t missing_since; /* monotonic ms; 0: the last stamp was made */
	int64_t missing_at;    /* the same in seconds, for the usage file */
	bool alarmed;
	char usage[PATH_MAX];
};

/* Read policies/signature/tsa.cfg or, when there is none, take the one authority of
 * seal.tsa_url; then what was used of today's quotas. *ret_error: one line for people,
 * the caller frees. Return: 0 (with count 0 when there is no authority), -EINVAL, -errno.
 */
int authorities_open(
	struct authorities *a, const struct instance *instance, char **ret_error);

/* One authority without limits, for tests and for seal.tsa_url. */
void authorities_only(struct authorities *a, const char *url);

/* The next one to ask of those that are not in tried (a bit each): the first that
 * answers, otherwise the one whose back-off ends first; one within its quotas. The query
 * is counted. Return: index, or -1 with one line in ret_reason. */
int authorities_next(
	struct authorities *a, unsigned int tried, char *ret_reason, size_t size);

/* What came of it. */
void authorities_said(
	struct authorities *a, size_t index, enum tsa_answer answer, const char *reason);

/* Seconds until the want of time-stamps is an alarm, negative when it is one; *ret_first
 * is true once, when it becomes one. To be asked after an attempt without a stamp. */
int authorities_countdown(struct authorities *a, bool *ret_first);

/* Seconds since the want of time-stamps began, -1 when there is none. */
int authorities_missing(struct authorities *a);

#endif
