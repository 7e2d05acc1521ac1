/* SPDX-License-Identifier: EUPL-1.2 */
/* A commit that stands for nothing is one all the same: it reaches the disk, it is told
 * why it cannot, and it leaves nothing. */
#include "tests/unit/queued/fixture.h"

#include "queue/engine.h"
#include "queued/batch.h"
#include "tests/unit/queued/disk.h"

#include <sys/socket.h>

static int setup(void **state)
{
	*state = disk_house();
	return 0;
}

static void assert_says(struct queue *q, int answer, enum queue_why why)
{
	enum queue_why found = QUEUE_WHY_NONE;

	assert_int_equal(queue_trial(q, &found), answer);
	assert_int_equal(found, why);
}

/* Until it writes again: at most as long as it waits between two tries. */
static void assert_recovers(struct queue *q)
{
	int64_t until = clock_monotonic_ms() + 30000;
	enum queue_why why;
	int r;

	do
		r = queue_trial(q, &why);
	while (r == QUEUE_UNAVAILABLE && clock_monotonic_ms() < until &&
		poll(NULL, 0, 20) == 0);
	assert_int_equal(r, QUEUE_DONE);
}

/* What a statement finds in the database of a queued that was killed. */
static int64_t found(const struct house *h, const char *sql)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	char path[512];
	int64_t n;

	snprintf(path, sizeof(path), "%s/state/queue/queue.db", h->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static off_t log_size(const struct house *h)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/state/queue/queue.db-wal", h->dir);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

/* It is on the disk when it is answered, and there is nothing of it: before a restart,
 * and after one that has the log to recover. */
static void reaches_the_disk_and_leaves_nothing(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	char id[DOCUMENT_ID_SIZE];
	int64_t records, pages = 0, spare = 0;
	off_t size;
	int syncs;

	house_accept(q, "N1", id);
	records = assert_chain_intact(q);
	syncs = atomic_load(&disk->syncs);
	json_decref(house_meta(q, id));
	assert_int_equal(atomic_load(&disk->syncs), syncs); /* reading needs none */
	size = log_size(h);
	assert_says(q, QUEUE_DONE, QUEUE_WHY_NONE);
	assert_true(log_size(h) >= size + 64 * 1024); /* as much as a document */
	for (int i = 1; i <= 50; i++) {
		assert_says(q, QUEUE_DONE, QUEUE_WHY_NONE);
		assert_true(atomic_load(&disk->syncs) >= syncs + i);
	}
	assert_int_equal(assert_chain_intact(q), records);
	queue_disconnect(q);
	for (int i = 0; i < 2; i++) {
		house_stop(h, SIGKILL);
		assert_int_equal(found(h, "SELECT count(*) FROM maintenance"), 0);
		assert_int_equal(found(h, "SELECT count(*) FROM documents"), 1);
		if (i == 0) {
			pages = found(h, "PRAGMA page_count");
			spare = found(h, "PRAGMA freelist_count");
		}
		assert_int_equal(found(h, "PRAGMA page_count"), pages);
		assert_int_equal(found(h, "PRAGMA freelist_count"), spare);
		assert_true(spare <= 17); /* its own pages, which whoever comes takes */
		house_start(h);
		q = house_connect(h);
		for (int n = 0; n < 50; n++)
			assert_says(q, QUEUE_DONE, QUEUE_WHY_NONE);
		json_decref(house_meta(q, id));
		queue_disconnect(q);
	}
}

/* A disk without room, also while nothing is tried; a reader is answered all the same. */
static void a_full_disk_is_named(void **state)
{
	struct queue *q = house_connect(*state);
	char id[DOCUMENT_ID_SIZE];

	house_accept(q, "N1", id);
	atomic_store(&disk->no_room, 1);
	for (int i = 0; i < 5; i++)
		assert_says(q, QUEUE_UNAVAILABLE, QUEUE_WHY_ROOM);
	json_decref(house_meta(q, id));
	atomic_store(&disk->no_room, 0);
	assert_recovers(q);
	assert_says(q, QUEUE_DONE, QUEUE_WHY_NONE);
	queue_disconnect(q);
}

static void a_database_that_fails_is_named(void **state)
{
	struct queue *q = house_connect(*state);

	house_ready(*state);
	atomic_store(&disk->no_memory, 1);
	assert_says(q, QUEUE_UNAVAILABLE, QUEUE_WHY_DATABASE);
	atomic_store(&disk->no_memory, 0);
	assert_recovers(q);
	queue_disconnect(q);
}

/* After a failed fsync nobody knows: there is no answer, as to a document. */
static void a_failed_sync_is_no_answer(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	enum queue_why why;
	int status;

	house_ready(h);
	atomic_store(&disk->fail_syncs, 1);
	assert_true(queue_trial(q, &why) < 0);
	queue_disconnect(q);
	assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
	h->pid = 0;
	assert_int_equal(WEXITSTATUS(status), 1);
	atomic_store(&disk->fail_syncs, 0);
	house_start(h);
	q = house_connect(h);
	assert_says(q, QUEUE_DONE, QUEUE_WHY_NONE);
	queue_disconnect(q);
}

/* Nothing is recorded while the clock is behind the last record. */
static void a_clock_that_is_behind_is_named(void **state)
{
	struct house *h = *state;
	struct queue *q = house_connect(h);
	struct queue_document first;
	struct parcel p;
	char text[256];

	parcel_init(&p, "N1", DOCUMENT_ACCEPTED, 1000);
	snprintf(text, sizeof(text),
		"{\"actor\":\"intake\",\"at\":\"2999-01-01T00:00:00Z\","
		"\"document\":\"%s\",\"event\":\"document.accepted\"}",
		p.s.id);
	parcel_write(&p, text);
	assert_int_equal(parcel_commit(q, &p, &first), QUEUE_DONE);
	parcel_done(&p);
	queue_disconnect(q);
	house_stop(h, SIGKILL); /* so that this is the last record */
	house_start(h);
	q = house_connect(h);
	assert_says(q, QUEUE_UNAVAILABLE, QUEUE_WHY_CLOCK);
	queue_disconnect(q);
}

/* What intake's one connection is answered by a batch of its own. */
static struct queue_reply asked(struct batch *b)
{
	const struct queue_trial_request body = { .reserved = 0 };
	struct connection *c = calloc(1, sizeof(*c));
	struct queue_reply reply;
	struct ipc_message m;
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_non_null(c);
	connection_open(c, ends[0], "intake", 1);
	assert_int_equal(
		ipc_send(ends[1], QUEUE_OP_TRIAL, 1, &body, sizeof(body), NULL, 0), 0);
	assert_true(connection_receive(c));
	batch_add(b, c);
	assert_int_equal(batch_run(b), 0);
	assert_int_equal(ipc_receive(ends[1], &m), 1);
	memcpy(&reply, m.body, sizeof(reply));
	ipc_message_done(&m);
	connection_close(c);
	close(ends[1]);
	free(c);
	return reply;
}

/* While a raise of cursors is owed, and what was owed is not told any more afterwards. */
static void what_is_owed_is_named(void **state)
{
	struct house *h = *state;
	struct batch *b = calloc(1, sizeof(*b));
	int64_t until = clock_monotonic_ms() + 30000;
	struct queue_reply reply;
	struct engine *e = NULL;
	char folder[512], *error = NULL;

	house_ready(h);
	house_stop(h, SIGTERM);
	snprintf(folder, sizeof(folder), "%s/state/queue", h->dir);
	assert_int_equal(engine_open(folder, &e, &error), 0);
	assert_non_null(b);
	batch_init(b, folder, e);
	assert_true(batch_watch_clock(b) >= 0);
	batch_owe(b, true);
	reply = asked(b);
	assert_int_equal(reply.answer, QUEUE_UNAVAILABLE);
	assert_int_equal(reply.why, QUEUE_WHY_OWED);
	batch_owe(b, false);
	do
		reply = asked(b);
	while (reply.answer == QUEUE_UNAVAILABLE && clock_monotonic_ms() < until &&
		poll(NULL, 0, 20) == 0);
	assert_int_equal(reply.answer, QUEUE_DONE);
	assert_int_equal(reply.why, QUEUE_WHY_NONE);
	batch_done(b, true);
	free(b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(reaches_the_disk_and_leaves_nothing),
		TEST(a_full_disk_is_named),
		TEST(a_database_that_fails_is_named),
		TEST(a_failed_sync_is_no_answer),
		TEST(a_clock_that_is_behind_is_named),
		TEST(what_is_owed_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
