/* SPDX-License-Identifier: EUPL-1.2 */
/* A backup on a medium comes back as it was: wherever the power is cut a machine has all
 * of it or nothing, and never over what it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <grp.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "restore_scene.h"

#define NOBODY 65534

#define CUT 77

#include "tests/unit/ctl/power.h"

static void power_goes(void)
{
	_exit(CUT);
}

int fchmod(int fd, mode_t mode)
{
	step();
	return (int)syscall(SYS_fchmod, fd, mode);
}

static void test_it_comes_back_as_it_was(void **state)
{
	struct restore_scene *s = *state;
	_cleanup_(freep) char *said = NULL;
	char mark[BACKUP_MARK_SIZE];
	json_t *report;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	report = restore_report(s->work);
	assert_true(json_is_null(report));
	json_decref(report);
	assert_int_equal(judges(s), 0);
	takes(s, 0, NULL);
	assert_false(is_there(s, "i/" DATABASE));
	assert_true(is_begun(s));
	assert_int_equal(places(s), 0);
	assert_in_place(s);
	assert_true(is_there(s, "i/state/backup"));
	assert_false(is_there(s, "w/restore/new"));
	assert_int_equal(restore_mark(s->work, mark), 0);
	assert_string_equal(mark, MARK);
	assert_file(s, "w/restored-serial", "7");
	report = restore_report(s->work);
	said = json_dumps(report, 0);
	assert_non_null(strstr(said, "\"record\": \"" MARK "\""));
	json_decref(report);
	assert_int_equal(judges(s), 1); /* the medium is still in the drive */
	assert_false(is_begun(s));
	assert_int_equal(places(s), 1);
	/* another backup is not the one that was taken */
	put(at(s, "m/restore/backup"), "other", 5);
	assert_int_equal(judges(s), -EEXIST);
}

static void test_never_over_what_is_there(void **state)
{
	static const char *const kept[] = { "i/sealgate.conf", "w/serial",
		"i/state/queue/queue.db", "i/state/signer/count.log" };
	struct restore_scene *s = *state;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		put(at(s, kept[i]), "mine", 4);
		/* into folders of programs they look who may */
		assert_int_equal(judges(s), i < 2 ? -EEXIST : 0);
		takes(s, 0, NULL);
		assert_int_equal(places(s), -EEXIST);
		assert_file(s, kept[i], "mine");
		assert_false(is_there(s, "w/restore/new"));
		assert_int_equal(unlink(at(s, kept[i])), 0);
	}
	assert_int_equal(judges(s), 0);
}

/* Who keeps the floor of versions may write there. */
static void test_what_others_left_is_no_machine_of_its_own(void **state)
{
	static const char *const left[] = { "w/serial", "w/restored",
		"w/restored-serial" };
	const size_t count = sizeof(left) / sizeof(left[0]);
	struct restore_scene *s = *state;
	char mark[BACKUP_MARK_SIZE], *error = NULL;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	if (getuid() != 0)
		skip();
	for (size_t i = 0; i < count; i++) {
		if (i == 0)
			put(at(s, left[i]), "9", 1);
		else
			assert_int_equal(mkdir(at(s, left[i]), 0700), 0);
		assert_int_equal(chown(at(s, left[i]), NOBODY, NOBODY), 0);
		assert_int_equal(judges(s), 0);
	}
	assert_int_equal(restore_make_way(&s->places, &error), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(is_there(s, left[i]), i == 0);
	takes(s, 0, NULL);
	assert_int_equal(places(s), 0);
	assert_in_place(s);
	assert_int_equal(restore_make_way(&s->places, &error), 0);
	assert_int_equal(restore_mark(s->work, mark), 0);
	assert_file(s, "w/restored-serial", "7");
}

/* Return: whether it came to its end. */
static bool places_until(const struct restore_scene *s, int at_step)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		steps = 0;
		cut_at = at_step;
		_exit(places(s) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) &&
		    (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == CUT));
	return WEXITSTATUS(status) == 0;
}

/* A machine of its own, with a backup that a medium brought and that is to be put in
 * place. */
static void *taken_anew(void)
{
	void *own;

	assert_int_equal(setup(&own), 0);
	fill_backup(own);
	end_backup(own);
	make_medium(own);
	takes(own, 0, NULL);
	return own;
}

/* One step further each time: before, all of the old is there; afterwards, all of the
 * new; and what is there is completed. */
static void test_power_cuts(void **state)
{
	bool done = false;
	int cuts = 0;

	end_backup(*state);
	while (!done) {
		void *own = taken_anew();
		struct restore_scene *s = own;

		done = places_until(s, cuts + 1);
		if (is_there(s, "i/" DATABASE))
			assert_in_place(s);
		else
			assert_int_equal(judges(s), 0);
		if (!done) {
			if (is_begun(s))
				assert_in_range(places(s), 0, 1);
			assert_in_place(s);
			assert_true(is_there(s, "i/state/backup"));
			cuts++;
		}
		assert_int_equal(judges(s), 1);
		assert_false(is_there(s, "w/restore/new"));
		teardown(&own);
	}
	assert_true(cuts > 10);
}

static void test_what_was_not_copied_whole_is_begun_anew(void **state)
{
	struct restore_scene *s = *state;

	fill_backup(s);
	end_backup(s);
	make_medium(s);
	takes(s, 0, NULL);
	assert_int_equal(unlink(at(s, "w/restore/ready")), 0);
	assert_int_equal(places(s), 1);
	assert_false(is_there(s, "i/" DATABASE));
	assert_false(is_begun(s));
	assert_false(is_there(s, "w/restore/new"));
	takes(s, 0, NULL);
	assert_int_equal(places(s), 0);
	assert_in_place(s);
}

/* Who copied it may have been taken over, and who puts it in place may give files away.
 */
static void placed_by_a_link(const char *name, const char *of)
{
	void *own = taken_anew();
	struct restore_scene *s = own;
	struct stat before, after;

	assert_int_equal(rename(at(s, name), at(s, of)), 0);
	assert_int_equal(chmod(at(s, of), 0710), 0);
	assert_int_equal(stat(at(s, of), &before), 0);
	assert_int_equal(symlink(at(s, of), at(s, name)), 0);
	assert_int_equal(places(s), -ELOOP);
	assert_int_equal(stat(at(s, of), &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_false(is_there(s, "i/" DATABASE));
	teardown(&own);
}

static void test_links_are_not_gone_through(void **state)
{
	end_backup(*state);
	placed_by_a_link("w/restore/new/" DATABASE, "w/elsewhere");
	placed_by_a_link("w/restore/new/state/queue", "w/elsewhere");
	placed_by_a_link("w/restore/new/state", "w/elsewhere");
}

/* What has it one may not look into. */
static int give_to_nobody(
	const char *path, const struct stat *st, int type, struct FTW *position)
{
	(void)st;
	(void)type;
	(void)position;
	return strstr(path, "/i/state/queue") ? 0 : chown(path, NOBODY, NOBODY);
}

static void test_what_cannot_be_looked_at_is_not_empty(void **state)
{
	struct restore_scene *s = *state;
	int status;
	pid_t pid;

	if (getuid() != 0)
		skip();
	fill_backup(s);
	end_backup(s);
	make_medium(s);
	takes(s, 0, NULL);
	put(at(s, "i/state/queue/queue.db"), "mine", 4);
	assert_int_equal(nftw(s->dir, give_to_nobody, 8, FTW_PHYS), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(setgroups(0, NULL) == 0 && setuid(NOBODY) == 0 &&
					places(s) == -EACCES
				? 0
				: 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_file(s, "i/state/queue/queue.db", "mine");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		EACH(test_it_comes_back_as_it_was),
		EACH(test_never_over_what_is_there),
		EACH(test_what_others_left_is_no_machine_of_its_own),
		EACH(test_power_cuts),
		EACH(test_what_was_not_copied_whole_is_begun_anew),
		EACH(test_links_are_not_gone_through),
		EACH(test_what_cannot_be_looked_at_is_not_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
