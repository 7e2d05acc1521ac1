/* SPDX-License-Identifier: EUPL-1.2 */
/* Sealed heads in a backup: up to the mark, wherever they lie, and none missed on its way
 * into its folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "common/log.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/tree_remove.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UPTO 3
#define HEADS "state/queue/heads"
#define NEAR HEADS "/0000000000000"
#define FAR HEADS "/0000000000005"

static char folder[] = "/tmp/sealgate-heads-XXXXXX";

static const char *const FOLDERS[] = { "i", "i/state", "i/state/queue", "i/" HEADS,
	"i/" NEAR, "i/" FAR, "files", "files/state", "files/state/queue" };
static const char *const KEPT[] = { HEADS "/000000000000000002.json",
	HEADS "/000000000000000001.tst.new", NEAR "/000000000000000001.json",
	NEAR "/000000000000000001.tst", FAR "/000000000000500000.json.set-back" };
static const char *const BEHIND[] = { HEADS "/000000000000000004.json",
	NEAR "/000000000000000005.json", FAR "/000000000000500001.json" };

static void path_of(const char *below, const char *name, char ret[PATH_MAX])
{
	assert_true(snprintf(ret, PATH_MAX, "%s/%s%s", folder, below, name) < PATH_MAX);
}

static void make(const char *name)
{
	char path[PATH_MAX];

	path_of("i/", name, path);
	assert_int_equal(durable_write(path, span_str(name), 0600), 0);
}

static bool copied(const char *name)
{
	char path[PATH_MAX];

	path_of("files/", name, path);
	return access(path, F_OK) == 0;
}

static char *copy_heads(void)
{
	char instance[PATH_MAX], files[PATH_MAX], *list = NULL;
	struct backup_tree t = { .instance = instance, .files = files };
	size_t len;

	path_of("i", "", instance);
	path_of("files", "", files);
	t.list = open_memstream(&list, &len);
	assert_non_null(t.list);
	assert_int_equal(backup_add_heads(&t, UPTO), 0);
	assert_int_equal(fclose(t.list), 0);
	return list;
}

static void up_to_the_mark_wherever_they_lie(void **state)
{
	_cleanup_(freep) char *list = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(KEPT) / sizeof(KEPT[0]); i++)
		make(KEPT[i]);
	for (size_t i = 0; i < sizeof(BEHIND) / sizeof(BEHIND[0]); i++)
		make(BEHIND[i]);
	list = copy_heads();
	for (size_t i = 0; i < sizeof(KEPT) / sizeof(KEPT[0]); i++)
		assert_true(copied(KEPT[i]));
	for (size_t i = 0; i < sizeof(BEHIND) / sizeof(BEHIND[0]); i++)
		assert_false(copied(BEHIND[i]));
	/* A head that goes into its folder meanwhile is found there. */
	assert_true(strstr(list, KEPT[0]) < strstr(list, NEAR "\n"));
	assert_true(strstr(list, KEPT[1]) < strstr(list, NEAR "\n"));
	assert_true(strstr(list, KEPT[0]) < strstr(list, FAR "\n"));
	assert_true(strstr(list, KEPT[1]) < strstr(list, FAR "\n"));
}

static int setup(void **state)
{
	(void)state;
	log_open("test");
	if (!mkdtemp(folder))
		return -1;
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		char path[PATH_MAX];

		path_of("", FOLDERS[i], path);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(up_to_the_mark_wherever_they_lie),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
