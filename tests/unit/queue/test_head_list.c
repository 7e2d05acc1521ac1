/* SPDX-License-Identifier: EUPL-1.2 */
/* Some files of sealed heads in order, however many there are and wherever they lie, and
 * every pending time-stamp. */
#include "tests/unit/queued/fixture.h"

#include "queue/head_list.h"

#include <stdlib.h>
#include <sys/stat.h>

#define FILES 3000
#define MOST 8u
#define FAR (5 * HEAD_FOLDER_SPAN)

struct many {
	char heads[64];
};

static void put(const struct many *m, int64_t position, enum head_kind kind, bool flat)
{
	const struct head_file f = { position, kind, flat };
	char path[PATH_MAX];
	FILE *file;

	assert_int_equal(head_file_place(m->heads, &f, path), 0);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static int setup(void **state)
{
	struct many *m = calloc(1, sizeof(*m));

	snprintf(m->heads, sizeof(m->heads), "/tmp/sealgate-list-XXXXXX");
	assert_non_null(mkdtemp(m->heads));
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct many *m = *state;

	nftw(m->heads, house_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(m);
	return 0;
}

static void the_newest_and_what_is_pending(void **state)
{
	const struct head_wish wish = { .most = MOST };
	struct many *m = *state;
	struct head_list l = { 0 };
	char path[PATH_MAX];

	for (int flat = 0; flat < 2; flat++)
		for (int64_t i = 1 + flat; i <= FILES; i += 2)
			put(m, i, HEAD_JSON, flat);
	put(m, 3, HEAD_PENDING, false);
	put(m, FILES, HEAD_STAMP, false);
	snprintf(path, sizeof(path), "%s/%018d.json.set-back", m->heads, FILES + 1);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(head_list_read(m->heads, &wish, &l), 0);
	assert_true(l.cut);
	assert_true(l.count >= MOST && l.count <= MOST + 2);
	assert_int_equal(l.files[0].position, 3);
	assert_int_equal(l.files[0].kind, HEAD_PENDING);
	assert_int_equal(l.files[l.count - 1].position, FILES);
	assert_int_equal(l.files[l.count - 1].kind, HEAD_STAMP);
	for (size_t i = 0; i + 2 < l.count; i++) {
		const struct head_file *f = &l.files[l.count - 2 - i];

		assert_int_equal(f->position, FILES - (int64_t)i);
		assert_int_equal(f->flat, f->position % 2 == 0);
	}
	head_list_done(&l);
}

static void all_of_them(void **state)
{
	const struct head_wish wish = { .most = SIZE_MAX };
	struct many *m = *state;
	struct head_list l = { 0 };

	for (int64_t i = 1; i <= FILES; i++)
		put(m, i * 1000, HEAD_JSON, i % 3 == 0);
	assert_int_equal(head_list_read(m->heads, &wish, &l), 0);
	assert_false(l.cut);
	assert_int_equal(l.count, FILES);
	for (size_t i = 0; i < FILES; i++)
		assert_int_equal(l.files[i].position, (i + 1) * 1000);
	head_list_done(&l);
}

/* Folders whose names are not wanted are not opened: one that cannot be is no fault. */
static void only_the_folders_that_matter(void **state)
{
	struct head_wish wish = { .most = MOST, .kinds = HEAD_BIT(HEAD_JSON) };
	struct many *m = *state;
	struct head_list l = { 0 };
	char first[PATH_MAX];

	for (int64_t i = 1; i <= MOST; i++) {
		put(m, FAR + i, HEAD_JSON, false);
		put(m, FAR + i, HEAD_STAMP, false);
	}
	assert_int_equal(head_folder_path(m->heads, 1, first), 0);
	assert_int_equal(symlink(first, first), 0);
	assert_int_equal(head_list_read(m->heads, &wish, &l), 0);
	assert_int_equal(l.count, MOST);
	assert_true(l.cut);
	assert_int_equal(l.files[0].position, FAR + 1);
	head_list_done(&l);
	wish.after = FAR + 2;
	wish.oldest = true;
	wish.most = 1;
	assert_int_equal(head_list_read(m->heads, &wish, &l), 0);
	assert_int_equal(l.count, 1);
	assert_true(l.cut);
	assert_int_equal(l.files[0].position, FAR + 3);
	head_list_done(&l);
	assert_int_equal(unlink(first), 0);
	for (int64_t i = 1; i <= MOST; i++)
		put(m, i, HEAD_JSON, false);
	wish = (struct head_wish){ .most = 2, .below = FAR + 1 };
	assert_int_equal(head_list_read(m->heads, &wish, &l), 0);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.files[1].position, MOST);
	head_list_done(&l);
}

static void a_file_is_found_where_it_is(void **state)
{
	struct many *m = *state;
	struct head_file f = { .position = FAR + 7, .kind = HEAD_JSON };
	char path[PATH_MAX], name[128];

	assert_int_equal(head_file_find(m->heads, &f, path), -ENOENT);
	put(m, FAR + 7, HEAD_JSON, true);
	assert_int_equal(head_file_find(m->heads, &f, path), 0);
	assert_true(f.flat);
	put(m, FAR + 7, HEAD_JSON, false);
	assert_int_equal(head_file_find(m->heads, &f, path), 0);
	assert_false(f.flat);
	snprintf(
		name, sizeof(name), "%s/0000000000005/000000000000500007.json", m->heads);
	assert_string_equal(path, name);
}

static void no_folder_has_none(void **state)
{
	const struct head_wish wish = { .most = MOST };
	struct head_list l = { 0 };

	(void)state;
	assert_int_equal(head_list_read("/nonexistent", &wish, &l), 0);
	assert_int_equal(l.count, 0);
	assert_false(l.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_newest_and_what_is_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(all_of_them, setup, teardown),
		cmocka_unit_test_setup_teardown(
			only_the_folders_that_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_file_is_found_where_it_is, setup, teardown),
		cmocka_unit_test(no_folder_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
