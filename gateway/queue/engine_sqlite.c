/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/engine_sqlite.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Frames of the write-ahead log after which it goes into the database (16 MiB). */
#define LOG_FRAMES_MAX 4096

static const char *const STATEMENTS[SQL_COUNT] = {
#define STATEMENT(name, sql) [SQL_##name] = sql,
#include "queue/statements.def"
#undef STATEMENT
};

/* Checkpoints are ours: SQLite's automatic one hides a failed fsync and tries it again,
 * which a Linux kernel answers with success and lost octets. */
static const char SETTINGS[] = "PRAGMA locking_mode=EXCLUSIVE;"
			       "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=FULL;"
			       "PRAGMA foreign_keys=ON;"
			       "PRAGMA trusted_schema=OFF;"
			       "PRAGMA cell_size_check=ON;"
			       "PRAGMA temp_store=MEMORY;"
			       "PRAGMA mmap_size=0;"
			       "PRAGMA cache_size=-8192;"
			       "PRAGMA journal_size_limit=67108864;"
			       "PRAGMA secure_delete=ON;"
			       "PRAGMA wal_autocheckpoint=0;";

/* What a result code says about the disk. A write that found no room is undone by rolling
 * back; after any other failed write or fsync nobody knows what is on it. */
static enum engine_failure classify(int code)
{
	switch (code & 0xFF) {
	case SQLITE_FULL:
		return ENGINE_NO_SPACE;
	case SQLITE_IOERR:
		return code == SQLITE_IOERR_NOMEM ? ENGINE_REOPEN : ENGINE_FATAL;
	default:
		return ENGINE_REOPEN;
	}
}

int sqlite_failed(struct engine_sqlite *s, int code)
{
	struct engine *e = &s->base;
	int extended = sqlite3_extended_errcode(s->db);
	int system_error = sqlite3_system_errno(s->db);

	if ((code & 0xFF) == SQLITE_CONSTRAINT) {
		snprintf(e->failure_text, sizeof(e->failure_text), "%s",
			sqlite3_errmsg(s->db));
		return -EINVAL;
	}
	/* the first failure names the cause; later ones follow from it */
	if (e->failure == ENGINE_FINE) {
		e->failure = classify(extended);
		snprintf(e->failure_text, sizeof(e->failure_text), "%s (%d%s%s)",
			sqlite3_errmsg(s->db), extended, system_error ? ", " : "",
			system_error ? strerror(system_error) : "");
	}
	return e->failure == ENGINE_NO_SPACE ? -ENOSPC : -EIO;
}

int sqlite_exec(struct engine_sqlite *s, const char *text)
{
	int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_failed(s, rc);
}

static int bind_one(sqlite3_stmt *s, int i, const struct parameter *p)
{
	const void *data = p->octets.len ? (const void *)p->octets.data : "";

	switch (p->kind) {
	case 't':
		return sqlite3_bind_text(s, i, data, (int)p->octets.len, SQLITE_STATIC);
	case 'i':
		return sqlite3_bind_int64(s, i, p->integer);
	case 'b':
		return sqlite3_bind_blob64(s, i, data, p->octets.len, SQLITE_STATIC);
	default:
		return SQLITE_MISUSE;
	}
}

static void reset(struct row *row)
{
	sqlite3_reset(row->handle);
	sqlite3_clear_bindings(row->handle);
}

static struct row *bind(struct engine *e, enum statement which,
	const struct parameter *parameters, int count)
{
	struct row *row = &e->rows[which];
	int rc = SQLITE_OK;

	for (int i = 0; rc == SQLITE_OK && i < count; i++)
		rc = bind_one(row->handle, i + 1, &parameters[i]);
	if (rc == SQLITE_OK)
		return row;
	sqlite_failed(sqlite_of(e), rc);
	reset(row);
	return NULL;
}

static int step(struct row *row)
{
	int rc = sqlite3_step(row->handle);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sqlite_failed(sqlite_of(row->of), rc);
}

static bool is_null(const struct row *row, int column)
{
	return sqlite3_column_type(row->handle, column) == SQLITE_NULL;
}

static int64_t integer(const struct row *row, int column)
{
	return sqlite3_column_int64(row->handle, column);
}

/* A text is asked for as one: only then does a NUL follow it. */
static struct span octets(const struct row *row, int column)
{
	const void *data =
		sqlite3_column_type(row->handle, column) == SQLITE_TEXT
			? (const void *)sqlite3_column_text(row->handle, column)
			: sqlite3_column_blob(row->handle, column);

	return span_of(
		data, data ? (size_t)sqlite3_column_bytes(row->handle, column) : 0);
}

static int count_frames(void *engine, sqlite3 *db, const char *name, int frames)
{
	struct engine_sqlite *s = engine;

	(void)db;
	(void)name;
	s->log_frames = frames;
	return SQLITE_OK;
}

static int64_t changes(struct engine *e)
{
	return sqlite3_total_changes64(sqlite_of(e)->db);
}

static int64_t last_key(struct engine *e)
{
	return sqlite3_last_insert_rowid(sqlite_of(e)->db);
}

static int prepare_all(struct engine_sqlite *s)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		struct row *row = &s->base.rows[i];
		sqlite3_stmt *statement = NULL;
		const char *own = octets_statement((enum statement)i);
		int rc = sqlite3_prepare_v3(s->db, own ? own : STATEMENTS[i], -1,
			SQLITE_PREPARE_PERSISTENT, &statement, NULL);

		if (rc != SQLITE_OK)
			return sqlite_failed(s, rc);
		*row = (struct row){
			.of = &s->base, .which = (enum statement)i, .handle = statement
		};
	}
	return 0;
}

static int begin(struct engine *e)
{
	return sql_run(e, SQL_BEGIN, "");
}

static int commit(struct engine *e)
{
	int r = octets_sweep(sqlite_of(e));

	if (r == 0)
		r = sql_run(e, SQL_COMMIT, "");
	if (r == 0)
		octets_swept(sqlite_of(e));
	return r;
}

static int rollback(struct engine *e)
{
	/* SQLite may have rolled back by itself */
	return sqlite3_get_autocommit(sqlite_of(e)->db) ? 0
							: sql_run(e, SQL_ROLLBACK, "");
}

static int mark(struct engine *e)
{
	return sql_run(e, SQL_MARK, "");
}

static int unmark(struct engine *e, bool keep)
{
	int r = keep ? 0 : sql_run(e, SQL_MARK_BACK, "");

	return r < 0 ? r : sql_run(e, SQL_MARK_END, "");
}

static int maintain(struct engine *e, bool force)
{
	struct engine_sqlite *s = sqlite_of(e);
	int mode = force || s->wipe_log ? SQLITE_CHECKPOINT_TRUNCATE
					: SQLITE_CHECKPOINT_PASSIVE;
	int rc;

	if (!force && !s->wipe_log && s->log_frames < LOG_FRAMES_MAX)
		return 0;
	e->failure = ENGINE_FINE;
	rc = sqlite3_wal_checkpoint_v2(s->db, NULL, mode, NULL, NULL);
	if (rc != SQLITE_OK)
		return sqlite_failed(s, rc);
	s->log_frames = 0;
	s->wipe_log = false;
	return 0;
}

/* In the database zeros are written over what is deleted (SETTINGS); the log, where it
 * may still be, is emptied after the batch. */
static void wipe(struct engine *e)
{
	sqlite_of(e)->wipe_log = true;
}

static int64_t room(struct engine *e)
{
	struct statvfs v;
	const char *path = sqlite3_db_filename(sqlite_of(e)->db, "main");

	if (!path || statvfs(path, &v) < 0)
		return -1;
	return (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

static void close_database(struct engine *e)
{
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(e->rows[i].handle);
	octets_close(sqlite_of(e));
	sqlite3_close(sqlite_of(e)->db);
	free(sqlite_of(e));
}

static const struct backend SQLITE = {
	.close = close_database,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.mark = mark,
	.unmark = unmark,
	.maintain = maintain,
	.bind = bind,
	.step = step,
	.reset = reset,
	.null = is_null,
	.integer = integer,
	.octets = octets,
	.changes = changes,
	.last_key = last_key,
	.blob_write = sqlite_blob_write,
	.blob_read = sqlite_blob_read,
	.wipe = wipe,
	.room = room,
	.schema = schema_versions,
	.backup_start = sqlite_backup_start,
	.backup_step = sqlite_backup_step,
	.backup_drop = sqlite_backup_drop,
};

static int open_database(struct engine_sqlite *s, const char *path)
{
	int rc = sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	int r = rc == SQLITE_OK ? 0 : sqlite_failed(s, rc);

	if (r == 0) {
		sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
		r = sqlite_exec(s, SETTINGS);
		sqlite3_wal_hook(s->db, count_frames, s);
	}
	if (r == 0)
		r = schema_update(s);
	/* not before: a new version may say the same checks in other words */
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (r == 0)
		r = octets_open(s);
	if (r == 0)
		r = prepare_all(s);
	if (r == 0)
		r = audit_load_head(&s->base);
	return r;
}

/* Nobody asks SQLite how much memory it has; counting takes a lock for each piece. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int engine_open(const char *folder, struct engine **ret_engine, char **ret_error)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	struct engine_sqlite *s = calloc(1, sizeof(*s));
	char path[PATH_MAX];
	mode_t mask;
	int r = s ? 0 : -ENOMEM;

	*ret_error = NULL;
	pthread_once(&configured, configure);
	if (s) {
		s->base.backend = &SQLITE;
		s->copy_fd = -1;
	}
	if (r == 0 && snprintf(path, sizeof(path), "%s/queue.db", folder) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (r == 0) {
		mask = umask(0077);
		r = open_database(s, path);
		umask(mask);
	}
	if (r == 0) {
		*ret_engine = &s->base;
		return 0;
	}
	if (asprintf(ret_error, "%s/queue.db: %s", folder,
		    s && s->base.failure_text[0] ? s->base.failure_text : strerror(-r)) <
		0)
		*ret_error = NULL;
	engine_close(s ? &s->base : NULL);
	return r;
}
