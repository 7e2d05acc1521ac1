/* SPDX-License-Identifier: EUPL-1.2 */
/* A medium with a backup that somebody made or changed who may not, or whose list leads
 * elsewhere: nothing of it is left, and it is said why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "restore_scene.h"

static void test_who_may_not_sign(void **state)
{
	struct restore_scene *s = *state;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	sign_folder(s, "restore", "restore 7", &s->foreign, "backup");
	takes(s, -EKEYREJECTED, "not signed by who may");
	sign_folder(s, "restore", "machine 7", &s->ours, "backup");
	takes(s, -EINVAL, "not a manifest of this kind");
	sign_folder(s, "restore", "restore 8", &s->ours, "backup");
	takes(s, -EPERM, "serial");
	sign_folder(s, "restore", "restore 7", &s->ours, "octets.000000");
	takes(s, -EINVAL, "list alone");
	sign_folder(s, "restore", "restore 7", &s->ours, NULL);
	takes(s, -EINVAL, "list alone");
	sign_folder(s, "restore", "restore 7", &s->ours, "backup");
	sign_folder(s, "machine", "machine 7", &s->foreign, NULL);
	takes(s, -EKEYREJECTED, "machine: the list is not signed");
	assert_int_equal(unlink(at(s, "m/machine/manifest")), 0);
	takes(s, -ENOENT, "configuration");
	sign_folder(s, "machine", "machine 7", &s->ours, NULL);
	takes(s, 0, NULL);
}

static void test_what_is_not_what_was_backed_up(void **state)
{
	struct restore_scene *s = *state;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	alter(s, "m/restore/backup", 60);
	takes(s, -EBADMSG, "not the list that was signed");
	alter(s, "m/restore/backup", 60);
	alter(s, "m/restore/octets.000000", 2);
	takes(s, -EBADMSG, "count.log: is not what was backed up");
	alter(s, "m/restore/octets.000000", 2);
	alter(s, "m/restore/octets.000009", 2);
	takes(s, -EBADMSG, DATABASE ": is not what was backed up");
	alter(s, "m/restore/octets.000009", 2);
	put(at(s, "m/restore/octets.000025"), "more", 4);
	takes(s, -EBADMSG, "more octets");
	assert_int_equal(unlink(at(s, "m/restore/octets.000025")), 0);
	takes(s, 0, NULL);
}

static void test_a_piece_that_is_none(void **state)
{
	struct restore_scene *s = *state;
	const char *piece;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	piece = at(s, "m/restore/octets.000003");
	assert_int_equal(rename(piece, at(s, "kept")), 0);
	takes(s, -ENODATA, DATABASE ": the octets end before it");
	assert_int_equal(symlink("../../kept", at(s, "m/restore/octets.000003")), 0);
	takes(s, -ELOOP, DATABASE);
	assert_int_equal(unlink(at(s, "m/restore/octets.000003")), 0);
	assert_int_equal(mkfifo(at(s, "m/restore/octets.000003"), 0600), 0);
	takes(s, -ENODATA, DATABASE);
	assert_int_equal(unlink(at(s, "m/restore/octets.000003")), 0);
	put(at(s, "m/restore/octets.000003"), "", 0);
	takes(s, -ENODATA, DATABASE);
}

/* A medium with these lines and no octets. */
static void sign_list(struct restore_scene *s)
{
	fclose(s->lines);
	assert_int_equal(mkdir(at(s, "m/restore"), 0700), 0);
	put(at(s, "m/restore/backup"), s->list, s->len);
	free(s->list);
	sign_folder(s, "restore", "restore 7", &s->ours, "backup");
	sign_folder(s, "machine", "machine 7", &s->ours, NULL);
}

/* A list that was signed by mistake, or by who was taken over. */
static void refuses_line(const char *line, int expected, const char *says)
{
	void *state;
	struct restore_scene *s;

	assert_int_equal(setup(&state), 0);
	s = state;
	fill_backup(s);
	fputs(line, s->lines);
	sign_list(s);
	takes(s, expected, says);
	teardown(&state);
}

static void test_lines_that_lead_elsewhere(void **state)
{
	struct restore_scene *s = *state;

	end_backup(s);
	refuses_line("- 700 0 0 0 ../x\n", -EBADMSG, "a line that no backup has");
	refuses_line(
		"- 700 0 0 0 state/../../x\n", -EBADMSG, "a line that no backup has");
	refuses_line("- 700 0 0 0 /etc/x\n", -EBADMSG, "a line that no backup has");
	refuses_line("- 700 0 0 0 state//x\n", -EBADMSG, "a line that no backup has");
	refuses_line("- 70700 0 0 0 state/x\n", -EBADMSG, "a line that no backup has");
	refuses_line("- 700 0 0 0 state/x", -EBADMSG, "a line that no backup has");
	refuses_line("- 700 70000 0 0 state/x\n", -EBADMSG, "belongs to nobody");
	refuses_line(
		"00 600 0 0 5 state/queue/queue.pgdump\n", -ENOTSUP, "database server");
	refuses_line(
		"00 600 0 0 9999999999999999 state/x\n", -EBADMSG, "belongs to nobody");
}

static void medium_is_refused(
	const char *head, int layout, int expected, const char *says)
{
	void *state;
	struct restore_scene *s;

	assert_int_equal(setup(&state), 0);
	s = state;
	folder_of(s, "state", 0755);
	folder_of(s, "state/queue", 0700);
	if (head)
		database_of(s, head, layout);
	end_backup(s);
	make_medium(s);
	takes(s, expected, says);
	teardown(&state);
}

static void test_databases_that_are_not_ours(void **state)
{
	struct restore_scene *s = *state;

	end_backup(s);
	medium_is_refused(NULL, 0, -EBADMSG, "no ledger");
	medium_is_refused("SQLite format 3", layout_version() + 1, -ENOTSUP, "of layout");
	medium_is_refused("SQLite format 3", 0, -ENOTSUP, "of layout 0");
	medium_is_refused("SQLite format 3", -1, -ENOTSUP, "of layout");
	medium_is_refused("SQLite format 4", 1, -EBADMSG, "is no database");
}

static void test_without_room(void **state)
{
	struct restore_scene *s = *state;

	fill_backup(s);
	fprintf(s->lines, "%064d 600 0 0 %lld state/x\n", 0, 1LL << 49);
	sign_list(s);
	takes(s, -ENOSPC, "has less room");
}

static void packs(const struct restore_scene *s, int expected, const char *where)
{
	_cleanup_(freep) char *path = NULL;

	assert_int_equal(backup_medium(at(s, "backup"), at(s, "m/restore"), PIECE, &path),
		expected);
	if (where)
		assert_string_equal(path, where);
	assert_false(is_there(s, "m/restore"));
}

static void test_no_medium_of_what_was_changed(void **state)
{
	struct restore_scene *s = *state;
	const char *count;

	fill_backup(s);
	end_backup(s);
	alter(s, "backup/files/" DATABASE, 5000);
	packs(s, -EBADMSG, DATABASE);
	alter(s, "backup/files/" DATABASE, 5000);
	count = at(s, "backup/files/state/signer/count.log");
	assert_int_equal(rename(count, at(s, "kept")), 0);
	packs(s, -ENOENT, "state/signer/count.log");
	assert_int_equal(
		symlink("../../../../kept", at(s, "backup/files/state/signer/count.log")),
		0);
	packs(s, -ELOOP, "state/signer/count.log");
	assert_int_equal(unlink(at(s, "backup/files/state/signer/count.log")), 0);
	put(at(s, "backup/files/state/signer/count.log"), "1 sealed\n2\n", 11);
	packs(s, -EBADMSG, "state/signer/count.log");
}

static void test_no_medium_of_a_servers_database(void **state)
{
	struct restore_scene *s = *state;

	folder_of(s, "state", 0755);
	folder_of(s, "state/queue", 0700);
	file_of(s, "state/queue/queue.pgdump", "dump", 4);
	end_backup(s);
	packs(s, -EXDEV, "state/queue/queue.pgdump");
}

static void assert_not_placed(const struct restore_scene *s, int expected)
{
	assert_int_equal(places(s), expected);
	assert_false(is_there(s, "i/" DATABASE));
	assert_false(is_begun(s));
	takes(s, 0, NULL);
}

/* Who read the medium may be somebody else's by the time that it is put in place. */
static void test_what_was_changed_since_it_was_proven(void **state)
{
	static const char *const changed[] = { "w/restore/new/backup",
		"w/restore/new/state/signer/count.log", "w/restore/new/" DATABASE,
		"w/restore/new/" QUEUE_RESTORED_FILE };
	struct restore_scene *s = *state;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	takes(s, 0, NULL);
	for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		alter(s, changed[i], 1);
		assert_not_placed(s, -EBADMSG);
	}
	put(at(s, "w/restore/new/state/signer/more"), "", 0);
	assert_not_placed(s, -EBADMSG);
	assert_int_equal(unlink(at(s, "w/restore/new/state/signer/empty")), 0);
	assert_int_equal(mkdir(at(s, "w/restore/new/state/signer/empty"), 0700), 0);
	assert_not_placed(s, -EBADMSG);
	alter(s, "w/restore/new/manifest", 30);
	assert_not_placed(s, -EKEYREJECTED);
	assert_int_equal(places(s), 0);
	assert_in_place(s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		EACH(test_who_may_not_sign),
		EACH(test_what_was_changed_since_it_was_proven),
		EACH(test_what_is_not_what_was_backed_up),
		EACH(test_a_piece_that_is_none),
		EACH(test_lines_that_lead_elsewhere),
		EACH(test_databases_that_are_not_ours),
		EACH(test_without_room),
		EACH(test_no_medium_of_what_was_changed),
		EACH(test_no_medium_of_a_servers_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
