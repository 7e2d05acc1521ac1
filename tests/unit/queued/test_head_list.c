/* SPDX-License-Identifier: EUPL-1.2 */
/* The newest files of sealed heads, however many there are, and every pending time-stamp.
 */
#include "tests/unit/queued/fixture.h"

#include "queued/head_list.h"

#include <stdlib.h>

#define FILES 3000
#define MOST 8u

struct many {
	char folder[64];
};

static void put(const struct many *m, int64_t position, const char *kind)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/heads/%018lld.%s", m->folder,
		(long long)position, kind);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static int setup(void **state)
{
	struct many *m = calloc(1, sizeof(*m));
	char path[256];

	snprintf(m->folder, sizeof(m->folder), "/tmp/sealgate-list-XXXXXX");
	assert_non_null(mkdtemp(m->folder));
	snprintf(path, sizeof(path), "%s/heads", m->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct many *m = *state;

	nftw(m->folder, house_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(m);
	return 0;
}

static void the_newest_and_what_is_pending(void **state)
{
	struct many *m = *state;
	struct head_list l = { 0 };

	for (int64_t i = 1; i <= FILES; i++)
		put(m, i, "json");
	put(m, 3, HEAD_STAMP_PENDING);
	put(m, FILES, "tst");
	put(m, FILES + 1, "json.set-back");
	assert_int_equal(head_list_read(m->folder, MOST, &l), 0);
	assert_true(l.cut);
	assert_true(l.count > MOST && l.count < FILES / 2);
	assert_int_equal(l.files[0].position, 3);
	assert_int_equal(l.files[0].kind, HEAD_PENDING);
	assert_int_equal(l.files[l.count - 1].position, FILES);
	assert_int_equal(l.files[l.count - 1].kind, HEAD_STAMP);
	for (size_t i = 0; i < MOST; i++)
		assert_int_equal(l.files[l.count - 2 - i].position, FILES - (int64_t)i);
	head_list_done(&l);
}

static void all_of_them(void **state)
{
	struct many *m = *state;
	struct head_list l = { 0 };

	for (int64_t i = 1; i <= FILES; i++)
		put(m, i, "json");
	assert_int_equal(head_list_read(m->folder, SIZE_MAX, &l), 0);
	assert_false(l.cut);
	assert_int_equal(l.count, FILES);
	for (size_t i = 0; i < FILES; i++)
		assert_int_equal(l.files[i].position, i + 1);
	head_list_done(&l);
}

static void no_folder_has_none(void **state)
{
	struct head_list l = { 0 };

	(void)state;
	assert_int_equal(head_list_read("/nonexistent", MOST, &l), 0);
	assert_int_equal(l.count, 0);
	assert_false(l.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_newest_and_what_is_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(all_of_them, setup, teardown),
		cmocka_unit_test(no_folder_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
