/* SPDX-License-Identifier: EUPL-1.2 */
/* The second folder of sealed heads: whatever it does, nobody waits for it, and what it
 * misses comes later. */
#include "tests/unit/queued/set_back.h"

#include "common/durable.h"
#include "queued/head_export.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#define BOUND_MS 20000

/* Files are made in the folder by this; while it hangs, the call does not come back. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char folder[96]; /* "": none */
	bool hangs, waiting;
} hang = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

int mkostemp(char *name, int flags)
{
	size_t n = strlen(name) - 6;

	pthread_mutex_lock(&hang.lock);
	if (hang.folder[0] && strncmp(name, hang.folder, strlen(hang.folder)) == 0)
		while (hang.hangs) {
			hang.waiting = true;
			pthread_cond_wait(&hang.changed, &hang.lock);
		}
	pthread_mutex_unlock(&hang.lock);
	snprintf(name + n, 7, "%06u", (unsigned int)random() % 1000000u);
	return open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
}

struct exported {
	struct set_back *s;
	char to[96], heads[96];
	struct head_export *x;
};

static void set_hanging(bool hangs)
{
	pthread_mutex_lock(&hang.lock);
	hang.hangs = hangs;
	hang.waiting = false;
	pthread_cond_broadcast(&hang.changed);
	pthread_mutex_unlock(&hang.lock);
}

static bool is_waiting(void)
{
	bool waiting;

	pthread_mutex_lock(&hang.lock);
	waiting = hang.waiting;
	pthread_mutex_unlock(&hang.lock);
	return waiting;
}

#define UNTIL(condition)                                                                 \
	do {                                                                             \
		int64_t end = clock_monotonic_ms() + BOUND_MS;                           \
                                                                                         \
		while (!(condition)) {                                                   \
			assert_true(clock_monotonic_ms() < end);                         \
			poll(NULL, 0, 5);                                                \
		}                                                                        \
	} while (0)

static void seal_at(struct exported *e, int64_t position)
{
	struct engine_head head = { .position = position };

	seal(e->s, &head);
}

static bool is_exported(const struct exported *e, int64_t position)
{
	struct head_file f = { .position = position, .kind = HEAD_JSON };
	char path[PATH_MAX];

	return head_file_find(e->to, &f, path) == 0;
}

static void start(struct exported *e)
{
	assert_int_equal(head_export_start(e->s->folder, e->to, &e->x), 0);
}

static void stop_within(struct exported *e, int seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	head_export_stop(e->x, &until);
	e->x = NULL;
}

static int with_folder(void **state)
{
	struct exported *e = calloc(1, sizeof(*e));

	setup((void **)&e->s);
	snprintf(e->to, sizeof(e->to), "%s/to", e->s->folder);
	assert_int_equal(mkdir(e->to, 0700), 0);
	snprintf(hang.folder, sizeof(hang.folder), "%s", e->to);
	*state = e;
	return 0;
}

static int without_folder(void **state)
{
	struct exported *e = *state;

	set_hanging(false);
	teardown((void **)&e->s);
	free(e);
	return 0;
}

/* An empty folder gets all, the newest first; then what is noted. */
static void all_that_is_missing(void **state)
{
	struct exported *e = *state;
	struct head_exported told;

	for (int64_t i = 1; i <= 200; i++)
		seal_at(e, i * 1000);
	start(e);
	seal_at(e, 300000);
	head_export_note(e->x, HEAD_JSON, 300000);
	UNTIL(is_exported(e, 300000) && is_exported(e, 200000));
	for (int64_t i = 1; i <= 200; i++)
		assert_true(is_exported(e, i * 1000));
	UNTIL(head_export_told(e->x, &told) && told.position == 300000);
	assert_true(told.at > 0);
	assert_int_equal(told.waiting_ms, 0);
	stop_within(e, 5);
}

/* What hangs is told, keeps the end not waiting, and is made up for by the next start. */
static void one_that_hangs(void **state)
{
	struct exported *e = *state;
	struct head_exported told;
	int64_t before;

	seal_at(e, 1);
	start(e);
	UNTIL(is_exported(e, 1));
	set_hanging(true);
	seal_at(e, 2);
	head_export_note(e->x, HEAD_JSON, 2);
	UNTIL(is_waiting());
	seal_at(e, 3);
	head_export_note(e->x, HEAD_JSON, 3); /* comes back at once */
	assert_true(head_export_told(e->x, &told));
	assert_int_equal(told.position, 1);
	UNTIL(head_export_told(e->x, &told) && told.waiting_ms > 0);
	before = clock_monotonic_ms();
	stop_within(e, 1);
	assert_true(clock_monotonic_ms() - before < 5000);
	assert_false(is_exported(e, 2) || is_exported(e, 3));
	set_hanging(false);
	start(e);
	UNTIL(is_exported(e, 2) && is_exported(e, 3));
	stop_within(e, 5);
}

static void one_that_comes_back(void **state)
{
	struct exported *e = *state;

	start(e);
	set_hanging(true);
	for (int64_t i = 1; i <= 3; i++) {
		seal_at(e, i);
		head_export_note(e->x, HEAD_JSON, i);
	}
	UNTIL(is_waiting());
	set_hanging(false);
	UNTIL(is_exported(e, 1) && is_exported(e, 2) && is_exported(e, 3));
	stop_within(e, 5);
}

/* One that fails is tried again; meanwhile nothing is passed over. */
static void one_that_is_away(void **state)
{
	struct exported *e = *state;

	assert_int_equal(rmdir(e->to), 0);
	start(e);
	for (int64_t i = 1; i <= 3; i++) {
		seal_at(e, i);
		head_export_note(e->x, HEAD_JSON, i);
	}
	poll(NULL, 0, 50);
	assert_int_equal(mkdir(e->to, 0700), 0);
	UNTIL(is_exported(e, 1) && is_exported(e, 2) && is_exported(e, 3));
	stop_within(e, 5);
}

/* A lost chain's heads there keep being evidence; the new ones come, though they are
 * behind what was there. */
static void a_chain_that_was_set_back(void **state)
{
	struct exported *e = *state;
	struct head_file f = { .position = 5, .kind = HEAD_JSON };
	char path[PATH_MAX], aside[PATH_MAX + 16], here[256];

	for (int64_t i = 1; i <= 9; i++)
		seal_at(e, i);
	start(e);
	UNTIL(is_exported(e, 9));
	for (int64_t i = 5; i <= 9; i++) {
		path_of_head(e->s, i, "json", here);
		assert_int_equal(unlink(here), 0);
	}
	assert_int_equal(head_file_find(e->to, &f, path), 0);
	snprintf(aside, sizeof(aside), "%s.set-back", path);
	f.position = 5;
	{
		struct engine_head other = { .position = 5, .chain = { 1 } };

		seal(e->s, &other);
	}
	head_export_note(e->x, HEAD_JSON, 5);
	UNTIL(access(aside, F_OK) == 0 && is_exported(e, 5));
	assert_true(is_exported(e, 9));
	stop_within(e, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_that_is_missing, with_folder, without_folder),
		cmocka_unit_test_setup_teardown(
			one_that_hangs, with_folder, without_folder),
		cmocka_unit_test_setup_teardown(
			one_that_comes_back, with_folder, without_folder),
		cmocka_unit_test_setup_teardown(
			one_that_is_away, with_folder, without_folder),
		cmocka_unit_test_setup_teardown(
			a_chain_that_was_set_back, with_folder, without_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
