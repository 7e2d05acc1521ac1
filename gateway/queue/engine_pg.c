/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/engine_pg.h"
#include "common/durable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION_MIN 150000
#define PASSWORD_MAX 1024

/* What is acknowledged is on the disk. Who is stopped in the middle of a transaction
 * loses its session before its leases, and with it every lock that others wait for. Plans
 * are by index, whatever the statistics of a young table say. */
static const char SETTINGS[] = "SET synchronous_commit=on;"
			       "SET client_min_messages=warning;"
			       "SET idle_in_transaction_session_timeout='10s';"
			       "SET lock_timeout='3s';"
			       "SET enable_seqscan=off;"
			       "SET jit=off;"
			       "SET plan_cache_mode=force_generic_plan";

static int begin(struct engine *e)
{
	struct engine_pg *p = pg_of(e);

	p->committed = false;
	e->failure =
		PQstatus(p->connection) == CONNECTION_OK ? ENGINE_FINE : ENGINE_REOPEN;
	if (e->failure == ENGINE_REOPEN)
		return -EIO;
	sql_run(e, SQL_BEGIN, "");
	p->asked = false;
	return e->failure == ENGINE_FINE ? 0 : -EIO;
}

/* A commit of a transaction that has failed answers, too: by saying that it was none. */
static int commit(struct engine *e)
{
	int r = sql_run(e, SQL_COMMIT, "");

	if (r == 0)
		r = pg_exchange(pg_of(e));
	if (r < 0 && e->failure != ENGINE_FINE)
		return r;
	if (r == 0 && pg_of(e)->committed)
		return 0;
	e->failure = ENGINE_REOPEN;
	return -EIO;
}

static int rollback(struct engine *e)
{
	int r;

	if (e->failure == ENGINE_REOPEN)
		return -EIO;
	pg_exchange(pg_of(e));
	r = sql_run(e, SQL_ROLLBACK, "");
	return r < 0 ? r : pg_exchange(pg_of(e));
}

static int mark(struct engine *e)
{
	return sql_run(e, SQL_MARK, "");
}

static int undo(struct engine *e)
{
	int r = sql_run(e, SQL_MARK_BACK, "");

	if (r == 0)
		r = sql_run(e, SQL_MARK_END, "");
	return r < 0 ? r : pg_exchange(pg_of(e));
}

static int unmark(struct engine *e, bool keep)
{
	int r = pg_exchange(pg_of(e));

	if (e->failure != ENGINE_FINE)
		return -EIO;
	if (r == 0 && keep)
		return sql_run(e, SQL_MARK_END, "");
	if (undo(e) < 0)
		return -EIO;
	return keep ? r : 0;
}

static int steady(struct engine *e)
{
	/* only at the start of a transaction; else a look between two commits of others
	 * is the best there is */
	return pg_of(e)->asked ? 0 : sql_run(e, SQL_STEADY, "");
}

static int maintain(struct engine *e, bool force)
{
	(void)e;
	(void)force;
	return 0;
}

static int64_t room(struct engine *e)
{
	(void)e;
	return -1;
}

static bool lost(struct engine *e)
{
	return pg_of(e)->lost;
}

static void close_connection(struct engine *e)
{
	for (int i = 0; i < SQL_COUNT; i++)
		pg_reset(&e->rows[i]);
	PQfinish(pg_of(e)->connection);
	free(pg_of(e));
}

static const struct backend POSTGRESQL = {
	.close = close_connection,
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.mark = mark,
	.unmark = unmark,
	.maintain = maintain,
	.bind = pg_bind,
	.step = pg_step,
	.reset = pg_reset,
	.null = pg_null,
	.integer = pg_integer,
	.octets = pg_octets,
	.blob_write = pg_blob_write,
	.blob_read = pg_blob_read,
	.steady = steady,
	.room = room,
	.lost = lost,
	.schema = pg_schema_versions,
};

static int read_password(const char *path, char ret_password[PASSWORD_MAX])
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len = 0;
	int r;

	ret_password[0] = '\0';
	if (!path || !path[0])
		return 0;
	r = file_read(path, PASSWORD_MAX - 1, &data, &len);
	if (r < 0)
		return r;
	snprintf(ret_password, PASSWORD_MAX, "%.*s", (int)len, (const char *)data);
	ret_password[strcspn(ret_password, "\r\n")] = '\0';
	explicit_bzero(data, len);
	return 0;
}

/* What stands before dbname may be said otherwise in the connection string; what stands
 * behind it may not. A server over the network proves who it is. */
static PGconn *connect_server(const struct engine_place *place, const char *password)
{
	const char *const keys[] = { "connect_timeout", "sslmode", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"application_name", "client_encoding", "target_session_attrs",
		password[0] ? "password" : NULL, NULL };
	const char *const values[] = { "2", "verify-full", "5", "2", "3", "10000",
		place->postgresql, "sealgate-queued", "UTF8", "read-write",
		password[0] ? password : NULL, NULL };

	return PQconnectdbParams(keys, values, 1);
}

/* What a server must be for its commits to count. */
static int check_server(struct engine_pg *p)
{
	static const char *const WANTED[][2] = { { "fsync", "on" },
		{ "full_page_writes", "on" }, { "server_encoding", "UTF8" } };
	char sql[64];

	if (PQserverVersion(p->connection) < VERSION_MIN) {
		snprintf(p->base.failure_text, sizeof(p->base.failure_text),
			"PostgreSQL 15 or later is needed");
		return -EPROTONOSUPPORT;
	}
	for (size_t i = 0; i < sizeof(WANTED) / sizeof(WANTED[0]); i++) {
		PGresult *result;
		bool same;
		int r;

		snprintf(sql, sizeof(sql), "SHOW %s", WANTED[i][0]);
		r = pg_exec(p, sql, &result);
		if (r < 0)
			return r;
		same = strcmp(PQgetvalue(result, 0, 0), WANTED[i][1]) == 0;
		PQclear(result);
		if (!same) {
			snprintf(p->base.failure_text, sizeof(p->base.failure_text),
				"the server's %s is not %s: what it acknowledges may be "
				"lost",
				WANTED[i][0], WANTED[i][1]);
			return -ENOTSUP;
		}
	}
	return 0;
}

/* It would stand in the configuration, which many may read. */
static int refuse_password(struct engine_pg *p, const char *text)
{
	char *error = NULL;
	PQconninfoOption *options = PQconninfoParse(text, &error);
	int r = options ? 0 : -EINVAL;

	if (!options)
		snprintf(p->base.failure_text, sizeof(p->base.failure_text), "%s",
			error ? error : "the connection string is none");
	for (PQconninfoOption *o = options; o && o->keyword; o++)
		if (strcmp(o->keyword, "password") == 0 && o->val)
			r = -EPERM;
	if (r == -EPERM)
		snprintf(p->base.failure_text, sizeof(p->base.failure_text),
			"a password belongs into queue.password_file");
	PQconninfoFree(options);
	PQfreemem(error);
	return r;
}

/* libpq would write them to the standard error output. */
static void ignore_notice(void *unused, const char *text)
{
	(void)unused;
	(void)text;
}

static int open_connection(struct engine_pg *p, const struct engine_place *place)
{
	char password[PASSWORD_MAX];
	int r = refuse_password(p, place->postgresql);

	if (r == 0)
		r = read_password(place->password_file, password);

	if (r != 0)
		return r;
	p->connection = connect_server(place, password);
	explicit_bzero(password, sizeof(password));
	if (!p->connection)
		return -ENOMEM;
	if (PQstatus(p->connection) != CONNECTION_OK)
		return pg_failed(p, NULL);
	PQsetNoticeProcessor(p->connection, ignore_notice, NULL);
	p->timeout_ms = PG_TIMEOUT_MS;
	PQsetnonblocking(p->connection, 1);
	r = check_server(p);
	if (r == 0)
		r = pg_exec(p, SETTINGS, NULL);
	if (r == 0)
		r = pg_schema_update(p, place->appliance);
	if (r == 0 && !PQenterPipelineMode(p->connection))
		r = pg_failed(p, NULL);
	if (r == 0)
		r = audit_load_head(&p->base);
	return r;
}

int pg_open(
	const struct engine_place *place, struct engine **ret_engine, char **ret_error)
{
	struct engine_pg *p = calloc(1, sizeof(*p));
	int r = p ? 0 : -ENOMEM;

	*ret_error = NULL;
	if (p)
		p->base.backend = &POSTGRESQL;
	if (r == 0)
		r = open_connection(p, place);
	if (r == 0) {
		*ret_engine = &p->base;
		return 0;
	}
	if (asprintf(ret_error, "PostgreSQL: %s",
		    p && p->base.failure_text[0] ? p->base.failure_text : strerror(-r)) <
		0)
		*ret_error = NULL;
	engine_close(p ? &p->base : NULL);
	return r;
}
