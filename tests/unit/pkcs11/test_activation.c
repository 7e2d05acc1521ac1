/* SPDX-License-Identifier: EUPL-1.2 */
/* Activation by two people, what survives a restart, deactivation, and the second token.
 */
#include "hooks.h"

#include "common/clock.h"
#include "pkcs11/activation.h"
#include "pkcs11/boot.h"
#include "pkcs11/keeper.h"
#include "pkcs11/pin.h"

#include <dirent.h>
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

#define CONF(more)                                                                       \
	"instance = { name = \"unit\"; test = true; };\n"                                \
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 4; " more   \
	" };\n"

static const char *const NAMES[] = { "ana", "bert", "cleo" };
static const char *const PASSPHRASES[] = { "first long phrase", "second long phrase",
	"third long phrase" };

/* An instance whose PIN is closed for two of three, and nowhere else. */
static struct fixture *in_custody(const char *conf, const char *pin)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char path[PATH_MAX], real[PIN_SIZE];
	struct custody c;

	snprintf(path, sizeof(path), "%s/credentials/pin", f->dir);
	assert_int_equal(pin_read(path, real), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(custody_make(2, 3, NAMES, PASSPHRASES, pin ? pin : real, &c), 0);
	snprintf(path, sizeof(path), "%s/" CUSTODY_FILE, f->dir);
	assert_int_equal(custody_write(&c, path), 0);
	fixture_configure(f, conf, ROLES_STANDARD);
	atomic_store(&hook.logins, 0); /* those of the set-up */
	return f;
}

static enum activation_answer enter(struct fixture *f, int person, const char *passphrase)
{
	char text[ACTIVATION_TEXT_SIZE];
	enum activation_answer a = activation_enter(
		token_activation(f->token), NAMES[person], passphrase, text);

	assert_true(text[0]);
	return a;
}

static void activate(struct fixture *f)
{
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 2, PASSPHRASES[2]), ACTIVATION_OPEN);
	assert_int_equal(token_open(f->token), TOKEN_READY);
}

static void two_people_activate(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), NULL);
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING); /* again */
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 0);
	assert_int_equal(enter(f, 1, PASSPHRASES[1]), ACTIVATION_OPEN);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	/* Away and back without people. */
	move_tokens(f, "tokens", "away");
	assert_int_equal(token_open(f->token), TOKEN_AWAY);
	move_tokens(f, "away", "tokens");
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	/* A restart takes two people again. */
	fixture_stop(f);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	fixture_done(f);
}

static void wrong_passphrases_slow_down(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), NULL);
	char text[ACTIVATION_TEXT_SIZE];

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	assert_int_equal(
		activation_enter(token_activation(f->token), "eva", PASSPHRASES[0], text),
		ACTIVATION_REFUSED);
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 1, "not the phrase"), ACTIVATION_REFUSED);
	/* Nobody is listened to now, nor is what was entered before kept. */
	assert_int_equal(enter(f, 1, PASSPHRASES[1]), ACTIVATION_REFUSED);
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 0);
	fixture_done(f);
}

/* A PIN that the token refuses is tried once, whatever happens afterwards. */
static void a_wrong_pin_is_tried_once(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), "000000");

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 1, PASSPHRASES[1]), ACTIVATION_OPEN);
	for (int i = 0; i < 3; i++)
		assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_int_equal(atomic_load(&hook.logins), 1);
	fixture_done(f);
}

/* What is closed anew for so many beside the custody in force. */
static void close_for(
	struct fixture *f, unsigned int k, const char *const *phrases, const char *pin)
{
	struct custody c;

	assert_int_equal(custody_make(k, 3, NAMES, phrases, pin, &c), 0);
	assert_int_equal(activation_renew(token_activation(f->token), &c), 0);
}

static void close_anew(struct fixture *f, const char *const *phrases, const char *pin)
{
	close_for(f, 2, phrases, pin);
}

static bool is_there(const struct fixture *f, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return access(path, F_OK) == 0;
}

static void enter_two(struct fixture *f, const char *const *phrases)
{
	assert_int_equal(enter(f, 0, phrases[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 1, phrases[1]), ACTIVATION_OPEN);
}

static const char *const OTHERS[] = { "another first phrase", "another second phrase",
	"another third phrase" };

/* A wrong PIN costs one try, and the people of the one before open the token. */
static void a_wrong_pin_takes_nobodys_place(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), NULL);
	struct activation_view view;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	close_anew(f, OTHERS, "000000");
	activation_view(token_activation(f->token), &view);
	assert_true(view.unproven);
	enter_two(f, PASSPHRASES); /* of the one that counts */
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_true(is_there(f, CUSTODY_NEXT_FILE));
	token_deactivate(f->token);
	enter_two(f, OTHERS);
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_false(is_there(f, CUSTODY_NEXT_FILE));
	assert_int_equal(atomic_load(&hook.logins), 2);
	enter_two(f, PASSPHRASES);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	fixture_done(f);
}

/* One passphrase and the guess at another, while a custody of three waits for the third:
 * that it waits makes no guess free, and its people get in all the same. */
static void a_guess_costs_while_another_custody_waits(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), NULL);
	struct activation *a;
	char text[ACTIVATION_TEXT_SIZE];
	int64_t end;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	a = token_activation(f->token);
	close_for(f, 3, OTHERS, "000000");
	assert_int_equal(enter(f, 0, OTHERS[0]), ACTIVATION_WAITING);
	assert_int_equal(
		activation_enter(a, NAMES[1], OTHERS[1], text), ACTIVATION_WAITING);
	assert_non_null(strstr(text, "2 of 3 have entered; the next not before 2 s"));
	assert_int_equal(
		activation_enter(a, NAMES[1], PASSPHRASES[1], text), ACTIVATION_REFUSED);
	assert_non_null(strstr(text, "not before"));
	end = clock_monotonic_ms() + 10000;
	while (activation_enter(a, NAMES[2], OTHERS[2], text) == ACTIVATION_REFUSED) {
		assert_non_null(strstr(text, "not before"));
		assert_true(clock_monotonic_ms() < end);
		usleep(50000);
	}
	assert_string_equal(text, "activated");
	fixture_done(f);
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

/* A started token whose PIN custodians hold; the file with the PIN stays. */
static struct fixture *held_by_custodians(char ret_pin[PIN_SIZE])
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char path[PATH_MAX];
	struct custody c;

	snprintf(path, sizeof(path), "%s/credentials/pin", f->dir);
	assert_int_equal(pin_read(path, ret_pin), 0);
	assert_int_equal(custody_make(2, 3, NAMES, PASSPHRASES, ret_pin, &c), 0);
	snprintf(path, sizeof(path), "%s/" CUSTODY_FILE, f->dir);
	assert_int_equal(custody_write(&c, path), 0);
	fixture_configure(f, CONF("activation = \"custodians\";"), ROLES_STANDARD);
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	return f;
}

static void the_token_proves_what_is_closed_anew(void **state)
{
	char pin[PIN_SIZE];
	struct fixture *f = held_by_custodians(pin);

	(void)state;
	close_anew(f, OTHERS, pin);
	enter_two(f, OTHERS);
	assert_true(is_there(f, CUSTODY_NEXT_FILE)); /* not before the token says so */
	assert_int_equal(token_open(f->token), TOKEN_READY);
	assert_false(is_there(f, CUSTODY_NEXT_FILE));
	token_deactivate(f->token);
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 1, PASSPHRASES[1]), ACTIVATION_REFUSED);
	fixture_done(f);
}

static const char *const LAST[] = { "the very first phrase", "the very second phrase",
	"the very third phrase" };

static struct fixture *meanwhile; /* whose people act while the token takes a PIN */
static bool anew;		  /* they end it, too, and open what they gave */

static CK_RV login_meanwhile(
	CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	CK_RV rv = hook_login(session, user, pin, len);

	close_anew(meanwhile, LAST, "000000");
	if (anew) {
		activation_end(token_activation(meanwhile->token));
		enter_two(meanwhile, LAST);
	}
	module->C_Login = hook_login;
	return rv;
}

/* What comes while the token takes the PIN of another custody is not proven by that, and
 * not given up when it refuses that. */
static void what_comes_meanwhile_is_not_proven(void **state)
{
	char pin[PIN_SIZE];
	struct fixture *f = held_by_custodians(pin);

	(void)state;
	meanwhile = f;
	for (int i = 0; i < 4; i++) {
		bool right = i % 2;

		anew = i / 2;
		close_anew(f, OTHERS, right ? pin : "111111");
		enter_two(f, OTHERS);
		module->C_Login = login_meanwhile;
		assert_int_equal(
			token_open(f->token), right ? TOKEN_READY : TOKEN_INACTIVE);
		assert_true(is_there(f, CUSTODY_NEXT_FILE));
		token_deactivate(f->token);
		enter_two(f, PASSPHRASES); /* of the one that counts */
		assert_int_equal(token_open(f->token), TOKEN_READY);
		token_deactivate(f->token);
	}
	fixture_done(f);
}

static void one_person_deactivates(void **state)
{
	struct fixture *f = in_custody(CONF("activation = \"custodians\";"), NULL);
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	activate(f);
	token_deactivate(f->token);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	assert_non_null(strstr(r.reason, "deactivated"));
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	activate(f);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	fixture_done(f);
}

/* TEST instances activate themselves, until somebody takes the token out of use. */
static void auto_can_be_ended(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char text[ACTIVATION_TEXT_SIZE];
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	token_deactivate(f->token);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	assert_int_equal(token_open(f->token), TOKEN_INACTIVE);
	assert_int_equal(activation_enter(token_activation(f->token), "", "", text),
		ACTIVATION_OPEN);
	assert_int_equal(token_open(f->token), TOKEN_READY);
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
	char path[PATH_MAX];

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
	snprintf(path, sizeof(path), "%s/" BOOT_FILE, f->dir);
	assert_int_equal(rename(path, "/tmp/sealgate-kept"), 0);
	boot_forget(&f->instance);
	assert_int_equal(rename("/tmp/sealgate-kept", path), 0);
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
	snprintf(path, sizeof(path), "%s/credentials/pin", f->dir);
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

/* Folders of the tokens. Return: how many, the last one that is not `not`. */
static int tokens(struct fixture *f, const char * not, char ret_name[NAME_MAX + 1])
{
	char path[PATH_MAX];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/state/signer/tokens", f->dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (strcmp(e->d_name, not ) != 0)
			memcpy(ret_name, e->d_name, strlen(e->d_name) + 1);
	}
	closedir(d);
	return n;
}

static void the_second_token_stands_by(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char first[NAME_MAX + 1], second[NAME_MAX + 1], from[PATH_MAX];
	struct token_view view;
	struct signer_result r;

	(void)state;
	assert_int_equal(tokens(f, "", first), 1);
	fixture_configure(f, CONF("token = \"second\";"), ROLES_STANDARD);
	fixture_init(f);
	assert_int_equal(tokens(f, first, second), 2);
	fixture_configure(f, CONF("standby = \"second\";"), ROLES_STANDARD);
	assert_int_equal(fixture_start(f), TOKEN_READY);
	token_view(f->token, &view);
	assert_false(view.standby);
	snprintf(from, sizeof(from), "tokens/%s", first);
	move_tokens(f, from, "away");
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	token_view(f->token, &view);
	assert_true(view.standby);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	/* The first comes back: the next opening takes it again. */
	move_tokens(f, "away", from);
	assert_int_equal(token_open(f->token), TOKEN_READY);
	token_view(f->token, &view);
	assert_false(view.standby);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	fixture_done(f);
}

static void an_unknown_mode_does_not_start(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);

	(void)state;
	fixture_configure(f, CONF("activation = \"never\";"), ROLES_STANDARD);
	assert_null(token_new(&f->instance, &f->roles));
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_people_activate),
		cmocka_unit_test(wrong_passphrases_slow_down),
		cmocka_unit_test(a_wrong_pin_is_tried_once),
		cmocka_unit_test(a_wrong_pin_takes_nobodys_place),
		cmocka_unit_test(a_guess_costs_while_another_custody_waits),
		cmocka_unit_test(a_pause_takes_no_time_from_people),
		cmocka_unit_test(the_token_proves_what_is_closed_anew),
		cmocka_unit_test(what_comes_meanwhile_is_not_proven),
		cmocka_unit_test(one_person_deactivates),
		cmocka_unit_test(auto_can_be_ended),
		cmocka_unit_test(a_restart_goes_on_until_the_next_boot),
		cmocka_unit_test(a_pin_is_kept_once_it_logs_in),
		cmocka_unit_test(only_what_the_token_took_is_kept),
		cmocka_unit_test(the_second_token_stands_by),
		cmocka_unit_test(an_unknown_mode_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
