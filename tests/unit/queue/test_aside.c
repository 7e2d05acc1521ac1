/* SPDX-License-Identifier: EUPL-1.2 */
/* A row that cannot be handed out is moved aside: what is behind it goes on. */
#include "tests/unit/queue/store.h"

#include "queue/engine_sqlite.h"

static void run_sql(struct store *s, const char *sql)
{
	char *error = NULL;

	if (sqlite3_exec(sqlite_of(s->engine)->db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

/* As somebody does who has the file: the part is gone, or far too large. */
static void spoil(struct store *s, const char *id, enum queue_part part, bool large)
{
	char sql[256];

	run_sql(s, "DROP TRIGGER IF EXISTS blobs_kept");
	run_sql(s, "DROP TRIGGER IF EXISTS blobs_never_deleted");
	snprintf(sql, sizeof(sql),
		"%s WHERE part = %d AND document = "
		"(SELECT document FROM documents WHERE id = '%s')",
		large ? "UPDATE blobs SET data = zeroblob(64 << 20)"
		      : "DELETE FROM blobs",
		(int)part, id);
	run_sql(s, sql);
}

static int state_of(struct store *s, const char *id)
{
	struct document_row d;

	assert_int_equal(STEP(s, document_find(s->engine, id, &d)), QUEUE_DONE);
	return (int)d.document.state;
}

/* The events of the chain that are about a document and have this name. */
static int events(struct store *s, const char *id, const char *event)
{
	sqlite3_stmt *q;
	char like[200];
	int n;

	snprintf(like, sizeof(like), "%%\"document\":\"%s\",\"event\":\"%s\"%%", id,
		event);
	assert_int_equal(
		sqlite3_prepare_v2(sqlite_of(s->engine)->db,
			"SELECT count(*) FROM audit WHERE CAST(record AS TEXT) LIKE ?1",
			-1, &q, NULL),
		SQLITE_OK);
	sqlite3_bind_text(q, 1, like, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return n;
}

static void expect_told(struct store *s, const char *id)
{
	const char *told = engine_set_aside(s->engine);

	assert_non_null(told);
	assert_string_equal(told, id);
	assert_null(engine_set_aside(s->engine));
}

static void seal_goes_on(void **state)
{
	static const enum queue_part PARTS[] = { QUEUE_DOCUMENT, QUEUE_REPORT,
		QUEUE_RECEIPT };
	struct store *s = *state;
	char poison[6][DOCUMENT_ID_SIZE], good[DOCUMENT_ID_SIZE], number[16];
	struct queue_claim claim;

	for (int i = 0; i < 6; i++) {
		snprintf(number, sizeof(number), "P%d", i);
		store_add(s, number, DOCUMENT_ACCEPTED, poison[i]);
	}
	store_add(s, "N2", DOCUMENT_ACCEPTED, good);
	for (int i = 0; i < 6; i++)
		spoil(s, poison[i], PARTS[i % 3], i >= 3);
	assert_int_equal(store_claim_seal(s, T0, 60, &claim), QUEUE_DONE);
	assert_string_equal(claim.document.id, good);
	assert_non_null(engine_set_aside(s->engine));
	assert_null(engine_set_aside(s->engine));
	for (int i = 0; i < 6; i++) {
		assert_int_equal(state_of(s, poison[i]), DOCUMENT_QUARANTINED);
		assert_int_equal(events(s, poison[i], "document.quarantined"), 1);
	}
	assert_int_equal(store_claim_seal(s, T0 + 1, 60, &claim), QUEUE_EMPTY);
}

/* More of them than one claim moves aside: the claim asks again at once. */
static void many_are_moved_in_turns(void **state)
{
	struct store *s = *state;
	char id[DOCUMENT_ID_SIZE], number[16];
	struct queue_claim claim;
	int fds[3] = { -1, -1, -1 };
	int64_t due = 0;

	for (int i = 0; i < SET_ASIDE_MAX + 1; i++) {
		snprintf(number, sizeof(number), "P%d", i);
		store_add(s, number, DOCUMENT_ACCEPTED, id);
		spoil(s, id, QUEUE_DOCUMENT, false);
	}
	assert_int_equal(STEP(s, engine_claim_seal(s->engine, T0, 60, &claim, fds, &due)),
		QUEUE_EMPTY);
	assert_true(due == T0);
	assert_int_equal(STEP(s, engine_claim_seal(s->engine, T0, 60, &claim, fds, &due)),
		QUEUE_EMPTY);
	assert_true(due == INT64_MAX);
	assert_int_equal(state_of(s, id), DOCUMENT_QUARANTINED);
}

static void judging_goes_on(void **state)
{
	struct store *s = *state;
	char poison[DOCUMENT_ID_SIZE], good[DOCUMENT_ID_SIZE];
	const int64_t now = T0 + QUEUE_HELD_RETRY_S;
	struct queue_claim claim;
	int fd = -1;
	int64_t due;

	store_add(s, "N1", DOCUMENT_HELD, poison);
	store_add(s, "N2", DOCUMENT_HELD, good);
	spoil(s, poison, QUEUE_DOCUMENT, false);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, now, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	assert_string_equal(claim.document.id, good);
	closep(&fd);
	expect_told(s, poison);
	assert_int_equal(state_of(s, poison), DOCUMENT_HELD);
	assert_int_equal(events(s, poison, "document.judged"), 1);
	/* its end is the one that the partner was told */
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 3600, 60, &claim, &fd, &due)),
		QUEUE_DONE);
	assert_string_equal(claim.document.id, good);
	closep(&fd);
	assert_int_equal(
		STEP(s, engine_claim_held(s->engine, T0 + 3600, 60, &claim, &fd, &due)),
		QUEUE_EMPTY);
	assert_int_equal(state_of(s, poison), DOCUMENT_REFUSED);
}

static void delivering_goes_on(void **state)
{
	struct store *s = *state;
	char poison[DOCUMENT_ID_SIZE], good[DOCUMENT_ID_SIZE];
	struct queue_claim claim;
	int fd = -1;
	int64_t due;

	store_add_sealed(s, "N1", poison);
	store_add_sealed(s, "N2", good);
	spoil(s, poison, QUEUE_CONTAINER, true);
	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, T0, "traces", 60, 0,
					 &claim, &fd, &due)),
		QUEUE_DONE);
	assert_string_equal(claim.document.id, good);
	closep(&fd);
	expect_told(s, poison);
	assert_int_equal(events(s, poison, "delivery.deferred"), 1);
	assert_int_equal(STEP(s, engine_claim_delivery(s->engine, T0 + 1, "traces", 60, 0,
					 &claim, &fd, &due)),
		QUEUE_EMPTY);
}

/* What cannot be counted is null; whoever asks is told the rest, and all goes on. */
static void holds_that_cannot_be_counted(void **state)
{
	struct store *s = *state;
	_cleanup_json_ json_t *f = NULL;
	char id[DOCUMENT_ID_SIZE];
	int fd = -1;

	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	run_sql(s, "ALTER TABLE legal_holds RENAME TO legal_gone");
	assert_int_equal(STEP(s, engine_stats(s->engine, T0, &fd)), QUEUE_DONE);
	assert_int_equal(engine_failure(s->engine), ENGINE_FINE);
	f = store_json(fd);
	assert_true(
		json_is_null(json_object_get(json_object_get(f, "legal"), "documents")));
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(f, "documents"), "accepted")),
		1);
	run_sql(s, "ALTER TABLE legal_gone RENAME TO legal_holds");
	store_add(s, "N2", DOCUMENT_ACCEPTED, id);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {
		TEST(seal_goes_on),
		TEST(many_are_moved_in_turns),
		TEST(judging_goes_on),
		TEST(delivering_goes_on),
		TEST(holds_that_cannot_be_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
