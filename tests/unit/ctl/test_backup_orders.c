/* SPDX-License-Identifier: EUPL-1.2 */
/* The list of a backup, as a gate sends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/backup_orders.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_a_list),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(a_folder_to_fetch_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
