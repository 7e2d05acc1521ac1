/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a round of the ledger has found: the first of them in memory, all of them counted
 * and, up to a bound, in a file; never a comparison.
 */
#ifndef SEALGATE_QUEUE_LEDGER_WALK_H
#define SEALGATE_QUEUE_LEDGER_WALK_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#define LEDGER_FOUND_MAX 100	       /* told with the ledger, and recorded one by one */
#define LEDGER_EVIDENCE_MAX 100000     /* lines of the file */
#define LEDGER_EVIDENCE "ledger-found" /* in the folder of the queue */

struct ledger_found {
	json_t *list; /* the first LEDGER_FOUND_MAX, or NULL */
	int64_t count;
	int64_t lines; /* in the file */
};

/* Where the round stands that compares every row with its records. */
struct ledger_walk {
	int64_t document;	      /* the last one looked at */
	int64_t position;	      /* records looked at */
	int64_t rounds;		      /* whole ones */
	int64_t documents;	      /* of the last whole round */
	struct ledger_found found;    /* so far, by this round */
	struct ledger_found standing; /* by the last whole one */
	char path[512];		      /* of the file; "": there is none */
	FILE *file;		      /* of this round */
};

/* The file is in this folder; one that is too long has none. */
void ledger_walk_init(struct ledger_walk *w, const char *folder);
void ledger_walk_done(struct ledger_walk *w);

/* One more; takes mismatch over. A file that cannot be written has fewer lines: nothing
 * else ends by it. Return: 0 or -ENOMEM. */
int ledger_walk_found(struct ledger_walk *w, json_t *mismatch);

/* The round is whole: what it has found stands, and so does its file. */
void ledger_walk_end(struct ledger_walk *w);

/* "mismatches" (the first), "found" (how many in all), "named" (in the file) and, when
 * there are any, "file". Return: 0 or -ENOMEM. */
int ledger_walk_tell(const struct ledger_walk *w, json_t *check);

#endif
