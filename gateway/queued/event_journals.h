/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the other programs have to say of themselves and of the keys, in the audit chain:
 * the lines of state/events/PROGRAM/journal (common/events.h), each once and in their
 * order; never an event that is not that program's to tell.
 */
#ifndef SEALGATE_QUEUED_EVENT_JOURNALS_H
#define SEALGATE_QUEUED_EVENT_JOURNALS_H

#include "queued/batch.h"

#define EVENT_JOURNALS 14

/* Of one program. */
struct event_journal {
	uint64_t inode;	 /* of the file that this is about, 0: of any */
	int64_t noted;	 /* octets that are in the chain */
	int64_t passed;	 /* octets behind them that are over the allowance */
	int64_t lines;	 /* how many they are: told when there is room */
	int room;	 /* records that it may fill now */
	int64_t room_ms; /* when it had that much */
	bool told;	 /* that it cannot be read */
};

struct event_journals {
	int64_t next_ms; /* when they are looked at next */
	bool read;	 /* how far they are in the chain is known */
	struct event_journal each[EVENT_JOURNALS];
	bool told_noted; /* that state/queue/events-noted cannot be written or read */
};

void event_journals_init(struct event_journals *j, int64_t now_ms);

/* Record what is new, of each program at most a hundred lines at a time and all in one
 * transaction, by the actor of its name: "program.start" and "program.stop", and of the
 * signer "key.*". What is no such line is recorded as "journal.unreadable". A program
 * fills the chain with no more than its allowance; of what is over it
 * "journal.suppressed" tells how many lines, but the signer's lines wait. How far each
 * was is kept in state/queue/events-noted after the commit: a crash between the two
 * records lines again, which their digests show. Return: as batch_run. */
int event_journals_run(struct event_journals *j, struct batch *b, int64_t now_ms);

#endif
