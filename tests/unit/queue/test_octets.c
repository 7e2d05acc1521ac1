/* SPDX-License-Identifier: EUPL-1.2 */
/* The same octets of the same partner are one document for ever, wherever the engine
 * keeps their hash and however it was stopped. */
#include "tests/unit/queue/store.h"

#include "queue/engine_sqlite.h"

#include <errno.h>

#define DOCUMENTS 120
#define ROOM 8

static void reopen(struct store *s)
{
	engine_close(s->engine);
	store_open(s);
	sqlite_of(s->engine)->octets.room = ROOM;
}

static int64_t count(struct store *s, const char *table)
{
	char sql[128];
	sqlite3_stmt *q = NULL;
	int64_t n;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_prepare_v2(sqlite_of(s->engine)->db, sql, -1, &q, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

/* What the store's document of that name is found as. */
static int find(struct store *s, const char *number, char ret_id[DOCUMENT_ID_SIZE])
{
	struct queue_document first = { 0 };
	struct queue_submission q;
	int r;

	submission_make(&q, number, DOCUMENT_ACCEPTED, span_str(number));
	assert_int_equal(engine_begin(s->engine), 0);
	r = engine_find(s->engine, &q, &first);
	engine_rollback(s->engine);
	memcpy(ret_id, first.id, DOCUMENT_ID_SIZE);
	return r;
}

/* Each is found after each step, in memory, on the disk and after a stop at any time. */
static void found_for_ever(void **state)
{
	static char ids[DOCUMENTS][DOCUMENT_ID_SIZE];
	struct store *s = *state;
	char number[16], id[DOCUMENT_ID_SIZE];

	reopen(s);
	for (int n = 0; n < DOCUMENTS; n++) {
		snprintf(number, sizeof(number), "N%d", n);
		assert_int_equal(find(s, number, id), QUEUE_DONE);
		store_add(s, number, DOCUMENT_ACCEPTED, ids[n]);
		if (n % 7 == 3)
			reopen(s);
		for (int i = 0; i <= n; i++) {
			snprintf(number, sizeof(number), "N%d", i);
			assert_int_equal(find(s, number, id), QUEUE_DUPLICATE);
			assert_string_equal(id, ids[i]);
		}
	}
	assert_true(count(s, "octets") > DOCUMENTS / 2);
	assert_true(count(s, "recent") < DOCUMENTS / 2);
	assert_true(count(s, "octets_upto WHERE document>60") == 1);
}

/* A round that is whole is not read again: memory and a start stay as they are. */
static void memory_is_bounded(void **state)
{
	struct store *s = *state;
	char number[16], id[DOCUMENT_ID_SIZE];

	sqlite_of(s->engine)->octets.room = ROOM;
	for (int n = 0; n < DOCUMENTS; n++) {
		snprintf(number, sizeof(number), "N%d", n);
		store_add(s, number, DOCUMENT_ACCEPTED, id);
		assert_true(count(s, "recent") <= ROOM + 1);
	}
	reopen(s);
	assert_true(count(s, "recent") <= 3 * ROOM);
}

static int insert(struct store *s, const char *number)
{
	struct queue_document first;
	struct queue_submission q;
	_cleanup_(freep) char *record = NULL;
	struct engine_parts p = { .document = span_str(number),
		.report = span_str("report"),
		.receipt = span_str("receipt") };

	submission_make(&q, number, DOCUMENT_ACCEPTED, p.document);
	record = store_record(&q);
	p.record = span_str(record);
	return engine_insert(s->engine, &q, &p, &first);
}

/* A transaction that is rolled back leaves nothing that could be found. */
static void nothing_of_a_rollback(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	sqlite_of(s->engine)->octets.room = 0;
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(engine_begin(s->engine), 0);
	assert_int_equal(engine_mark(s->engine), 0);
	assert_int_equal(insert(s, "N2"), QUEUE_DONE);
	assert_int_equal(engine_unmark(s->engine, false), 0);
	assert_int_equal(insert(s, "N3"), QUEUE_DONE);
	engine_rollback(s->engine);
	assert_int_equal(find(s, "N1", id), QUEUE_DUPLICATE);
	assert_int_equal(find(s, "N2", id), QUEUE_DONE);
	assert_int_equal(find(s, "N3", id), QUEUE_DONE);
	store_add(s, "N3", DOCUMENT_ACCEPTED, id);
	assert_int_equal(find(s, "N3", id), QUEUE_DUPLICATE);
}

static int again(struct store *s, const char *sha256, const char *partner)
{
	char sql[1024];
	int r;

	snprintf(sql, sizeof(sql),
		"INSERT INTO "
		"documents(id,partner,sha256,country,import_country,type,number,"
		"status,state,size,received,held_until,hold_reason,policy_digest,"
		"store_version,correlation,due) SELECT "
		"'01ARZ3NDEKTSV4RRFFQ69G5FAV',%s,%s,"
		"country,import_country,type,'other',status,'accepted',size,received,0,''"
		",'','',"
		"'',due FROM documents WHERE document=1",
		partner, sha256);
	assert_int_equal(engine_begin(s->engine), 0);
	r = sqlite_exec(sqlite_of(s->engine), sql);
	engine_rollback(s->engine);
	return r;
}

/* Whoever does not look first is refused by the database; a hash that only begins alike,
 * and another partner, are others. */
static void refused_by_the_database(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE];

	sqlite_of(s->engine)->octets.room = 1;
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	for (int on_disk = 0; on_disk < 2; on_disk++) {
		assert_int_equal(again(s, "sha256", "partner"), -EINVAL);
		assert_int_equal(
			again(s, "CAST(substr(sha256,1,31)||x'00' AS BLOB)", "partner"),
			0);
		assert_int_equal(again(s, "sha256", "'partner-z'"), 0);
		store_add(s, on_disk ? "N4" : "N2", DOCUMENT_ACCEPTED, id);
		store_add(s, on_disk ? "N5" : "N3", DOCUMENT_ACCEPTED, id);
	}
	assert_true(count(s, "octets WHERE document=1") == 1);
	assert_true(count(s, "recent WHERE document=1") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(found_for_ever),
		STORE_TEST(memory_is_bounded),
		STORE_TEST(nothing_of_a_rollback),
		STORE_TEST(refused_by_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
