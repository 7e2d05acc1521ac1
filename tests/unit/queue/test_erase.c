/* SPDX-License-Identifier: EUPL-1.2 */
/* What is left of an erased document, what proves it, and what is on the disk. */
#include "tests/unit/queue/retention.h"

#include <errno.h>

static void what_is_left(void **state)
{
	struct queue_document first;
	struct queue_submission q;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], found[DOCUMENT_ID_SIZE];
	uint64_t fence;

	ended(s, "N1", id);
	assert_int_equal(
		STEP(s, engine_renew_at(s->engine, id, "T", T0 + 5 * YEAR)), QUEUE_DONE);
	fence = claim(s, LATE, found);
	assert_string_equal(found, id);
	assert_int_equal(erase(s, LATE, id, fence), QUEUE_DONE);
	/* the answer was lost: the same again is done, and nothing new */
	assert_int_equal(erase(s, LATE + 9, id, fence), QUEUE_DONE);
	assert_int_equal(count_events(s, id, "document.erased"), 1);
	assert_int_equal(part(s, id, QUEUE_DOCUMENT), QUEUE_NOT_FOUND);
	assert_int_equal(part(s, id, QUEUE_REPORT), QUEUE_NOT_FOUND);
	assert_int_equal(part(s, id, QUEUE_CONTAINER), QUEUE_NOT_FOUND);
	assert_int_equal(part(s, id, QUEUE_RECEIPT), QUEUE_DONE);
	assert_document(s, id, "sealed");
	assert_delivery(s, id, "traces", "delivered");
	{
		_cleanup_json_ json_t *meta = store_get(s, id, QUEUE_META);

		assert_string_equal(
			json_string_of(meta, "erased"), "2030-06-08T12:00:00Z");
	}
	/* Its partner sends it again: it is known. */
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, span_str("N1"));
	assert_int_equal(STEP(s, engine_find(s->engine, &q, &first)), QUEUE_DUPLICATE);
	assert_string_equal(first.id, id);
	/* It goes nowhere any more, and nothing is added to it. */
	assert_int_equal(
		store_control(s, QUEUE_REDRIVE, id, "customs-es"), QUEUE_ILLEGAL);
	assert_int_equal(claim(s, LATE, found), 0);
}

static void the_record_proves_it(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	_cleanup_json_ json_t *events = NULL;
	const json_t *detail = NULL, *parts;
	char hash[SHA256_TEXT_SIZE];
	size_t i;
	json_t *e;

	ended(s, "N1", id);
	assert_int_equal(erase(s, LATE, id, claim(s, LATE, id)), QUEUE_DONE);
	events = store_get(s, id, QUEUE_EVENTS);
	json_array_foreach(events, i, e)
	{
		const json_t *record = json_object_get(e, "record");

		if (strcmp(json_string_of(record, "event"), "document.erased") == 0)
			detail = json_object_get(record, "detail");
	}
	assert_non_null(detail);
	assert_string_equal(json_string_of(detail, "policy_digest"), POLICY);
	assert_string_equal(json_string_of(detail, "manifest_sha256"), MANIFEST);
	assert_int_equal(number(detail, "retention_s"), 3 * YEAR);
	parts = json_object_get(detail, "parts");
	assert_int_equal(json_array_size(parts), 3);
	assert_int_equal(digest_sha256_text(span_str("container"), hash), 0);
	assert_string_equal(json_string_of(json_array_get(parts, 2), "part"), "evidence");
	assert_string_equal(json_string_of(json_array_get(parts, 2), "sha256"), hash);
}

static int renewal(struct store *s, int64_t now, struct queue_renewed_request *ret)
{
	struct queue_claim c;
	int64_t due;
	int fd = -1;
	int r = STEP(s, engine_claim_renewal(s->engine, now, 60, &c, &fd, &due));

	closep(&fd);
	*ret = (struct queue_renewed_request){ .due = LATE, .level = "LT" };
	if (r == QUEUE_DONE) {
		ret->fence = c.fence;
		memcpy(ret->id, c.document.id, sizeof(ret->id));
	}
	return r;
}

static int renewed(struct store *s, const struct queue_renewed_request *q)
{
	return STEP(s, engine_renewed(s->engine, LATE, q, span_str("longer")));
}

static void every_container_goes(void **state)
{
	struct queue_renewed_request q;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	ended(s, "N1", id);
	assert_int_equal(STEP(s, engine_renew_at(s->engine, id, "T", T0)), QUEUE_DONE);
	assert_int_equal(renewal(s, T0, &q), QUEUE_DONE);
	assert_int_equal(renewed(s, &q), QUEUE_DONE);
	assert_int_equal(erase(s, LATE, id, claim(s, LATE, id)), QUEUE_DONE);
	assert_int_equal(part(s, id, QUEUE_CONTAINER), QUEUE_NOT_FOUND);
	assert_int_equal(part(s, id, QUEUE_VERSIONS), QUEUE_NOT_FOUND);
	assert_int_equal(
		part(s, id, (enum queue_part)(QUEUE_VERSIONS + 1)), QUEUE_NOT_FOUND);
	assert_int_equal(renewal(s, LATE * 2, &q), QUEUE_EMPTY);
}

/* Claimed for a longer life before, and while, it is archived: nothing comes of the one,
 * and the other waits until the lease has ended. */
static void nothing_is_added_while_it_is_archived(void **state)
{
	struct queue_renewed_request q, other;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	ended(s, "N1", id);
	assert_int_equal(STEP(s, engine_renew_at(s->engine, id, "T", T0)), QUEUE_DONE);
	assert_int_equal(renewal(s, LATE, &q), QUEUE_DONE);
	assert_int_equal(claim(s, LATE + 30, id), 1);
	assert_int_equal(renewed(s, &q), QUEUE_STALE);
	assert_int_equal(renewal(s, LATE + 89, &other), QUEUE_EMPTY);
	assert_int_equal(renewal(s, LATE + 90, &other), QUEUE_DONE);
	assert_int_equal(renewed(s, &other), QUEUE_DONE);
}

/* What an archive does not have, or has of something else, is no reason to erase. */
static void what_was_not_archived_stays(void **state)
{
	static const enum queue_part MISSING[] = { QUEUE_DOCUMENT, QUEUE_FIRST_REPORT,
		QUEUE_VERSIONS, (enum queue_part)(QUEUE_VERSIONS + 1) };
	struct queue_renewed_request q;
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], parts[SHA256_TEXT_SIZE];
	uint64_t fence;

	ended(s, "N1", id);
	assert_int_equal(STEP(s, engine_renew_at(s->engine, id, "T", T0)), QUEUE_DONE);
	assert_int_equal(renewal(s, T0, &q), QUEUE_DONE);
	assert_int_equal(renewed(s, &q), QUEUE_DONE);
	fence = claim(s, LATE, id);
	for (size_t i = 0; i < 4; i++) {
		_cleanup_json_ json_t *list = json_array();

		for (size_t k = 0; k < 4; k++)
			if (k != i)
				assert_true(archive(s, id, MISSING[k], list));
		assert_int_equal(parts_digest(list, parts), 0);
		assert_int_equal(erase_parts(s, LATE, id, fence, parts), QUEUE_ILLEGAL);
	}
	assert_int_equal(erase_parts(s, LATE, id, fence, ""), QUEUE_ILLEGAL);
	archive_all(s, id, parts);
	assert_int_equal(part(s, id, QUEUE_VERSIONS), QUEUE_DONE);
	/* nor has it been kept from being renewed */
	assert_int_equal(renewal(s, LATE + 61, &q), QUEUE_DONE);
	assert_int_equal(erase_parts(s, LATE, id, fence, parts), QUEUE_DONE);
}

static json_t *end(struct store *s)
{
	int fd = -1;

	assert_int_equal(STEP(s, engine_retention_end(s->engine, LATE, &fd)), QUEUE_DONE);
	return store_json(fd);
}

static void statements_cover_each_once(void **state)
{
	struct store *s = *state;
	char id[2][DOCUMENT_ID_SIZE], line[256];

	{
		_cleanup_json_ json_t *none = end(s);

		assert_int_equal(number(none, "erased"), 0);
	}
	ended(s, "N1", id[0]);
	assert_int_equal(erase(s, LATE, id[0], claim(s, LATE, id[0])), QUEUE_DONE);
	ended(s, "N2", id[1]);
	assert_int_equal(erase(s, LATE, id[1], claim(s, LATE, id[1])), QUEUE_DONE);
	{
		_cleanup_json_ json_t *both = end(s), *none = end(s);
		const char *list = json_string_of(both, "list");

		assert_int_equal(number(both, "erased"), 2);
		assert_int_equal(
			number(both, "position"), engine_head(s->engine).position);
		snprintf(line, sizeof(line), "\n%s ", id[1]);
		assert_memory_equal(list, id[0], DOCUMENT_ID_SIZE - 1);
		assert_non_null(strstr(list, line));
		assert_int_equal(number(none, "erased"), 0);
		/* and once more, for who has lost it */
		{
			int fd = -1, at = number(both, "position");
			_cleanup_json_ json_t *again = NULL;

			assert_int_equal(
				STEP(s, engine_retention_list(s->engine, at + 1, &fd)),
				QUEUE_NOT_FOUND);
			assert_int_equal(
				STEP(s, engine_retention_list(s->engine, at, &fd)),
				QUEUE_DONE);
			again = store_json(fd);
			assert_true(json_equal(again, both));
		}
	}
}

static void the_database_refuses(void **state)
{
	static const char *const ACTS[] = {
		"DELETE FROM blobs",
		"DELETE FROM containers",
		"DELETE FROM erasures",
		"DELETE FROM legal_holds",
		"UPDATE erasures SET at=5,position=5,archive='x',manifest='" MANIFEST "'",
		"UPDATE erasures SET fence=0",
		"UPDATE erasures SET statement=5",
		"UPDATE legal_holds SET partner='other'",
		"UPDATE legal_holds SET lifted=5",
	};
	static const char *const LATER[] = {
		"DELETE FROM blobs", /* the receipt */
		"UPDATE erasures SET at=at+1",
		"UPDATE erasures SET policy='other'",
		"UPDATE deliveries SET state='queued' WHERE state='refused'",
		"INSERT INTO containers(document,version,at,level,data)"
		" SELECT document,1,5,'LT',data FROM blobs",
		"INSERT INTO blobs(id,document,part,data)"
		" SELECT document*8+5,document,5,data FROM blobs",
		"INSERT INTO deliveries(document,destination,state,received,due,updated,"
		"partner) SELECT document,'late','waiting',5,5,5,partner FROM documents",
	};
	struct queue_legal_hold h = { .ground = "legal", .partner = "partner-a" };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];
	int64_t hold = 0;
	uint64_t fence;

	ended(s, "N1", id);
	assert_int_equal(
		STEP(s, engine_renew_at(s->engine, id, "T", T0 + 5 * YEAR)), QUEUE_DONE);
	fence = claim(s, LATE, id);
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_DONE);
	for (size_t i = 0; i < sizeof(ACTS) / sizeof(ACTS[0]); i++)
		if (strcmp(ACTS[i], "DELETE FROM containers") != 0 &&
			!store_refuses(s, ACTS[i]))
			fail_msg("%s", ACTS[i]);
	h.lift = hold;
	assert_int_equal(legal_hold(s, h, &hold), QUEUE_DONE);
	assert_int_equal(erase(s, LATE, id, fence), QUEUE_DONE);
	for (size_t i = 0; i < sizeof(LATER) / sizeof(LATER[0]); i++)
		if (!store_refuses(s, LATER[i]))
			fail_msg("%s", LATER[i]);
}

static void the_ledger_stays_balanced(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *ledger = NULL;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1, r = 1;

	ended(s, "N1", id);
	assert_int_equal(erase(s, LATE, id, claim(s, LATE, id)), QUEUE_DONE);
	while (r > 0)
		r = STEP(s, engine_ledger_walk(s->engine, 100));
	assert_int_equal(r, 0);
	assert_int_equal(STEP(s, engine_ledger(s->engine, &fd)), QUEUE_DONE);
	ledger = store_json(fd);
	assert_true(json_is_true(json_object_get(ledger, "balanced")));
	assert_null(engine_ledger_found(s->engine));
}

/* What a number stood for is answered as before, and that it was erased. */
static void status_of_says_so(void **state)
{
	struct queue_status_request q = { .number = "N1", .at = LATE - 1 };
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	snprintf(q.scope.partner, sizeof(q.scope.partner), "partner-a");
	ended(s, "N1", id);
	assert_int_equal(erase(s, LATE, id, claim(s, LATE, id)), QUEUE_DONE);
	for (int i = 0; i < 2; i++) {
		_cleanup_json_ json_t *answer = NULL;
		const json_t *d;
		int fd = -1;

		q.at = LATE - 1 + i;
		assert_int_equal(
			STEP(s, engine_status_of(s->engine, &q, &fd)), QUEUE_DONE);
		answer = store_json(fd);
		d = json_array_get(json_object_get(answer, "documents"), 0);
		assert_string_equal(json_string_of(d, "state"), "sealed");
		assert_int_equal(json_object_get(d, "erased") != NULL, i);
	}
}

/* -- what is on the disk ---------------------------------------------------- */

#define MARK "these octets are nobody's business"

static bool file_has(struct store *s, const char *name, const char *text)
{
	char path[512], chunk[65536];
	size_t n, len = strlen(text), had = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	f = fopen(path, "re");
	while (f && !found && (n = fread(chunk + had, 1, sizeof(chunk) - had, f)) > 0) {
		n += had;
		found = memmem(chunk, n, text, len) != NULL;
		had = n < len ? n : len;
		memmove(chunk, chunk + n - had, had);
	}
	if (f)
		fclose(f);
	return found;
}

static bool on_disk(struct store *s)
{
	return file_has(s, "queue.db", MARK) || file_has(s, "queue.db-wal", MARK);
}

static void octets_are_off_the_disk(void **state)
{
	struct store *s = *state;
	struct queue_submission q;
	struct queue_document first;
	_cleanup_(freep) char *text = malloc(40000), *record = NULL;
	struct engine_parts p = { .report = span_str("report"),
		.receipt = span_str("receipt") };
	char id[DOCUMENT_ID_SIZE];

	for (size_t at = 0; at < 40000; at += 40)
		snprintf(text + at, 40, "%s    ", MARK);
	p.document = span_of(text, 40000);
	submission_make(&q, "N1", DOCUMENT_ACCEPTED, p.document);
	record = store_record(&q);
	p.record = span_str(record);
	assert_int_equal(STEP(s, engine_insert(s->engine, &q, &p, &first)), QUEUE_DONE);
	seal(s, q.id);
	finish(s, "traces", DELIVERY_DELIVERED);
	finish(s, "customs-es", DELIVERY_DELIVERED);
	assert_int_equal(engine_maintain(s->engine, true), 0);
	assert_true(on_disk(s));
	assert_int_equal(erase(s, LATE, q.id, claim(s, LATE, id)), QUEUE_DONE);
	assert_int_equal(engine_maintain(s->engine, false), 0);
	assert_false(on_disk(s));
}

/* What was erased makes room: as much again, 4 MB, needs no more of the disk than its
 * rows and records. */
static void room_is_used_again(void **state)
{
	struct store *s = *state;
	char path[512], number_text[32], id[DOCUMENT_ID_SIZE];
	struct stat first = { 0 }, last = { 0 };

	snprintf(path, sizeof(path), "%s/queue.db", s->dir);
	for (int round = 0; round < 6; round++) {
		for (int i = 0; i < 8; i++) {
			_cleanup_(freep) char *text = calloc(1, 100000);
			struct queue_submission q;

			snprintf(text, 100000, "%d %d", round, i);
			snprintf(number_text, sizeof(number_text), "%d-%d", round, i);
			submission_make(
				&q, number_text, DOCUMENT_HELD, span_of(text, 100000));
			q.destination_count = 0;
			assert_int_equal(
				store_insert(s, &q, span_of(text, 100000)), QUEUE_DONE);
			{
				struct queue_judgement j = { .state = DOCUMENT_REFUSED };
				struct queue_claim c;
				int64_t due;
				int fd = -1;

				assert_int_equal(
					STEP(s, engine_claim_held(s->engine, T0 + 60, 60,
							&c, &fd, &due)),
					QUEUE_DONE);
				closep(&fd);
				assert_int_equal(
					STEP(s, engine_judged(s->engine, T0 + 60, q.id,
							c.fence, &j, span_str("r"))),
					QUEUE_DONE);
			}
			assert_int_equal(
				erase(s, LATE, q.id, claim(s, LATE, id)), QUEUE_DONE);
			assert_int_equal(engine_maintain(s->engine, false), 0);
		}
		assert_int_equal(stat(path, round ? &last : &first), 0);
	}
	assert_true(last.st_size <= first.st_size + 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(what_is_left),
		STORE_TEST(the_record_proves_it),
		STORE_TEST(every_container_goes),
		STORE_TEST(nothing_is_added_while_it_is_archived),
		STORE_TEST(what_was_not_archived_stays),
		STORE_TEST(statements_cover_each_once),
		STORE_TEST(the_database_refuses),
		STORE_TEST(the_ledger_stays_balanced),
		STORE_TEST(status_of_says_so),
	};
	const struct CMUnitTest disk[] = {
		STORE_TEST(octets_are_off_the_disk),
		STORE_TEST(room_is_used_again),
	};

	/* first: the files are SQLite's */
	return cmocka_run_group_tests_name("disk", disk, NULL, NULL) + STORE_RUN(tests);
}
