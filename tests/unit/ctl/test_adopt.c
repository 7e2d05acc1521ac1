/* SPDX-License-Identifier: EUPL-1.2 */
/* What a configuration brings for a program is added to what that has, through no link.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/durable.h"
#include "ctl/appliance/adopt.h"
#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECT "state/signer/tokens/one/object"
#define LIST "state/trust/revocation/crl"

struct folders {
	char top[64], given[96], instance[96];
};

static void path_of(char path[256], const char *folder, const char *name)
{
	assert_true(snprintf(path, 256, "%s/%s", folder, name) < 256);
}

static void make_folders(char *path, size_t from)
{
	for (char *slash = path + from; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

static void put(const char *folder, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *f;

	path_of(path, folder, name);
	make_folders(path, strlen(folder));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_text(const char *folder, const char *name, const char *text)
{
	_cleanup_(freep) uint8_t *found = NULL;
	char path[256];
	size_t len;

	path_of(path, folder, name);
	assert_int_equal(file_read(path, 64, &found, &len), 0);
	assert_string_equal((char *)found, text);
}

static bool is_there(const char *folder, const char *name)
{
	char path[256];
	struct stat st;

	path_of(path, folder, name);
	return lstat(path, &st) == 0;
}

static mode_t mode_of(const char *folder, const char *name)
{
	char path[256];
	struct stat st;

	path_of(path, folder, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static int folders_init(void **state)
{
	struct folders *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->top, sizeof(f->top), "/tmp/sealgate-adopt-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->given, sizeof(f->given), "%s/given", f->top);
	snprintf(f->instance, sizeof(f->instance), "%s/instance", f->top);
	assert_int_equal(mkdir(f->given, 0755), 0);
	assert_int_equal(mkdir(f->instance, 0755), 0);
	put(f->given, OBJECT, "given", 0600);
	put(f->given, LIST, "given", 0644);
	*state = f;
	return 0;
}

static int folders_done(void **state)
{
	struct folders *f = *state;

	assert_int_equal(appliance_remove(f->top), 0);
	free(f);
	return 0;
}

static void what_is_missing_is_copied(void **state)
{
	const struct folders *f = *state;
	mode_t before = umask(0077);

	assert_int_equal(adopt(f->given, f->instance), 0);
	umask(before);
	assert_text(f->instance, OBJECT, "given");
	assert_text(f->instance, LIST, "given");
	assert_text(f->given, OBJECT, "given");
	assert_int_equal(mode_of(f->instance, OBJECT), 0600);
	assert_int_equal(mode_of(f->instance, LIST), 0644);
	assert_int_equal(mode_of(f->instance, "state/trust/revocation"), 0755);
	assert_int_equal(adopt(f->given, f->instance), 0);
}

static void what_is_there_stays(void **state)
{
	const struct folders *f = *state;

	put(f->instance, OBJECT, "mine", 0600);
	put(f->instance, "state/trust/revocation/other", "mine", 0600);
	assert_int_equal(chmod(f->instance, 0700), 0);
	assert_int_equal(adopt(f->given, f->instance), 0);
	assert_text(f->instance, OBJECT, "mine");
	assert_text(f->instance, "state/trust/revocation/other", "mine");
	assert_text(f->instance, LIST, "given");
	assert_int_equal(mode_of(f->instance, ""), 0700);
}

static void nothing_is_given(void **state)
{
	const struct folders *f = *state;
	char none[256];

	path_of(none, f->top, "none");
	assert_int_equal(adopt(none, f->instance), 0);
	assert_false(is_there(f->instance, "state"));
}

/* A power cut left it, perhaps as a link of whoever owns the folder. */
static void what_was_under_way_is_begun_anew(void **state)
{
	const struct folders *f = *state;
	char link[256], elsewhere[256];

	put(f->top, "elsewhere", "untouched", 0644);
	put(f->instance, "state/trust/revocation/.given", "half", 0600);
	put(f->instance, "state/signer/tokens/one/other", "mine", 0600);
	path_of(elsewhere, f->top, "elsewhere");
	path_of(link, f->instance, "state/signer/tokens/one/.given");
	assert_int_equal(symlink(elsewhere, link), 0);
	assert_int_equal(adopt(f->given, f->instance), 0);
	assert_text(f->instance, OBJECT, "given");
	assert_text(f->instance, LIST, "given");
	assert_text(f->top, "elsewhere", "untouched");
	assert_false(is_there(f->instance, "state/signer/tokens/one/.given"));
	assert_false(is_there(f->instance, "state/trust/revocation/.given"));
}

static void no_link_is_followed(void **state)
{
	const struct folders *f = *state;
	char link[256];

	put(f->top, "elsewhere/mine", "mine", 0644);
	put(f->instance, "state/here", "mine", 0644);
	path_of(link, f->instance, "state/trust");
	assert_int_equal(symlink("../../elsewhere", link), 0);
	assert_int_equal(adopt(f->given, f->instance), -ENOTDIR);
	assert_false(is_there(f->top, "elsewhere/revocation"));
}

static void no_link_is_copied(void **state)
{
	const struct folders *f = *state;
	char link[256];

	path_of(link, f->given, "state/link");
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(adopt(f->given, f->instance), -ELOOP);
	assert_false(is_there(f->instance, "state/link"));
}

static void a_depth_has_a_bound(void **state)
{
	const struct folders *f = *state;

	put(f->given, "1/2/3/4/5/6/7/8/9/10", "given", 0644);
	assert_int_equal(adopt(f->given, f->instance), -E2BIG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folders_init, folders_done)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(what_is_missing_is_copied),
		TEST(what_is_there_stays), TEST(nothing_is_given),
		TEST(what_was_under_way_is_begun_anew), TEST(no_link_is_followed),
		TEST(no_link_is_copied), TEST(a_depth_has_a_bound) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
