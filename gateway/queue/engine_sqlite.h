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

struct engine_sqlite {
	struct engine base;
	sqlite3 *db;
	int log_frames; /* in the write-ahead log */
	sqlite3 *copy;	/* that is being made or waits to be taken */
	sqlite3_backup *backup;
	char copy_path[PATH_MAX];
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
int schema_versions(void);

int sqlite_blob_write(
	struct engine *e, int64_t document, enum queue_part part, struct span data);
int sqlite_blob_read(struct engine *e, int64_t document, enum queue_part part, size_t max,
	int *ret_fd);

int sqlite_backup_start(struct engine *e, const char *path);
int sqlite_backup_beside(struct engine *e);
int sqlite_backup_step(struct engine *e, int pages);
void sqlite_backup_discard(struct engine *e);

#endif
