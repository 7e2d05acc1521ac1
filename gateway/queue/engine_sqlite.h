/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside the SQLite engine: what SQLite does its own way; never included outside the
 * engine_sqlite*.c files and their tests.
 */
#ifndef SEALGATE_QUEUE_ENGINE_SQLITE_H
#define SEALGATE_QUEUE_ENGINE_SQLITE_H

#include "queue/backend.h"

#include <limits.h>
#include <sqlite3.h>

/* Which documents have which octets: engine_sqlite_octets.c says how. */
#define OCTETS_ROOM 65536 /* entries in memory before some are moved */

enum octets_statement {
	OCTETS_NEWEST,
	OCTETS_COUNT,
	OCTETS_LAST,
	OCTETS_KEEP,
	OCTETS_DROP,
	OCTETS_ROUND,
	OCTETS_MOVED,
	OCTETS_STATEMENTS,
};

struct octets_entry {
	uint8_t hash[8]; /* the first octets of the SHA-256 */
	int64_t document;
};

struct octets_sweep {
	int64_t newest;		/* document */
	int64_t recent;		/* entries in memory, or a few less */
	int64_t upto;		/* all documents up to it are on the disk */
	int64_t round;		/* the newest document when the round began */
	struct octets_entry at; /* moved last */
};

struct octets {
	sqlite3_stmt *statements[OCTETS_STATEMENTS];
	int64_t room;
	struct octets_sweep now;  /* as committed */
	struct octets_sweep next; /* with what the open transaction has moved */
};

struct engine_sqlite {
	struct engine base;
	struct octets octets;
	sqlite3 *db;
	int log_frames; /* in the write-ahead log */
	bool wipe_log;	/* it holds what was erased */
	sqlite3 *copy;	/* that is being made */
	sqlite3_backup *backup;
	int copy_fd; /* of the same; -1: there is none */
};

static inline struct engine_sqlite *sqlite_of(struct engine *e)
{
	return (struct engine_sqlite *)(void *)e;
}

/* Record an SQLite result code. Return: -EINVAL for a constraint, else -EIO or the like
 * with the engine's failure set. */
int sqlite_failed(struct engine_sqlite *s, int code);

/* Run text with any number of statements. Return: 0 or negative. */
int sqlite_exec(struct engine_sqlite *s, const char *text);

/* schema: bring the database to the newest version, make the transition triggers. */
int schema_update(struct engine_sqlite *s);

/* The texts that take a database from a version to the next, NULL after the last; how
 * many versions there are. */
const char *schema_text(int version, int index);
extern const char ERASURE_TABLES[], ERASURE_TRIGGERS[], ERASURE_RULES[];
extern const char PAPER_TABLES[], PAPER_TRIGGERS[];
extern const char CALENDAR_TABLES[];
extern const char READING_TABLES[];
extern const char REVIEW_TABLES[], RENEWAL_INDEX[];
extern const char SENT_INDEX[], SENT_FORM[], SENT_DOUBT[];
int schema_versions(void);

/* The texts of the two statements that look for octets; NULL for all others. */
const char *octets_statement(enum statement which);

/* Make the table in memory. Return: 0 or negative. */
int octets_open(struct engine_sqlite *s);
void octets_close(struct engine_sqlite *s);

/* Before a transaction is committed: move what is too many. Return: 0 or negative. After
 * it was: what was moved counts. */
int octets_sweep(struct engine_sqlite *s);
void octets_swept(struct engine_sqlite *s);

int sqlite_blob_write(
	struct engine *e, int64_t document, enum queue_part part, struct span data);
int sqlite_blob_read(struct engine *e, int64_t document, enum queue_part part, size_t max,
	int *ret_fd);

int sqlite_backup_start(struct engine *e, int *ret_fd);
int sqlite_backup_step(struct engine *e, int pages);
void sqlite_backup_drop(struct engine *e);

#endif
