/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One transaction for what many connections ask (group commit), and what becomes of them
 * when the database cannot; never answers what is not durable.
 */
#ifndef SEALGATE_QUEUED_BATCH_H
#define SEALGATE_QUEUED_BATCH_H

#include "queued/clock.h"
#include "queued/connection.h"

#define BATCH_REQUESTS_MAX 128
#define BATCH_OCTETS_MAX (32u * 1024 * 1024) /* of descriptors, to bound the latency */

struct batch {
	const char *folder;
	const struct engine_place *place; /* NULL: SQLite in the folder */
	struct engine *engine;		  /* NULL while it cannot be opened */
	struct head_seal *heads;	  /* NULL: none are sealed */
	struct breakers breakers;	  /* known also when another engine is opened */
	struct engine_head head;
	int64_t began; /* the chain's end when this process opened it */
	struct clock_watch clock;
	const struct queue_command_request *grant; /* who accepts the clock in this one */
	struct connection *asked[BATCH_REQUESTS_MAX];
	size_t count;
	size_t octets;
	struct connection *waiting[CONNECTIONS_MAX]; /* parked claims */
	size_t waiting_count;
	int64_t retry_ms; /* no write (no opening) before this */
	int64_t back_off_ms;
	enum queue_why why; /* nothing can be written, when it was tried last */
	bool failing;
	bool owed; /* cursors are to be raised first: nothing is written before */
};

void batch_init(struct batch *b, const char *folder, struct engine *e);

/* Close the database; orderly: with its log written back. */
void batch_done(struct batch *b, bool orderly);

bool batch_full(const struct batch *b);
void batch_add(struct batch *b, struct connection *c);
void batch_add_waiting(struct batch *b, struct connection *c);

/* Run and answer all that was added. Return: 0, or -errno when the process must end
 * without answering. */
int batch_run(struct batch *b);

/* From here on nothing is recorded while the clock is behind the last record.
 * Return: as batch_run; else whether it is right now. */
int batch_watch_clock(struct batch *b);

/* The database was committed at now. */
void batch_recorded(struct batch *b, int64_t now);

/* False when there is no database, or the clock is behind the last record. */
bool batch_may_record(const struct batch *b, int64_t now);

/* Add an event of queued itself to the audit chain, in a commit of its own, with DETAIL,
 * a JSON object. Return: 1; 0 it cannot be recorded now; negative as batch_run. */
int batch_say(struct batch *b, const char *event, const char *detail);

/* As batch_say, of a database that is an older one than was served before: in the same
 * commit the cursors of outcomes leave out what was given out since. */
int batch_say_older(struct batch *b, const char *event, const char *detail);

/* Is a raise owed, which could not be committed or found out about yet? Until it is not,
 * whoever writes is told that the database is not available: what is numbered before
 * would be numbered as what was given out and is lost. Reading goes on. */
void batch_owe(struct batch *b, bool owed);

/* The same with the schema and the version for detail. Return as batch_run. */
int batch_note(struct batch *b, const char *event);

/* "queued.clock-accepted": what was leased or put off by the clock that was ahead goes on
 * from now. With who accepted it, where it was asked. Return as batch_run. */
int batch_note_accepted(struct batch *b);

/* End of the chain that is durable. */
struct engine_head batch_head(const struct batch *b);

#endif
