/* SPDX-License-Identifier: EUPL-1.2 */
/* A copy made in steps while documents come in is a whole database, of whoever asked for
 * it and of nobody else. */
#include "tests/unit/queue/store.h"

#include "common/durable.h"
#include "queue/copy_end.h"

#define FIRST 7
#define OTHER 8

static void path_in(const struct store *s, const char *name, char ret[512])
{
	snprintf(ret, 512, "%s/%s", s->dir, name);
}

/* A copy and how it is begun, between transactions as a batch has it. */
static int begin_copy(struct store *s, uint64_t owner, int *ret_fd)
{
	return STEP(s, engine_backup_start(s->engine, owner, ret_fd));
}

static int end_copy(struct store *s)
{
	int r;

	while ((r = engine_backup_step(s->engine, 4)) == 1)
		;
	return r;
}

static bool is_told(struct store *s, uint64_t owner, const char *what)
{
	_cleanup_json_ json_t *state = NULL;
	int fd = -1;

	if (STEP(s, engine_backup_tell(s->engine, owner, &fd)) != QUEUE_DONE)
		return false;
	state = store_json(fd);
	return json_is_true(json_object_get(state, what));
}

/* What a descriptor holds, as a file. */
static void keep(const struct store *s, int fd, const char *name, size_t most)
{
	static uint8_t octets[1 << 22];
	ssize_t n = pread(fd, octets, most < sizeof(octets) ? most : sizeof(octets), 0);
	char path[512];

	assert_true(n > 0);
	path_in(s, name, path);
	assert_int_equal(durable_write(path, span_of(octets, (size_t)n), 0600), 0);
}

static void assert_ends_at(
	const struct store *s, const char *name, struct engine_head head)
{
	uint8_t chain[SHA256_SIZE];
	int64_t position = 0;
	char path[512];

	path_in(s, name, path);
	assert_int_equal(copy_end(path, &position, chain), 0);
	assert_int_equal(position, head.position);
	assert_memory_equal(chain, head.chain, SHA256_SIZE);
}

static bool has_name(const struct store *s)
{
	char path[512];

	path_in(s, "backup.db", path);
	return access(path, F_OK) == 0;
}

static void remove_file(const struct store *s, const char *name)
{
	char path[512];

	path_in(s, name, path);
	assert_int_equal(unlink(path), 0);
}

static void whole_while_written(void **state)
{
	struct store *s = *state, other = { 0 };
	_cleanup_(closep) int copy = -1;
	char folder[512], id[DOCUMENT_ID_SIZE], last[DOCUMENT_ID_SIZE];
	struct engine_backup b;
	int steps = 0, r;

	store_add_sealed(s, "N0", id);
	assert_int_equal(begin_copy(s, FIRST, &copy), QUEUE_DONE);
	while ((r = engine_backup_step(s->engine, 4)) == 1) {
		char number[16];

		assert_false(has_name(s));
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
	path_in(s, "other", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	keep(s, copy, "other/queue.db", SIZE_MAX);
	assert_ends_at(s, "other/queue.db", b.head);
	snprintf(other.dir, sizeof(other.dir), "%.255s", folder);
	store_open(&other);
	assert_int_equal(engine_head(other.engine).position, b.head.position);
	assert_memory_equal(engine_head(other.engine).chain, b.head.chain, SHA256_SIZE);
	assert_document(&other, last, "accepted");
	assert_document(&other, id, "sealed");
	engine_close(other.engine);
	remove_file(s, "other/queue.db");
	rmdir(folder);
}

/* Until its owner knows how it ended, also when that is long over. */
static void one_at_a_time(void **state)
{
	struct store *s = *state;
	_cleanup_(closep) int copy = -1, another = -1;
	char id[DOCUMENT_ID_SIZE];
	struct engine_head head;

	store_add(s, "N0", DOCUMENT_ACCEPTED, id);
	assert_int_equal(
		STEP(s, engine_backup_tell(s->engine, 0, &another)), QUEUE_STALE);
	assert_int_equal(begin_copy(s, FIRST, &copy), QUEUE_DONE);
	assert_int_equal(begin_copy(s, OTHER, &another), QUEUE_ILLEGAL);
	assert_int_equal(
		STEP(s, engine_backup_tell(s->engine, OTHER, &another)), QUEUE_STALE);
	assert_true(is_told(s, FIRST, "running"));
	assert_int_equal(end_copy(s), 0);
	assert_int_equal(begin_copy(s, OTHER, &another), QUEUE_ILLEGAL);
	head = engine_backup_state(s->engine).head;
	assert_true(is_told(s, FIRST, "done"));
	assert_true(is_told(s, FIRST, "done")); /* of a batch that is run anew */
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(begin_copy(s, OTHER, &another), QUEUE_DONE);
	assert_int_equal(
		STEP(s, engine_backup_tell(s->engine, FIRST, &(int){ -1 })), QUEUE_STALE);
	assert_int_equal(end_copy(s), 0);
	assert_true(engine_backup_state(s->engine).head.position > head.position);
	/* the first is what it was */
	keep(s, copy, "first", SIZE_MAX);
	assert_ends_at(s, "first", head);
	keep(s, another, "second", SIZE_MAX);
	assert_ends_at(s, "second", engine_backup_state(s->engine).head);
	remove_file(s, "first");
	remove_file(s, "second");
}

static void given_up_and_dropped(void **state)
{
	struct store *s = *state;
	_cleanup_(closep) int copy = -1, another = -1;
	char path[512], id[DOCUMENT_ID_SIZE];

	store_add(s, "N0", DOCUMENT_ACCEPTED, id);
	path_in(s, "backup.db", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(begin_copy(s, FIRST, &copy) < 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(engine_backup_state(s->engine).owner, 0);
	assert_int_equal(begin_copy(s, FIRST, &copy), QUEUE_DONE);
	assert_int_equal(engine_backup_step(s->engine, 1), 1);
	engine_backup_drop(s->engine);
	assert_false(has_name(s));
	assert_int_equal(engine_backup_step(s->engine, 1), 0);
	store_add(s, "N1", DOCUMENT_ACCEPTED, id);
	assert_int_equal(begin_copy(s, OTHER, &another), QUEUE_DONE);
	assert_int_equal(end_copy(s), 0);
}

/* What is cut, or no database, ends nowhere. */
static void ends_of_what_is_none(void **state)
{
	struct store *s = *state;
	_cleanup_(closep) int copy = -1;
	uint8_t chain[SHA256_SIZE];
	char path[512], id[DOCUMENT_ID_SIZE];
	int64_t position;

	store_add(s, "N0", DOCUMENT_ACCEPTED, id);
	assert_int_equal(begin_copy(s, FIRST, &copy), QUEUE_DONE);
	assert_int_equal(end_copy(s), 0);
	path_in(s, "cut", path);
	assert_int_equal(copy_end(path, &position, chain), -ENOENT);
	keep(s, copy, "cut", 65536);
	assert_int_equal(copy_end(path, &position, chain), -EBADMSG);
	assert_int_equal(durable_write(path, span_str("no database"), 0600), 0);
	assert_int_equal(copy_end(path, &position, chain), -EBADMSG);
	remove_file(s, "cut");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(whole_while_written),
		STORE_TEST(one_at_a_time),
		STORE_TEST(given_up_and_dropped),
		STORE_TEST(ends_of_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
