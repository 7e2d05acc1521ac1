/* SPDX-License-Identifier: EUPL-1.2 */
/* The list of a backup, as a gate sends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "ctl/backup/backup_orders.h"
#include "ctl/backup/backup_tree.h"
#include "ctl/tree_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD                                                                             \
	"sealgate-backup-list 1\nmark 7:ab\nat 2026-11-28T00:00:00Z\nto " A64 " x.pem\n"

static void pieces_of_a_list(void **state)
{
	const char *line = HEAD A64 " 12 000000.p7m\n" A64 " 0 000001.p7m\n";
	struct backup_piece piece;
	bool bad = true;

	(void)state;
	assert_true(backup_next_piece(&line, &piece, &bad));
	assert_string_equal(piece.sha256, A64);
	assert_int_equal(piece.size, 12);
	assert_int_equal(piece.number, 0);
	assert_true(backup_next_piece(&line, &piece, &bad));
	assert_int_equal(piece.number, 1);
	assert_false(backup_next_piece(&line, &piece, &bad));
	assert_false(bad);
}

static void lines_that_are_none(void **state)
{
	static const char *const LINES[] = { "x\n", "\n", A64 "\n", A64 " 12 000000.p7m",
		A64 " 12 0.p7m\n", A64 " -1 00000x.p7m\n", A64 "  12 000000.p7m\n",
		A64 " 12 ../000.p7m\n", A64 " 12 000000.p7m \n", A64 "a 12 000000.p7m\n",
		"A" A64 "\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		const char *line = LINES[i];
		struct backup_piece piece;
		bool bad = false;

		assert_false(backup_next_piece(&line, &piece, &bad));
		assert_true(bad);
	}
}

static void a_folder_to_fetch_into(void **state)
{
	char *folder[] = { "backup", "fetch", "x", NULL };
	char *name[] = { "backup", "fetch", "sha256:" A64, NULL };
	char *other[] = { "backup", "status", "x", NULL };

	(void)state;
	assert_true(backup_fetch_wanted(3, folder));
	assert_false(backup_fetch_wanted(3, name));
	assert_false(backup_fetch_wanted(3, other));
	assert_false(backup_fetch_wanted(2, folder));
}

/* An instance with nothing but a folder for orders, and one sealed backup. */
static char instance[] = "/tmp/sealgate-orders-XXXXXX";

static void place(const char *name, char ret[PATH_MAX])
{
	assert_int_equal(backup_place(name, ret), 0);
}

static void make_one(const char *folder, const char *mark)
{
	char path[PATH_MAX], name[64];

	place(folder, path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(name, sizeof(name), "%s/list", folder);
	place(name, path);
	assert_int_equal(durable_write(path, span_str(mark), 0600), 0);
	(void)snprintf(name, sizeof(name), "%s/000000.p7m", folder);
	place(name, path);
	assert_int_equal(durable_write(path, span_str(mark), 0600), 0);
}

static int with_orders(void **state)
{
	char path[PATH_MAX];

	(void)state;
	memcpy(instance + sizeof(instance) - 7, "XXXXXX", 6);
	if (!mkdtemp(instance) || setenv("SEALGATE_INSTANCE", instance, 1) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/state", instance);
	if (mkdir(path, 0700) < 0)
		return -1;
	place("", path);
	if (mkdir(path, 0700) < 0)
		return -1;
	make_one("sealed", "the old one");
	return 0;
}

static int without_orders(void **state)
{
	(void)state;
	tree_remove(instance);
	return 0;
}

/* As backup_carry_out does when another one is ready. */
static void exchange(void)
{
	char sealing[PATH_MAX], sealed[PATH_MAX];

	make_one("sealing", "the new one");
	place("sealing", sealing);
	place("sealed", sealed);
	assert_int_equal(
		renameat2(AT_FDCWD, sealing, AT_FDCWD, sealed, RENAME_EXCHANGE), 0);
}

static void what_was_found_is_what_is_acted_on(void **state)
{
	struct backup_sealed old, new, none;
	char *octets;
	size_t len;

	(void)state;
	assert_int_equal(backup_sealed_open(&old), 0);
	exchange();
	assert_int_equal(backup_sealed_give(&old, "A. Person"), 0);
	assert_true(backup_sealed_is_open(&old, "A. Person"));
	assert_int_equal(backup_sealed_piece(&old, 0, (uint8_t **)&octets, &len), 0);
	assert_string_equal(octets, "the old one");
	free(octets);
	assert_int_equal(backup_sealed_open(&new), 0);
	assert_string_not_equal(old.name, new.name);
	assert_string_equal(new.list, "the new one");
	assert_false(backup_sealed_is_open(&new, NULL));
	assert_int_equal(backup_sealed_remove(&old), 1);
	assert_int_equal(backup_sealed_remove(&old), 0);
	assert_int_equal(backup_sealed_piece(&new, 0, (uint8_t **)&octets, &len), 0);
	free(octets);
	assert_int_equal(backup_sealed_remove(&new), 1);
	assert_int_equal(backup_sealed_open(&none), -ENOENT);
	backup_sealed_close(&old);
	backup_sealed_close(&new);
	backup_sealed_close(&none);
}

static void it_is_given_to_one_person(void **state)
{
	_cleanup_sealed_ struct backup_sealed s;
	char file[PATH_MAX], name[128], sha256[SHA256_TEXT_SIZE];

	(void)state;
	assert_int_equal(backup_sealed_open(&s), 0);
	assert_false(backup_sealed_is_open(&s, NULL));
	assert_int_equal(backup_sealed_give(&s, "A. Person"), 0);
	assert_true(backup_sealed_is_open(&s, NULL));
	assert_true(backup_sealed_is_open(&s, "A. Person"));
	assert_false(backup_sealed_is_open(&s, "B. Person"));
	assert_false(backup_sealed_is_open(&s, ""));
	/* What another backup was given out by, or a torn file, gives nothing out. */
	assert_int_equal(digest_sha256_text(span_str("B. Person"), sha256), 0);
	(void)snprintf(name, sizeof(name), "sealed/opened.%s", sha256);
	place(name, file);
	assert_int_equal(durable_write(file, span_str("sha256:" A64), 0600), 0);
	assert_false(backup_sealed_is_open(&s, "B. Person"));
	assert_int_equal(durable_write(file, span_str(""), 0600), 0);
	assert_false(backup_sealed_is_open(&s, "B. Person"));
	assert_int_equal(backup_sealed_give(&s, "B. Person"), 0);
	assert_true(backup_sealed_is_open(&s, "B. Person"));
}

/* A database is copied compressed: only what cannot fit is refused. */
static void room_for_what_is_compressed(void **state)
{
	int fd = open(instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long long room;
	struct statvfs f;

	(void)state;
	assert_int_equal(fstatvfs(fd, &f), 0);
	room = (long long)f.f_bavail * (long long)f.f_frsize;
	assert_int_equal(backup_room_about(fd, room / 4, room / 4), 0);
	assert_int_equal(backup_room_about(fd, room / 4, room * 2), 1);
	assert_int_equal(backup_room_about(fd, room / 4, room * 16), -ENOSPC);
	assert_int_equal(backup_room_about(fd, room * 2, 0), -ENOSPC);
	close(fd);
}

/* ... and the archive is left out only where it cannot fit beside it. */
static void room_for_the_archive(void **state)
{
	struct backup_bounds bounds = { 0 };
	int fd = open(instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[PATH_MAX], large[PATH_MAX];
	long long room;
	struct statvfs f;

	(void)state;
	assert_int_equal(fstatvfs(fd, &f), 0);
	room = (long long)f.f_bavail * (long long)f.f_frsize;
	(void)snprintf(path, sizeof(path), "%s/state/archive", instance);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(large, sizeof(large), "%s/state/archive/large", instance);
	assert_int_equal(durable_write(large, span_str("old"), 0600), 0);
	assert_int_equal(backup_leave_room(instance, fd, 0, &bounds), 0);
	assert_false(bounds.without_archive);
	assert_int_equal(backup_leave_room(instance, fd, room, &bounds), 1);
	assert_false(bounds.without_archive);
	assert_int_equal(truncate(large, (off_t)room), 0);
	assert_int_equal(backup_leave_room(instance, fd, room, &bounds), 1);
	assert_true(bounds.without_archive);
	assert_int_equal(backup_leave_room(instance, fd, room * 16, &bounds), -ENOSPC);
	close(fd);
}

/* The archive is left out for want of room alone. */
static void what_is_made_again(void **state)
{
	struct backup_bounds bounds = { 0 };

	(void)state;
	assert_true(backup_is_made_again(-ENOSPC, 1, &bounds));
	assert_true(backup_is_made_again(-EFBIG, 1, &bounds));
	assert_false(backup_is_made_again(0, 1, &bounds));
	assert_false(backup_is_made_again(-EIO, 1, &bounds));
	assert_false(backup_is_made_again(-EKEYREJECTED, 1, &bounds));
	assert_false(backup_is_made_again(-ENOSPC, 0, &bounds));
	assert_false(backup_is_made_again(-ENOSPC, -EIO, &bounds));
	bounds.without_archive = true;
	assert_false(backup_is_made_again(-ENOSPC, 1, &bounds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_a_list),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(a_folder_to_fetch_into),
		cmocka_unit_test_setup_teardown(
			what_was_found_is_what_is_acted_on, with_orders, without_orders),
		cmocka_unit_test_setup_teardown(
			it_is_given_to_one_person, with_orders, without_orders),
		cmocka_unit_test_setup_teardown(
			room_for_what_is_compressed, with_orders, without_orders),
		cmocka_unit_test_setup_teardown(
			room_for_the_archive, with_orders, without_orders),
		cmocka_unit_test(what_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
