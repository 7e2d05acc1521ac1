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
#include "queue/engine.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define T0 1780660800 /* 2026-06-05T12:00:00Z */

struct store {
	char dir[256];
	struct engine *engine;
};

static inline void store_open(struct store *s)
{
	_cleanup_(freep) char *error = NULL;

	if (engine_open(s->dir, &s->engine, &error) < 0)
		fail_msg("%s", error ? error : "engine_open");
}

static inline int store_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	struct store *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	snprintf(s->dir, sizeof(s->dir), "%s/sealgate-queue-XXXXXX",
		base ? base : P_tmpdir);
	assert_non_null(mkdtemp(s->dir));
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

/* Run a step in a transaction of its own; its answer. */
#define STEP(s, call)                                                                    \
	__extension__({                                                                  \
		int answer_;                                                             \
		assert_int_equal(engine_begin((s)->engine), 0);                          \
		assert_int_equal(engine_mark((s)->engine), 0);                           \
		answer_ = (call);                                                        \
		assert_int_equal(                                                        \
			engine_unmark((s)->engine,                                       \
				answer_ == QUEUE_DONE || answer_ == QUEUE_EMPTY),        \
			0);                                                              \
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
	int r = STEP(s, engine_claim_delivery(
				s->engine, now, destination, 60, ret_claim, &fd, &due));

	closep(&fd);
	return r;
}

static inline int store_result(struct store *s, int64_t now,
	const struct queue_claim *claim, enum delivery_state state, int64_t retry_at)
{
	struct queue_delivery_result_request q = {
		.fence = claim->fence, .state = state, .retry_at = retry_at
	};

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
