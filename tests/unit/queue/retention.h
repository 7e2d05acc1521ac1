/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Documents at their end and what retention does with them; for tests only.
 */
#ifndef SEALGATE_TESTS_QUEUE_RETENTION_H
#define SEALGATE_TESTS_QUEUE_RETENTION_H

#include "queue/parts.h"
#include "tests/unit/queue/store.h"

#define YEAR (366 * 86400)
#define POLICY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANIFEST "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LATE (T0 + INT64_C(4) * YEAR)

static inline struct queue_retention_request request(enum queue_retention verb)
{
	struct queue_retention_request q = { .verb = verb,
		.lease_s = 60,
		.clock_confirmed = 1,
		.policy = POLICY,
		.manifest = MANIFEST,
		.archive = "2026/06/x",
		.other_s = 3 * YEAR,
		.refused_s = YEAR };

	return q;
}

/* A submission with a record such as intake's, sealed and delivered everywhere. */
static inline void add(struct store *s, const char *number, struct queue_submission *ret)
{
	_cleanup_(freep) char *record = NULL;
	struct engine_parts p = { .document = span_str(number),
		.report = span_str("report"),
		.receipt = span_str("receipt") };
	struct queue_document first;

	submission_make(ret, number, DOCUMENT_ACCEPTED, span_str(number));
	record = store_record(ret);
	p.record = span_str(record);
	assert_int_equal(STEP(s, engine_insert(s->engine, ret, &p, &first)), QUEUE_DONE);
}

static inline void seal(struct store *s, const char *id)
{
	struct queue_claim c;

	assert_int_equal(store_claim_seal(s, T0, 60, &c), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_sealed(s->engine, T0, id, c.fence, span_str("container"))),
		QUEUE_DONE);
}

static inline void finish(
	struct store *s, const char *destination, enum delivery_state state)
{
	struct queue_claim c;

	assert_int_equal(store_claim(s, T0 + 1, destination, &c), QUEUE_DONE);
	assert_int_equal(store_result(s, T0 + 2, &c, state, 0), QUEUE_DONE);
}

static inline void ended(
	struct store *s, const char *number, char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_submission q;

	add(s, number, &q);
	seal(s, q.id);
	finish(s, "traces", DELIVERY_DELIVERED);
	finish(s, "customs-es", DELIVERY_REFUSED);
	memcpy(ret_id, q.id, DOCUMENT_ID_SIZE);
}

static inline json_t *look(struct store *s, int64_t now, struct queue_retention_request q)
{
	int fd = -1;

	assert_int_equal(STEP(s, engine_retention(s->engine, now, &q, &fd)), QUEUE_DONE);
	return store_json(fd);
}

static inline int number(const json_t *value, const char *key)
{
	return (int)json_integer_value(json_object_get(value, key));
}

/* The fence of the only document that may go, 0: none may. */
static inline uint64_t claim(struct store *s, int64_t now, char ret_id[DOCUMENT_ID_SIZE])
{
	_cleanup_json_ json_t *found = look(s, now, request(QUEUE_RETENTION_CLAIM));
	const json_t *first = json_array_get(json_object_get(found, "documents"), 0);

	if (!first)
		return 0;
	snprintf(ret_id, DOCUMENT_ID_SIZE, "%s", json_string_of(first, "id"));
	return (uint64_t)number(first, "fence");
}

/* Read a part as an archive does and put its digest into the list, when there is one. */
static inline bool archive(
	struct store *s, const char *id, enum queue_part which, json_t *list)
{
	struct queue_document d;
	struct span data = { 0 };
	char digest[SHA256_TEXT_SIZE];
	int fd = -1;

	if (STEP(s, engine_get(s->engine, id, "", which, &d, &fd)) != QUEUE_DONE)
		return false;
	assert_int_equal(memfd_map(fd, LIMIT_CONTAINER, &data), 0);
	close(fd);
	assert_int_equal(digest_sha256_text(data, digest), 0);
	memfd_unmap(&data);
	return json_array_append_new(list, json_pack("{s:s}", "sha256", digest)) == 0;
}

static inline void archive_all(
	struct store *s, const char *id, char ret_parts[SHA256_TEXT_SIZE])
{
	_cleanup_json_ json_t *list = json_array();
	int n = 0;

	archive(s, id, QUEUE_DOCUMENT, list);
	archive(s, id, QUEUE_FIRST_REPORT, list);
	archive(s, id, QUEUE_LATER_REPORT, list);
	while (archive(s, id, (enum queue_part)(QUEUE_VERSIONS + n), list))
		n++;
	assert_int_equal(parts_digest(list, ret_parts), 0);
}

static inline int erase_parts(
	struct store *s, int64_t now, const char *id, uint64_t fence, const char *parts)
{
	struct queue_retention_request q = request(QUEUE_RETENTION_ERASE);
	struct queue_document d = { 0 };
	int fd = -1, r;

	if (STEP(s, engine_get(s->engine, id, "", QUEUE_META, &d, &fd)) == QUEUE_DONE)
		closep(&fd);
	fd = -1;
	q.seconds = d.state == DOCUMENT_REFUSED ? q.refused_s : q.other_s;
	snprintf(q.id, sizeof(q.id), "%s", id);
	snprintf(q.parts, sizeof(q.parts), "%s", parts);
	q.fence = fence;
	r = STEP(s, engine_erase(s->engine, now, &q, &fd));
	closep(&fd);
	return r;
}

static inline int erase(struct store *s, int64_t now, const char *id, uint64_t fence)
{
	char parts[SHA256_TEXT_SIZE];

	archive_all(s, id, parts);
	return erase_parts(s, now, id, fence, parts);
}

static inline int part(struct store *s, const char *id, enum queue_part which)
{
	struct queue_document d;
	int fd = -1;
	int r = STEP(s, engine_get(s->engine, id, "", which, &d, &fd));

	closep(&fd);
	return r;
}

static inline int legal_hold(
	struct store *s, struct queue_legal_hold h, int64_t *ret_hold)
{
	struct queue_legal_hold_request q = {
		.hold = h, .operator_name = "Registrar", .reason = "case 12"
	};
	_cleanup_json_ json_t *answer = NULL;
	int fd = -1;
	int r = STEP(s, engine_legal_hold(s->engine, LATE, &q, &fd));

	if (r == QUEUE_DONE) {
		answer = store_json(fd);
		*ret_hold = number(answer, "hold");
	}
	return r;
}

#endif
