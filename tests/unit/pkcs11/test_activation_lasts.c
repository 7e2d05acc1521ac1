/* SPDX-License-Identifier: EUPL-1.2 */
/* How long people have to activate, and what of it survives a restart. */
#include "people.h"

#include <sys/syscall.h>
#include <time.h>

static atomic_llong ahead_s; /* how much of the time is not waited for here */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, clock, ts);

	if (r == 0 && clock == CLOCK_MONOTONIC)
		ts->tv_sec += atomic_load(&ahead_s);
	return (int)r;
}

/* Two of the three of a custody enter, which is a wrong guess at the one in force.
 * Return: for how many seconds nobody is listened to. */
static int guess(struct fixture *f)
{
	struct activation *a = token_activation(f->token);
	char text[ACTIVATION_TEXT_SIZE];
	int pause = 0;

	(void)activation_enter(a, NAMES[0], OTHERS[0], text);
	assert_int_equal(
		activation_enter(a, NAMES[1], OTHERS[1], text), ACTIVATION_WAITING);
	assert_int_equal(
		sscanf(text, "2 of 3 have entered; the next not before %d s", &pause), 1);
	return pause;
}

/* While nobody is listened to no time runs for who has entered; otherwise it does. */
static void a_pause_takes_no_time_from_people(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), NULL);
	int paused = 0;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	close_for(f, 3, OTHERS, "000000");
	atomic_fetch_add(&ahead_s, guess(f) + ACTIVATION_ENTER_MS / 1000 + 1);
	assert_int_equal(enter(f, 2, OTHERS[2]), ACTIVATION_WAITING);
	activation_end(token_activation(f->token));
	while (paused * 1000 <= ACTIVATION_ENTER_MS) {
		int pause = guess(f);

		atomic_fetch_add(&ahead_s, pause);
		paused += pause;
	}
	assert_int_equal(enter(f, 2, OTHERS[2]), ACTIVATION_OPEN);
	atomic_store(&ahead_s, 0); /* what waits for a time of that clock waits for it */
	fixture_done(f);
}

static bool has_keyring(struct fixture *f)
{
	bool has = boot_keep(&f->instance, "try") == 0;

	boot_forget(&f->instance);
	return has;
}

/* Mode "boot": the next signer of the same uid goes on, a deactivated one does not, and a
 * secret that is gone, as after a boot, ends it. */
static void a_restart_goes_on_until_the_next_boot(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"boot\";"), NULL);
	struct signer_result r;
	char path[PATH_MAX], kept[PATH_MAX];

	(void)state;
	if (!has_keyring(f)) {
		fixture_done(f);
		skip(); /* the kernel gives no keyring here */
	}
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	activate(f);
	fixture_stop(f);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	token_deactivate(f->token);
	fixture_stop(f);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	activate(f);
	/* What a boot does: the file stays, the keyring is empty. */
	assert_true(snprintf(path, sizeof(path), "%s/" BOOT_FILE, f->dir) <
		    (int)sizeof(path));
	assert_true(snprintf(kept, sizeof(kept), "%s/kept", f->dir) < (int)sizeof(kept));
	assert_int_equal(rename(path, kept), 0);
	boot_forget(&f->instance);
	assert_int_equal(rename(kept, path), 0);
	fixture_stop(f);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	fixture_done(f);
}

/* Mode "boot": nor is one of the custody in force, whether the token then refuses it or
 * was never asked. */
static void a_pin_is_kept_once_it_logs_in(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"boot\";"), "000000");

	(void)state;
	if (!has_keyring(f)) {
		fixture_done(f);
		skip(); /* the kernel gives no keyring here */
	}
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	enter_two(f, PASSPHRASES);
	assert_false(is_there(f, BOOT_FILE));
	fixture_stop(f); /* before the token was asked */
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 0);
	enter_two(f, PASSPHRASES);
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_false(is_there(f, BOOT_FILE));
	assert_int_equal(atomic_load(&hook.logins), 1);
	fixture_done(f);
}

/* Mode "boot": what no token has taken is not tried again by a restart. */
static void only_what_the_token_took_is_kept(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char path[PATH_MAX], pin[PIN_SIZE];

	(void)state;
	if (!has_keyring(f)) {
		fixture_done(f);
		skip(); /* the kernel gives no keyring here */
	}
	assert_true(snprintf(path, sizeof(path), "%s/credentials/pin", f->dir) <
		    (int)sizeof(path));
	assert_int_equal(pin_read(path, pin), 0);
	fixture_configure(f, CONF("activation = \"boot\";"), ROLES_STANDARD);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	close_anew(f, OTHERS, "000000");
	enter_two(f, OTHERS);
	assert_false(is_there(f, BOOT_FILE));
	fixture_stop(f); /* before the token was asked */
	atomic_store(&hook.logins, 0);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 0);
	close_anew(f, OTHERS, pin);
	enter_two(f, OTHERS);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_false(is_there(f, CUSTODY_NEXT_FILE));
	fixture_stop(f);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pause_takes_no_time_from_people),
		cmocka_unit_test(a_restart_goes_on_until_the_next_boot),
		cmocka_unit_test(a_pin_is_kept_once_it_logs_in),
		cmocka_unit_test(only_what_the_token_took_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
