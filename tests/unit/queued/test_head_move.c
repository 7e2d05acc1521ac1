/* SPDX-License-Identifier: EUPL-1.2 */
/* Heads of earlier versions come into their folders step by step, over none that is
 * there. */
#include "tests/unit/queued/fixture.h"

#include "queue/head_list.h"
#include "queued/head_move.h"

#include <stdlib.h>
#include <sys/stat.h>

#define FILES 1000
#define APART 997 /* positions */
#define STEPS_MAX 100

struct flat_house {
	char folder[64], heads[80];
	int64_t now_ms;
};

static void put(const struct flat_house *h, const struct head_file *f, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	assert_int_equal(head_file_place(h->heads, f, path), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static bool there(
	const struct flat_house *h, int64_t position, enum head_kind kind, bool flat)
{
	const struct head_file f = { position, kind, flat };
	char path[PATH_MAX];

	assert_int_equal(head_file_path(h->heads, &f, path), 0);
	return access(path, F_OK) == 0;
}

static int setup(void **state)
{
	struct flat_house *h = calloc(1, sizeof(*h));

	snprintf(h->folder, sizeof(h->folder), "/tmp/sealgate-flat-XXXXXX");
	assert_non_null(mkdtemp(h->folder));
	snprintf(h->heads, sizeof(h->heads), "%s/heads", h->folder);
	assert_int_equal(mkdir(h->heads, 0700), 0);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct flat_house *h = *state;

	nftw(h->folder, house_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(h);
	return 0;
}

static int steps_until_done(struct flat_house *h, struct head_move *m)
{
	int n = 0;

	for (; !m->done && n < STEPS_MAX; n++) {
		h->now_ms = m->next_ms;
		head_move_run(m, h->folder, h->now_ms);
	}
	assert_true(m->done);
	head_move_done(m);
	return n;
}

static void each_into_its_folder(void **state)
{
	struct flat_house *h = *state;
	struct head_move m = { .next_ms = 1 };
	int n;

	for (int64_t i = 1; i <= FILES; i++) {
		const struct head_file f = { i * APART, HEAD_JSON, true };

		put(h, &f, "a head");
	}
	put(h, &(struct head_file){ APART, HEAD_STAMP, true }, "its time-stamp");
	put(h, &(struct head_file){ APART, HEAD_PENDING, true }, "another");
	n = steps_until_done(h, &m);
	assert_true(n >= 2 * FILES / 256); /* some at a time */
	for (int64_t i = 1; i <= FILES; i++)
		assert_true(there(h, i * APART, HEAD_JSON, false) &&
			    !there(h, i * APART, HEAD_JSON, true));
	assert_true(there(h, APART, HEAD_STAMP, false));
	assert_true(there(h, APART, HEAD_PENDING, true));
	m = (struct head_move){ .next_ms = 1 };
	assert_int_equal(steps_until_done(h, &m), 1); /* the next start */
}

/* Whoever reads the names meanwhile reads the folders' names, too. */
static void folders_come_first(void **state)
{
	struct flat_house *h = *state;
	struct head_move m = { .next_ms = 1 };
	char path[PATH_MAX];

	put(h, &(struct head_file){ 7, HEAD_JSON, true }, "a head");
	head_move_run(&m, h->folder, 1);
	assert_int_equal(head_folder_path(h->heads, 7, path), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_true(there(h, 7, HEAD_JSON, true));
	head_move_run(&m, h->folder, 1000); /* not yet */
	assert_true(there(h, 7, HEAD_JSON, true));
	head_move_run(&m, h->folder, m.next_ms);
	assert_true(there(h, 7, HEAD_JSON, false) && !there(h, 7, HEAD_JSON, true));
	head_move_done(&m);
}

static void over_none_that_is_there(void **state)
{
	struct flat_house *h = *state;
	struct head_move m = { .next_ms = 1 };

	put(h, &(struct head_file){ 7, HEAD_JSON, true }, "one");
	put(h, &(struct head_file){ 7, HEAD_JSON, false }, "another");
	put(h, &(struct head_file){ 8, HEAD_JSON, true }, "the same");
	put(h, &(struct head_file){ 8, HEAD_JSON, false }, "the same");
	(void)steps_until_done(h, &m);
	assert_true(there(h, 7, HEAD_JSON, false) && there(h, 7, HEAD_JSON, true));
	assert_true(there(h, 8, HEAD_JSON, false) && !there(h, 8, HEAD_JSON, true));
	assert_int_equal(m.left, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_into_its_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_come_first, setup, teardown),
		cmocka_unit_test_setup_teardown(over_none_that_is_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
