/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside the PostgreSQL engine: its connection, the pipeline to the server and the
 * schema; never included outside the engine_pg*.c files and their tests.
 */
#ifndef SEALGATE_QUEUE_ENGINE_PG_H
#define SEALGATE_QUEUE_ENGINE_PG_H

#include "queue/backend.h"

#include <libpq-fe.h>

/* What was sent and not answered yet, in order. Writes are not waited for one by one. */
#define PG_PENDING_MAX 256

/* For one exchange with the server; a new version of the schema may take its time. */
#define PG_TIMEOUT_MS 10000
#define PG_TIMEOUT_SCHEMA_MS 600000

struct pg_pending {
	enum statement which;
	bool prepares;
};

struct engine_pg {
	struct engine base;
	PGconn *connection;
	bool prepared[SQL_COUNT];
	struct pg_pending pending[PG_PENDING_MAX];
	int pending_count;
	bool asked;	/* something was asked in this transaction */
	bool lost;	/* the connection is of no use any more */
	bool committed; /* so says the answer to the last COMMIT */
	int timeout_ms; /* for one exchange with the server */
};

static inline struct engine_pg *pg_of(struct engine *e)
{
	return (struct engine_pg *)(void *)e;
}

/* -- pipeline --------------------------------------------------------------- */

/* Send a statement without waiting for it. Return: 0 or negative. */
int pg_send(struct engine_pg *p, enum statement which, const struct parameter *parameters,
	int count);

/* Wait for everything that was sent; what gives rows has them in its row. Return: 0,
 * -EINVAL when one broke a rule of the database, other negative with the engine's failure
 * set. */
int pg_exchange(struct engine_pg *p);

/* Run one text with any number of statements outside of the pipeline. Return as above. */
int pg_exec(struct engine_pg *p, const char *text, PGresult **ret_result);

/* Wait until the server has answered or the connection fails. Return: 0 or negative. */
int pg_wait(struct engine_pg *p);

/* Record what a result or the connection says. Return as pg_exchange. */
int pg_failed(struct engine_pg *p, const PGresult *result);

/* -- rows ------------------------------------------------------------------- */

struct row *pg_bind(struct engine *e, enum statement which,
	const struct parameter *parameters, int count);
int pg_step(struct row *row);
void pg_reset(struct row *row);
bool pg_null(const struct row *row, int column);
int64_t pg_integer(const struct row *row, int column);
struct span pg_octets(const struct row *row, int column);
int pg_blob_write(
	struct engine *e, int64_t document, enum queue_part part, struct span data);
int pg_blob_read(struct engine *e, int64_t document, enum queue_part part, size_t max,
	int *ret_fd);

/* The text of a statement as PostgreSQL reads it. Return: 0 or -E2BIG. */
#define PG_TEXT_MAX 4096
int pg_text(enum statement which, char ret_text[PG_TEXT_MAX]);
bool pg_gives_rows(enum statement which);

/* -- schema ----------------------------------------------------------------- */

/* Bring the database to the newest version, make the transition triggers, know the
 * appliance. Return: 0, -EPROTONOSUPPORT for a later version, other negative. */
int pg_schema_update(struct engine_pg *p, const char *appliance);
const char *pg_schema_text(int version, int index);
int pg_schema_versions(void);

#endif
