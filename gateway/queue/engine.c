/* SPDX-License-Identifier: EUPL-1.2 */
#include "queue/backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int engine_open_at(
	const struct engine_place *place, struct engine **ret_engine, char **ret_error)
{
	int r;

	if (!place->postgresql || !place->postgresql[0]) {
		r = engine_open(place->folder, ret_engine, ret_error);
		if (r == 0)
			ledger_walk_init(&(*ret_engine)->walk, place->folder);
		return r;
	}
#ifdef SEALGATE_POSTGRESQL
	r = pg_open(place, ret_engine, ret_error);
	if (r == 0 && place->folder)
		ledger_walk_init(&(*ret_engine)->walk, place->folder);
	return r;
#else
	(void)r;
	*ret_engine = NULL;
	*ret_error = strdup("this program was built without PostgreSQL (libpq)");
	return -EOPNOTSUPP;
#endif
}

int engine_begin(struct engine *e)
{
	int r;

	e->failure = ENGINE_FINE;
	e->failure_text[0] = '\0';
	e->head = e->committed;
	r = e->backend->begin(e);
	e->in_transaction = r == 0;
	e->bold = false;
	return r;
}

int engine_begin_bold(struct engine *e)
{
	int r = engine_begin(e);

	e->bold = r == 0 && e->backend->changes;
	return r;
}

int engine_commit(struct engine *e)
{
	int r = e->backend->commit(e);

	if (r < 0)
		return r;
	e->in_transaction = false;
	e->committed = e->head;
	return 0;
}

void engine_rollback(struct engine *e)
{
	enum engine_failure failure = e->failure;

	if (e->in_transaction && e->backend->rollback(e) < 0 && failure != ENGINE_FATAL)
		failure = ENGINE_REOPEN;
	e->failure = failure;
	e->in_transaction = false;
	e->head = e->committed;
}

int engine_mark(struct engine *e)
{
	e->marked = e->head;
	if (!e->bold)
		return e->backend->mark(e);
	e->changes = e->backend->changes(e);
	return 0;
}

/* Without bounds only what changed nothing can be undone alone. */
static int unmark_bold(struct engine *e, bool keep)
{
	if (keep || e->backend->changes(e) == e->changes)
		return 0;
	if (e->failure == ENGINE_FINE) {
		e->failure = ENGINE_AGAIN;
		snprintf(e->failure_text, sizeof(e->failure_text),
			"an operation has to be undone");
	}
	return -EAGAIN;
}

int engine_unmark(struct engine *e, bool keep)
{
	int r = e->bold ? unmark_bold(e, keep) : e->backend->unmark(e, keep);

	if (!keep || r < 0)
		e->head = e->marked;
	return r;
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

int engine_schema(const struct engine *e)
{
	return e->backend->schema();
}

int engine_maintain(struct engine *e, bool force)
{
	return e->backend->maintain(e, force);
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	engine_backup_drop(e);
	ledger_walk_done(&e->walk);
	forecast_done(&e->forecast);
	e->backend->close(e);
}

/* -- statements and rows ---------------------------------------------------- */

/* Return: how many, or -EINVAL for a format that is none. */
static int read_parameters(
	const char *format, va_list args, struct parameter ret[PARAMETERS_MAX])
{
	int n = 0;

	for (; format[n]; n++) {
		if (n == PARAMETERS_MAX)
			return -EINVAL;
		ret[n] = (struct parameter){ .kind = format[n] };
		if (format[n] == 'i')
			ret[n].integer = va_arg(args, int64_t);
		else if (format[n] == 'b')
			ret[n].octets = va_arg(args, struct span);
		else
			ret[n].octets = span_str(va_arg(args, const char *));
	}
	return n;
}

static struct row *bind_all(
	struct engine *e, enum statement which, const char *format, va_list args)
{
	struct parameter parameters[PARAMETERS_MAX];
	int count = read_parameters(format, args, parameters);

	return count < 0 ? NULL : e->backend->bind(e, which, parameters, count);
}

struct row *sql_bind(struct engine *e, enum statement which, const char *format, ...)
{
	struct row *s;
	va_list args;

	va_start(args, format);
	s = bind_all(e, which, format, args);
	va_end(args);
	return s;
}

int sql_step(struct engine *e, struct row *s)
{
	return s ? e->backend->step(s) : -EIO;
}

int sql_run(struct engine *e, enum statement which, const char *format, ...)
{
	struct row *s;
	va_list args;
	int r;

	va_start(args, format);
	s = bind_all(e, which, format, args);
	va_end(args);
	r = sql_step(e, s);
	sql_resetp(&s);
	return r > 0 ? 0 : r;
}

void sql_resetp(struct row **s)
{
	if (*s)
		(*s)->of->backend->reset(*s);
}

bool sql_null(struct row *s, int column)
{
	return s->of->backend->null(s, column);
}

int64_t sql_int(struct row *s, int column)
{
	return s->of->backend->integer(s, column);
}

struct span sql_octets(struct row *s, int column)
{
	return s->of->backend->octets(s, column);
}

const char *sql_string(struct row *s, int column)
{
	return (const char *)sql_octets(s, column).data;
}

void sql_text(struct row *s, int column, char *ret_text, size_t size)
{
	const char *text = sql_string(s, column);

	memset(ret_text, 0, size);
	if (text)
		snprintf(ret_text, size, "%s", text);
}

/* -- parts ------------------------------------------------------------------ */

int blob_write(struct engine *e, int64_t document, enum queue_part part, struct span data)
{
	return e->backend->blob_write(e, document, part, data);
}

int blob_read(
	struct engine *e, int64_t document, enum queue_part part, size_t max, int *ret_fd)
{
	return e->backend->blob_read(e, document, part, max, ret_fd);
}

int part_read(
	struct engine *e, int64_t document, enum queue_part part, size_t max, int *ret_fd)
{
	int r = QUEUE_NOT_FOUND;

	if (part == QUEUE_REPORT)
		r = blob_read(e, document, BLOB_LATER_REPORT, max, ret_fd);
	else if (part == QUEUE_CONTAINER)
		r = container_newest(e, document, ret_fd);
	return r == QUEUE_NOT_FOUND ? blob_read(e, document, part, max, ret_fd) : r;
}
