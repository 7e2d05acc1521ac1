/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An engine in a temporary folder, one transaction for each step; for tests only, never
 * leaves the folder behind.
 */
#ifndef SEALGATE_TESTS_QUEUE_STORE_H
#define SEALGATE_TESTS_QUEUE_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/id.h"
#include "common/json.h"
#include "common/memfd.h"
#include "queue/engine_sqlite.h"
#include "tests/unit/queue/postgresql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#ifdef SEALGATE_POSTGRESQL
#include <libpq-fe.h>
#endif

#define T0 1780660800 /* 2026-06-05T12:00:00Z */

struct store {
	char dir[256];
	char postgresql[512]; /* connection string, or "" */
	struct engine *engine;
};

/* Which database the tests run on, and the server when it is one. */
static struct server store_server;
static bool store_shared;

static inline int store_try(struct store *s, const char *appliance, struct engine **ret)
{
	_cleanup_(freep) char *error = NULL;
	const struct engine_place place = {
		.folder = s->dir, .postgresql = s->postgresql, .appliance = appliance
	};
	int r = engine_open_at(&place, ret, &error);

	if (r < 0)
		fprintf(stderr, "%s\n", error ? error : "engine_open_at");
	return r;
}

static inline void store_open(struct store *s)
{
	if (store_try(s, "gate", &s->engine) < 0)
		fail_msg("cannot open the database");
}

#ifdef SEALGATE_POSTGRESQL
/* A statement beside the engine: as somebody does who has the database. Return: rows of
 * the first column as "a;b;", to be freed. */
static inline char *store_query(struct store *s, const char *sql)
{
	PGconn *c = PQconnectdb(s->postgresql);
	PGresult *r = PQexec(c, sql);
	char *text = calloc(1, 65536);
	size_t n = 0;

	if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(c));
	for (int i = 0; i < PQntuples(r) && n < 65536; i++)
		n += (size_t)snprintf(text + n, 65536 - n, "%s;", PQgetvalue(r, i, 0));
	PQclear(r);
	PQfinish(c);
	return text;
}

/* A schema of its own for each test, in the server that all share. */
static inline void store_share(struct store *s)
{
	static int schemas;
	PGconn *c = NULL;
	char sql[64];
	PGresult *r;

	snprintf(s->postgresql, sizeof(s->postgresql),
		"host=%s user=sealgate dbname=postgres", store_server.dir);
	for (int i = 0; i < 6000 && PQping(s->postgresql) != PQPING_OK; i++)
		usleep(10000);
	c = PQconnectdb(s->postgresql);
	snprintf(sql, sizeof(sql), "CREATE SCHEMA t%d", ++schemas);
	r = PQexec(c, sql);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", s->postgresql, PQerrorMessage(c));
	PQclear(r);
	PQfinish(c);
	snprintf(s->postgresql + strlen(s->postgresql),
		sizeof(s->postgresql) - strlen(s->postgresql),
		" options='-c search_path=t%d'", schemas);
}
#else
static inline void store_share(struct store *s)
{
	(void)s;
}
#endif

/* Does the database refuse a statement that somebody runs who has it? */
static inline bool store_refuses(struct store *s, const char *sql)
{
	bool refused = true;

#ifdef SEALGATE_POSTGRESQL
	if (s->postgresql[0]) {
		PGconn *c = PQconnectdb(s->postgresql);
		PGresult *r = PQexec(c, sql);

		refused = strncmp(PQresultErrorField(r, PG_DIAG_SQLSTATE)
					  ? PQresultErrorField(r, PG_DIAG_SQLSTATE)
					  : "",
				  "23", 2) == 0;
		PQclear(r);
		PQfinish(c);
		return refused;
	}
#endif
	return sqlite_exec(sqlite_of(s->engine), sql) == -EINVAL && refused;
}

/* The database itself refuses each of these acts. */
static inline void store_keeps(struct store *s, const char *const *acts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(engine_begin(s->engine), 0);
		assert_true(store_refuses(s, acts[i]));
		engine_rollback(s->engine);
	}
}

static inline int store_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct store *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	snprintf(s->dir, sizeof(s->dir), "%s/sealgate-queue-XXXXXX",
		base ? base : P_tmpdir);
	assert_non_null(mkdtemp(s->dir));
	if (store_shared)
		store_share(s);
	store_open(s);
	*state = s;
	return 0;
}

static inline int store_teardown(void **state)
{
	static const char *const FILES[] = { "queue.db", "queue.db-wal", "queue.db-shm" };
	struct store *s = *state;
	char path[512];

	engine_close(s->engine);
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, FILES[i]);
		unlink(path);
	}
	rmdir(s->dir);
	free(s);
	return 0;
}

static inline bool store_have_server(void)
{
#ifdef SEALGATE_POSTGRESQL
	return server_start(&store_server);
#else
	return false;
#endif
}

/* Run the tests on PostgreSQL where there is a server to be had; on SQLite before. */
#define STORE_RUN_SHARED(tests)                                                          \
	__extension__({                                                                  \
		int shared_ = 0;                                                         \
		store_shared = store_have_server();                                      \
		if (store_shared)                                                        \
			shared_ = cmocka_run_group_tests_name(                           \
				"postgresql", tests, NULL, NULL);                        \
		else                                                                     \
			fputs("[  SKIPPED ] postgresql: no server of it here "           \
			      "(make deps-test)\n",                                      \
				stderr);                                                 \
		server_stop(&store_server);                                              \
		shared_;                                                                 \
	})
#define STORE_RUN(tests)                                                                 \
	(cmocka_run_group_tests_name("sqlite", tests, NULL, NULL) +                      \
		STORE_RUN_SHARED(tests))

/* Run a step in a transaction of its own; its answer. */
#define STEP(s, call)                                                                    \
	__extension__({                                                                  \
		int answer_, kept_;                                                      \
		assert_int_equal(engine_begin((s)->engine), 0);                          \
		assert_int_equal(engine_mark((s)->engine), 0);                           \
		answer_ = (call);                                                        \
		kept_ = engine_unmark(                                                   \
			(s)->engine, answer_ == QUEUE_DONE || answer_ == QUEUE_EMPTY);   \
		if (kept_ == -EINVAL)                                                    \
			answer_ = kept_;                                                 \
		else if (kept_ < 0)                                                      \
			fail_msg("%s", engine_failure_text((s)->engine));                \
		assert_int_equal(engine_commit((s)->engine), 0);                         \
		answer_;                                                                 \
	})

static inline void submission_make(struct queue_submission *s, const char *number,
	enum document_state state, struct span document)
{
	*s = (struct queue_submission){ .state = state,
		.received = T0,
		.size = (uint32_t)document.len,
		.destination_count = 2 };
	assert_int_equal(id_new(s->id), 0);
	snprintf(s->partner, sizeof(s->partner), "partner-a");
	snprintf(s->country, sizeof(s->country), "MA");
	snprintf(s->type, sizeof(s->type), "851");
	snprintf(s->status, sizeof(s->status), "70");
	snprintf(s->number, sizeof(s->number), "%s", number);
	snprintf(s->destinations[0], DESTINATION_NAME_SIZE, "traces");
	snprintf(s->destinations[1], DESTINATION_NAME_SIZE, "customs-es");
	assert_int_equal(digest_sha256(document, s->sha256), 0);
	if (state == DOCUMENT_HELD) {
		s->held_until = T0 + 3600;
		snprintf(s->hold_reason, sizeof(s->hold_reason), "trust.revocation");
	}
}

/* The record of a submission, as intake writes it; the text is the caller's. */
static inline char *store_record(const struct queue_submission *q)
{
	json_t *list = json_array();
	_cleanup_json_ json_t *record = NULL;

	for (uint32_t i = 0; i < q->destination_count; i++)
		json_array_append_new(list, json_string(q->destinations[i]));
	record = json_pack("{s:s,s:s,s:s,s:s,s:{s:o}}", "actor", q->partner, "at",
		"2026-06-05T12:00:00Z", "document", q->id, "event",
		q->state == DOCUMENT_REFUSED ? "document.refused"
		: q->state == DOCUMENT_HELD  ? "document.held"
					     : "document.accepted",
		"detail", "destinations", list);
	return json_canonical(record);
}

static inline int store_insert(
	struct store *s, const struct queue_submission *q, struct span document)
{
	struct queue_document first;
	char record[512];
	struct engine_parts p = { .report = span_str("report") };

	snprintf(record, sizeof(record),
		"{\"actor\":\"intake\",\"at\":\"2026-06-05T12:00:00Z\",\"document\":\"%"
		"s\","
		"\"event\":\"document.%s\"}",
		q->id, document_state_text((enum document_state)q->state));
	p.record = span_str(record);
	if (q->state != DOCUMENT_REFUSED) {
		p.document = document;
		p.receipt = span_str("receipt");
	}
	return STEP(s, engine_insert(s->engine, q, &p, &first));
}

/* A fresh document in a state; its id. */
static inline void store_add(struct store *s, const char *number,
	enum document_state state, char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_submission q;

	submission_make(&q, number, state, span_str(number));
	assert_int_equal(store_insert(s, &q, span_str(number)), QUEUE_DONE);
	memcpy(ret_id, q.id, DOCUMENT_ID_SIZE);
}

/* A later document that says something about those of a number. */
static inline void store_later(struct store *s, const char *number, const char *status,
	enum document_state state, enum document_relation relation, const char *original,
	char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_submission q;
	struct queue_document first;
	struct engine_parts p = { .report = span_str("report"),
		.receipt = span_str("receipt") };
	char octets[64];
	char *record;

	snprintf(octets, sizeof(octets), "%s %s", number, status);
	submission_make(&q, number, state, span_str(octets));
	snprintf(q.status, sizeof(q.status), "%s", status);
	q.relation = relation;
	snprintf(q.original, sizeof(q.original), "%s", original);
	q.destination_count = 1;
	record = store_record(&q);
	p.document = span_str(octets);
	p.record = span_str(record);
	assert_int_equal(STEP(s, engine_insert(s->engine, &q, &p, &first)), QUEUE_DONE);
	memcpy(ret_id, q.id, DOCUMENT_ID_SIZE);
	free(record);
}

static inline int store_claim_seal(
	struct store *s, int64_t now, int lease_s, struct queue_claim *ret_claim)
{
	int fds[3] = { -1, -1, -1 };
	int64_t due;
	int r = STEP(s, engine_claim_seal(s->engine, now, lease_s, ret_claim, fds, &due));

	for (int i = 0; i < 3; i++)
		closep(&fds[i]);
	return r;
}

/* A sealed document; its deliveries are queued. */
static inline void store_add_sealed(
	struct store *s, const char *number, char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_claim claim;

	store_add(s, number, DOCUMENT_ACCEPTED, ret_id);
	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, ret_id);
	assert_int_equal(STEP(s, engine_sealed(s->engine, T0, ret_id, claim.fence,
					 span_str("container"))),
		QUEUE_DONE);
}

static inline int store_claim(struct store *s, int64_t now, const char *destination,
	struct queue_claim *ret_claim)
{
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_delivery(s->engine, now, destination, 60, 0,
				ret_claim, &fd, &due));

	closep(&fd);
	return r;
}

static inline int store_result(struct store *s, int64_t now,
	const struct queue_claim *claim, enum delivery_state state, int64_t retry_at)
{
	/* only what was looked up, and is not there, is put off or given up */
	struct queue_delivery_result_request q = { .fence = claim->fence,
		.state = state,
		.absent = state == DELIVERY_DEFERRED || state == DELIVERY_EXPIRED,
		.retry_at = retry_at };

	memcpy(q.id, claim->document.id, sizeof(q.id));
	memcpy(q.destination, claim->destination, sizeof(q.destination));
	return STEP(s, engine_delivery_result(s->engine, now, &q));
}

static inline int store_control(
	struct store *s, enum queue_control verb, const char *id, const char *destination)
{
	struct queue_control_request q = {
		.verb = verb, .operator_name = "op", .reason = "why"
	};

	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.destination, sizeof(q.destination), "%s", destination);
	return STEP(s, engine_control(s->engine, T0 + 500, &q));
}

static inline json_t *store_json(int fd)
{
	struct span data;
	json_t *value;

	assert_int_equal(memfd_map(fd, QUEUE_JSON_MAX, &data), 0);
	value = json_read(data, QUEUE_JSON_MAX);
	memfd_unmap(&data);
	close(fd);
	assert_non_null(value);
	return value;
}

static inline json_t *store_get(struct store *s, const char *id, enum queue_part part)
{
	struct queue_document d;
	int fd = -1;

	assert_int_equal(
		STEP(s, engine_get(s->engine, id, "", part, &d, &fd)), QUEUE_DONE);
	return store_json(fd);
}

static inline void assert_document(struct store *s, const char *id, const char *state)
{
	_cleanup_json_ json_t *meta = store_get(s, id, QUEUE_META);

	assert_string_equal(json_string_of(meta, "state"), state);
}

static inline void assert_delivery(
	struct store *s, const char *id, const char *destination, const char *state)
{
	_cleanup_json_ json_t *meta = store_get(s, id, QUEUE_META);
	const char *found = "absent";
	size_t i;
	json_t *d;

	json_array_foreach(json_object_get(meta, "deliveries"), i,
		d) if (strcmp(json_string_of(d, "destination"), destination) == 0) found =
		json_string_of(d, "state");
	assert_string_equal(found, state);
}

/* Is there an event of that name about the document? */
static inline int count_events(struct store *s, const char *id, const char *event)
{
	_cleanup_json_ json_t *events = store_get(s, id, QUEUE_EVENTS);
	int count = 0;
	size_t i;
	json_t *e;

	json_array_foreach(events, i, e) count +=
		strcmp(json_string_of(json_object_get(e, "record"), "event"), event) == 0;
	return count;
}

#define STORE_TEST(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

#endif
