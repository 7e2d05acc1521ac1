/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/json.h"
#include "queue/engine_pg.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* What an SQLSTATE means; the first row whose prefix fits. */
static const struct {
	const char *prefix;
	int error; /* -EINVAL: a rule of the database was broken, and nothing else */
	enum engine_failure failure;
} STATES[] = {
	{ "22", -EINVAL, ENGINE_FINE },
	{ "23", -EINVAL, ENGINE_FINE },
	{ "25P02", -EINVAL, ENGINE_FINE }, /* follows from an earlier one */
	{ "40001", -EAGAIN, ENGINE_AGAIN },
	{ "40P01", -EAGAIN, ENGINE_AGAIN },
	{ "55P03", -EAGAIN, ENGINE_AGAIN },
	{ "53100", -ENOSPC, ENGINE_NO_SPACE },
	{ "", -EIO, ENGINE_REOPEN },
};

static int fail(struct engine_pg *p, enum engine_failure failure, const char *text)
{
	struct engine *e = &p->base;

	/* the first failure names the cause; later ones follow from it */
	if (e->failure == ENGINE_FINE) {
		e->failure = failure;
		snprintf(e->failure_text, sizeof(e->failure_text), "%.*s",
			(int)strcspn(text, "\n"), text);
	}
	return -EIO;
}

static int lose(struct engine_pg *p, const char *text)
{
	p->lost = true;
	return fail(p, ENGINE_REOPEN, text);
}

int pg_failed(struct engine_pg *p, const PGresult *result)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text =
		result ? PQresultErrorMessage(result) : PQerrorMessage(p->connection);
	size_t i = 0;

	if (!state || PQstatus(p->connection) != CONNECTION_OK)
		return lose(p, text);
	while (strncmp(STATES[i].prefix, state, strlen(STATES[i].prefix)) != 0)
		i++;
	if (STATES[i].error != -EINVAL) {
		fail(p, STATES[i].failure, text);
		return STATES[i].error;
	}
	if (strcmp(state, "25P02") != 0)
		snprintf(p->base.failure_text, sizeof(p->base.failure_text), "%.*s",
			(int)strcspn(text, "\n"), text);
	return -EINVAL;
}

/* Text goes as it is; integers as text; octets in binary. */
#define NUMBER_SIZE 24
static const Oid OID_INT8 = 20, OID_BYTEA = 17, OID_TEXT = 25;

struct values {
	const char *data[PARAMETERS_MAX];
	int length[PARAMETERS_MAX];
	int format[PARAMETERS_MAX];
	Oid type[PARAMETERS_MAX];
	char number[PARAMETERS_MAX][NUMBER_SIZE];
	json_t *clean[PARAMETERS_MAX]; /* in place of a text that is not UTF-8 */
};

static void values_done(struct values *v)
{
	for (int i = 0; i < PARAMETERS_MAX; i++)
		json_decref(v->clean[i]);
}

static bool plain(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] & 0x80)
			return false;
	return true;
}

/* SQLite takes any octets as a text; what peers say is cut at a length, too. */
static const char *clean_text(struct values *v, int i, struct span text)
{
	if (plain(text))
		return (const char *)text.data;
	v->clean[i] = json_text((const char *)text.data);
	return v->clean[i] ? json_string_value(v->clean[i]) : "";
}

static void set_value(struct values *v, int i, const struct parameter *q)
{
	v->format[i] = q->kind == 'b';
	v->type[i] = q->kind == 'b' ? OID_BYTEA : q->kind == 'i' ? OID_INT8 : OID_TEXT;
	if (q->kind == 'i') {
		snprintf(v->number[i], NUMBER_SIZE, "%lld", (long long)q->integer);
		v->data[i] = v->number[i];
		return;
	}
	if (q->kind == 't')
		v->data[i] = clean_text(v, i, q->octets);
	else
		v->data[i] = q->octets.len ? (const char *)q->octets.data : "";
	v->length[i] = (int)q->octets.len; /* of a text its NUL counts */
}

static int remember(struct engine_pg *p, enum statement which, bool prepares)
{
	p->pending[p->pending_count++] =
		(struct pg_pending){ .which = which, .prepares = prepares };
	return 0;
}

/* Once for each connection and statement, with the types that it is used with. */
static int prepare(struct engine_pg *p, enum statement which, const struct values *v,
	int count, const char *name)
{
	char text[PG_TEXT_MAX];

	if (p->prepared[which])
		return 0;
	if (pg_text(which, text) < 0 ||
		!PQsendPrepare(p->connection, name, text, count, v->type))
		return pg_failed(p, NULL);
	p->prepared[which] = true;
	return remember(p, which, true);
}

int pg_send(struct engine_pg *p, enum statement which, const struct parameter *parameters,
	int count)
{
	_cleanup_(values_done) struct values v = { .length = { 0 } };
	char name[16];
	int r = 0;

	if (p->pending_count + 2 > PG_PENDING_MAX)
		r = pg_exchange(p);
	if (r < 0)
		return r;
	for (int i = 0; i < count; i++)
		set_value(&v, i, &parameters[i]);
	snprintf(name, sizeof(name), "s%d", (int)which);
	r = prepare(p, which, &v, count, name);
	if (r < 0)
		return r;
	if (!PQsendQueryPrepared(
		    p->connection, name, count, v.data, v.length, v.format, 1))
		return pg_failed(p, NULL);
	p->asked = true;
	return remember(p, which, false);
}

/* Send and receive until a result is there. */
int pg_wait(struct engine_pg *p)
{
	int64_t end = clock_monotonic_ms() + p->timeout_ms;
	int unsent;

	do {
		struct pollfd f = { .fd = PQsocket(p->connection), .events = POLLIN };
		int64_t left = end - clock_monotonic_ms();

		unsent = PQflush(p->connection);
		if (unsent < 0)
			return pg_failed(p, NULL);
		if (!unsent && !PQisBusy(p->connection))
			return 0;
		if (left <= 0)
			return lose(p, "the server does not answer");
		f.events = (short)(POLLIN | (unsent ? POLLOUT : 0));
		if (poll(&f, 1, (int)left) < 0 && errno != EINTR)
			return lose(p, strerror(errno));
		if ((f.revents & ~POLLOUT) && !PQconsumeInput(p->connection))
			return pg_failed(p, NULL);
	} while (true);
}

static int next_result(struct engine_pg *p, PGresult **ret_result)
{
	int r = pg_wait(p);

	*ret_result = r < 0 ? NULL : PQgetResult(p->connection);
	return r;
}

static bool is_fine(const PGresult *result)
{
	ExecStatusType s = PQresultStatus(result);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

static void deliver(struct engine_pg *p, enum statement which, PGresult *result)
{
	struct row *row = &p->base.rows[which];

	if (which == SQL_COMMIT)
		p->committed = strcmp(PQcmdStatus(result), "COMMIT") == 0;
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		PQclear(result);
		return;
	}
	PQclear(row->handle);
	row->handle = result;
}

/* The result of the command that was sent at this place, and the end mark behind it.
 * error: of one before it, from which all others follow. */
static int take_result(struct engine_pg *p, const struct pg_pending *sent, int error)
{
	PGresult *result, *end;
	int r = next_result(p, &result);

	if (r == 0 && !result)
		r = pg_failed(p, NULL);
	if (r < 0)
		return r;
	if (is_fine(result)) {
		deliver(p, sent->which, result);
	} else {
		if (sent->prepares)
			p->prepared[sent->which] = false;
		error = error < 0 ? error : pg_failed(p, result);
		PQclear(result);
	}
	r = next_result(p, &end);
	PQclear(end);
	return r < 0 ? r : error;
}

static int take_sync(struct engine_pg *p, int error)
{
	PGresult *sync;
	int r = next_result(p, &sync);

	if (r == 0 && PQresultStatus(sync) != PGRES_PIPELINE_SYNC)
		r = pg_failed(p, sync);
	PQclear(sync);
	return r < 0 ? r : error;
}

int pg_exchange(struct engine_pg *p)
{
	int error = 0;

	if (p->base.failure == ENGINE_REOPEN)
		return -EIO;
	if (!PQpipelineSync(p->connection))
		return pg_failed(p, NULL);
	for (int i = 0; i < p->pending_count && !p->lost; i++)
		error = take_result(p, &p->pending[i], error);
	p->pending_count = 0;
	return p->lost ? -EIO : take_sync(p, error);
}

int pg_exec(struct engine_pg *p, const char *text, PGresult **ret_result)
{
	PGresult *result = NULL, *more;
	int r = PQsendQuery(p->connection, text) ? 0 : pg_failed(p, NULL);

	if (r == 0)
		r = next_result(p, &result);
	if (r < 0)
		return r;
	r = is_fine(result) ? 0 : pg_failed(p, result);
	while (next_result(p, &more) == 0 && more) {
		PQclear(result);
		result = more;
		r = r == 0 && !is_fine(result) ? pg_failed(p, result) : r;
	}
	if (r == 0 && ret_result)
		*ret_result = result;
	else
		PQclear(result);
	return r;
}
