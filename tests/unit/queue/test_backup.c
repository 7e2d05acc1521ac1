/* SPDX-License-Identifier: EUPL-1.2 */
/* A copy made in steps while documents come in is a whole database. */
#include "tests/unit/queue/store.h"

#include "queue/engine_sqlite.h"

static void copy_path(struct store *s, const char *name, char ret[512])
{
	snprintf(ret, 512, "%s/%s", s->dir, name);
}

static void whole_while_written(void **state)
{
	struct store *s = *state, other = { 0 };
	char path[512], folder[512], inside[600], id[DOCUMENT_ID_SIZE],
		last[DOCUMENT_ID_SIZE];
	struct engine_backup b;
	int steps = 0, r;

	copy_path(s, "backup.db", path);
	store_add_sealed(s, "N0", id);
	assert_int_equal(engine_backup_start(s->engine, path), 0);
	while ((r = engine_backup_step(s->engine, 4)) == 1) {
		char number[16];

		/* for the first steps something comes in between */
		snprintf(number, sizeof(number), "M%d", steps);
		if (steps++ < 5)
			store_add(s, number, DOCUMENT_ACCEPTED, last);
	}
	assert_int_equal(r, 0);
	assert_true(steps > 5);
	b = engine_backup_state(s->engine);
	assert_true(b.done);
	assert_false(b.running);
	assert_int_equal(b.head.position, engine_head(s->engine).position);
	copy_path(s, "other", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(inside, sizeof(inside), "%s/queue.db", folder);
	assert_int_equal(rename(path, inside), 0);
	snprintf(other.dir, sizeof(other.dir), "%.255s", folder);
	store_open(&other);
	assert_int_equal(engine_head(other.engine).position, b.head.position);
	assert_memory_equal(engine_head(other.engine).chain, b.head.chain, SHA256_SIZE);
	assert_document(&other, last, "accepted");
	assert_document(&other, id, "sealed");
	engine_close(other.engine);
	unlink(inside);
	rmdir(folder);
}

static void given_up_and_discarded(void **state)
{
	struct store *s = *state;
	char path[512], id[DOCUMENT_ID_SIZE];

	store_add(s, "N0", DOCUMENT_ACCEPTED, id);
	copy_path(s, "none/backup.db", path);
	assert_true(engine_backup_start(s->engine, path) < 0);
	assert_false(engine_backup_state(s->engine).running);
	copy_path(s, "backup.db", path);
	assert_int_equal(engine_backup_start(s->engine, path), 0);
	assert_int_equal(engine_backup_step(s->engine, 1), 1);
	engine_backup_discard(s->engine);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(engine_backup_step(s->engine, 1), 0);
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(whole_while_written),
		STORE_TEST(given_up_and_discarded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
