/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/engine_sqlite.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

int sql_failed(struct engine *e, int code)
{
	int extended = sqlite3_extended_errcode(e->db);
	int system_error = sqlite3_system_errno(e->db);

	if ((code & 0xFF) == SQLITE_CONSTRAINT) {
		snprintf(e->failure_text, sizeof(e->failure_text), "%s",
			sqlite3_errmsg(e->db));
		return -EINVAL;
	}
	/* the first failure names the cause; later ones follow from it */
	if (e->failure == ENGINE_FINE) {
		e->failure = classify(extended);
		snprintf(e->failure_text, sizeof(e->failure_text), "%s (%d%s%s)",
			sqlite3_errmsg(e->db), extended, system_error ? ", " : "",
			system_error ? strerror(system_error) : "");
	}
	return e->failure == ENGINE_NO_SPACE ? -ENOSPC : -EIO;
}

int sql_exec(struct engine *e, const char *text)
{
	int rc = sqlite3_exec(e->db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sql_failed(e, rc);
}

static int bind_one(sqlite3_stmt *s, int i, char kind, va_list *args)
{
	struct span b;

	switch (kind) {
	case 't':
		return sqlite3_bind_text(
			s, i, va_arg(*args, const char *), -1, SQLITE_STATIC);
	case 'i':
		return sqlite3_bind_int64(s, i, va_arg(*args, int64_t));
	case 'b':
		b = va_arg(*args, struct span);
		return sqlite3_bind_blob64(
			s, i, b.len ? (const void *)b.data : "", b.len, SQLITE_STATIC);
	default:
		return SQLITE_MISUSE;
	}
}

static sqlite3_stmt *bind_all(
	struct engine *e, enum statement which, const char *format, va_list *args)
{
	sqlite3_stmt *s = e->statements[which];
	int rc = SQLITE_OK;

	for (int i = 0; rc == SQLITE_OK && format[i]; i++)
		rc = bind_one(s, i + 1, format[i], args);
	if (rc == SQLITE_OK)
		return s;
	sql_failed(e, rc);
	sql_resetp(&s);
	return NULL;
}

sqlite3_stmt *sql_bind(struct engine *e, enum statement which, const char *format, ...)
{
	sqlite3_stmt *s;
	va_list args;

	va_start(args, format);
	s = bind_all(e, which, format, &args);
	va_end(args);
	return s;
}

int sql_step(struct engine *e, sqlite3_stmt *s)
{
	int rc = s ? sqlite3_step(s) : SQLITE_MISUSE;

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sql_failed(e, rc);
}

int sql_run(struct engine *e, enum statement which, const char *format, ...)
{
	_cleanup_statement_ sqlite3_stmt *s = NULL;
	va_list args;
	int r;

	va_start(args, format);
	s = bind_all(e, which, format, &args);
	va_end(args);
	r = s ? sql_step(e, s) : -EIO;
	return r > 0 ? 0 : r;
}

void sql_text(sqlite3_stmt *s, int column, char *ret_text, size_t size)
{
	const unsigned char *text = sqlite3_column_text(s, column);

	memset(ret_text, 0, size);
	if (text)
		snprintf(ret_text, size, "%s", (const char *)text);
}

static int count_frames(void *engine, sqlite3 *db, const char *name, int frames)
{
	struct engine *e = engine;

	(void)db;
	(void)name;
	e->log_frames = frames;
	return SQLITE_OK;
}

static int prepare_all(struct engine *e)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		int rc = sqlite3_prepare_v3(e->db, STATEMENTS[i], -1,
			SQLITE_PREPARE_PERSISTENT, &e->statements[i], NULL);

		if (rc != SQLITE_OK)
			return sql_failed(e, rc);
	}
	return 0;
}

static int open_database(struct engine *e, const char *path)
{
	int rc = sqlite3_open_v2(path, &e->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	int r = rc == SQLITE_OK ? 0 : sql_failed(e, rc);

	if (r == 0) {
		sqlite3_limit(e->db, SQLITE_LIMIT_ATTACHED, 0);
		r = sql_exec(e, SETTINGS);
		sqlite3_wal_hook(e->db, count_frames, e);
	}
	if (r == 0)
		r = schema_update(e);
	/* not before: a new version may say the same checks in other words */
	sqlite3_db_config(e->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (r == 0)
		r = prepare_all(e);
	if (r == 0)
		r = audit_load_head(e);
	return r;
}

int engine_open(const char *folder, struct engine **ret_engine, char **ret_error)
{
	struct engine *e = calloc(1, sizeof(*e));
	char path[PATH_MAX];
	mode_t mask;
	int r = e ? 0 : -ENOMEM;

	*ret_error = NULL;
	if (r == 0 && snprintf(path, sizeof(path), "%s/queue.db", folder) >= PATH_MAX)
		r = -ENAMETOOLONG;
	if (r == 0) {
		mask = umask(0077);
		r = open_database(e, path);
		umask(mask);
	}
	if (r == 0) {
		*ret_engine = e;
		return 0;
	}
	if (asprintf(ret_error, "%s/queue.db: %s", folder,
		    e && e->failure_text[0] ? e->failure_text : strerror(-r)) < 0)
		*ret_error = NULL;
	engine_close(e);
	return r;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	if (e->copy.state.running)
		engine_backup_discard(e);
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(e->statements[i]);
	sqlite3_close(e->db);
	ledger_walk_done(e);
	free(e);
}

int engine_begin(struct engine *e)
{
	int r;

	e->failure = ENGINE_FINE;
	e->failure_text[0] = '\0';
	e->head = e->committed;
	r = sql_run(e, SQL_BEGIN, "");
	e->in_transaction = r == 0;
	return r;
}

int engine_commit(struct engine *e)
{
	int r = sql_run(e, SQL_COMMIT, "");

	if (r < 0)
		return r;
	e->in_transaction = false;
	e->committed = e->head;
	return 0;
}

void engine_rollback(struct engine *e)
{
	enum engine_failure failure = e->failure;

	/* SQLite may have rolled back by itself */
	if (e->in_transaction && !sqlite3_get_autocommit(e->db) &&
		sql_run(e, SQL_ROLLBACK, "") < 0 && failure != ENGINE_FATAL)
		failure = ENGINE_REOPEN;
	e->failure = failure;
	e->in_transaction = false;
	e->head = e->committed;
}

int engine_mark(struct engine *e)
{
	e->marked = e->head;
	return sql_run(e, SQL_MARK, "");
}

int engine_unmark(struct engine *e, bool keep)
{
	int r = 0;

	if (!keep) {
		e->head = e->marked;
		r = sql_run(e, SQL_MARK_BACK, "");
	}
	return r < 0 ? r : sql_run(e, SQL_MARK_END, "");
}

enum engine_failure engine_failure(const struct engine *e)
{
	return e->failure;
}

const char *engine_failure_text(const struct engine *e)
{
	return e->failure_text;
}

struct engine_head engine_head(const struct engine *e)
{
	return e->committed;
}

int engine_maintain(struct engine *e, bool force)
{
	int mode = force ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	int rc;

	if (!force && e->log_frames < LOG_FRAMES_MAX)
		return 0;
	e->failure = ENGINE_FINE;
	rc = sqlite3_wal_checkpoint_v2(e->db, NULL, mode, NULL, NULL);
	if (rc != SQLITE_OK)
		return sql_failed(e, rc);
	e->log_frames = 0;
	return 0;
}
