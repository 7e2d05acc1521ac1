/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/memfd.h"
#include "queue/engine_pg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const TEXTS[SQL_COUNT] = {
#define STATEMENT(name, sql) [SQL_##name] = sql,
#include "queue/statements.def"
#undef STATEMENT
};

/* Where the two databases do not read the same text. */
static const char *const OWN[SQL_COUNT] = {
#define STATEMENT(name, sql) [SQL_##name] = sql,
#include "queue/statements_pg.def"
#undef STATEMENT
};

static const char INDEXED[] = " INDEXED BY ";

/* ?1 is $1 here, and which index to take is the planner's affair. */
int pg_text(enum statement which, char ret_text[PG_TEXT_MAX])
{
	const char *from = OWN[which] ? OWN[which] : TEXTS[which];
	size_t n = 0;

	while (*from && n + 1 < PG_TEXT_MAX) {
		if (strncmp(from, INDEXED, strlen(INDEXED)) == 0) {
			from += strlen(INDEXED);
			from += strcspn(from, " )");
			continue;
		}
		ret_text[n++] = *from == '?' ? '$' : *from;
		from++;
	}
	ret_text[n] = '\0';
	return *from ? -E2BIG : 0;
}

bool pg_gives_rows(enum statement which)
{
	const char *text = OWN[which] ? OWN[which] : TEXTS[which];

	return strncmp(text, "SELECT", 6) == 0 || strstr(text, " RETURNING ");
}

struct row *pg_bind(struct engine *e, enum statement which,
	const struct parameter *parameters, int count)
{
	struct row *row = &e->rows[which];

	pg_reset(row);
	*row = (struct row){ .of = e, .which = which, .at = -1 };
	return pg_send(pg_of(e), which, parameters, count) < 0 ? NULL : row;
}

/* The whole result comes with the first step. What gives no rows is not waited for: its
 * failure shows with whatever is waited for next, at the latest at the mark. */
int pg_step(struct row *row)
{
	int r;

	if (row->at < 0 && !pg_gives_rows(row->which))
		return 0;
	if (!row->handle) {
		r = pg_exchange(pg_of(row->of));
		if (r < 0 || !row->handle)
			return r < 0 ? r : -EIO;
	}
	row->at++;
	return row->at < PQntuples(row->handle);
}

void pg_reset(struct row *row)
{
	PQclear(row->handle);
	row->handle = NULL;
}

bool pg_null(const struct row *row, int column)
{
	return PQgetisnull(row->handle, row->at, column);
}

int64_t pg_integer(const struct row *row, int column)
{
	struct span octets = pg_octets(row, column);
	uint64_t value = octets.len && (octets.data[0] & 0x80) ? UINT64_MAX : 0;

	for (size_t i = 0; i < octets.len && octets.len <= 8; i++)
		value = value << 8 | octets.data[i];
	return (int64_t)value;
}

struct span pg_octets(const struct row *row, int column)
{
	if (pg_null(row, column))
		return span_of(NULL, 0);
	return span_of(PQgetvalue(row->handle, row->at, column),
		(size_t)PQgetlength(row->handle, row->at, column));
}

int pg_blob_write(
	struct engine *e, int64_t document, enum queue_part part, struct span data)
{
	return sql_run(e, SQL_INSERT_BLOB, "iiib", blob_id(document, part), document,
		(int64_t)part, data);
}

int pg_blob_read(
	struct engine *e, int64_t document, enum queue_part part, size_t max, int *ret_fd)
{
	_cleanup_statement_ struct row *s =
		sql_bind(e, SQL_READ_BLOB, "ii", blob_id(document, part), (int64_t)max);
	int r = sql_step(e, s);

	if (r <= 0)
		return r < 0 ? r : QUEUE_NOT_FOUND;
	if (sql_null(s, 0))
		return -E2BIG;
	r = memfd_from("part", sql_octets(s, 0));
	if (r < 0)
		return r;
	*ret_fd = r;
	return QUEUE_DONE;
}
