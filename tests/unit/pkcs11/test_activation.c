/* SPDX-License-Identifier: EUPL-1.2 */
/* Activation by two people, deactivation, and the second token. */
#include "people.h"

#include "common/clock.h"
#include "pkcs11/keeper.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <time.h>

static atomic_llong still_ms; /* where time stands still, or 0 while it runs */

int clock_gettime(clockid_t clock, struct timespec *ts)
{
	long long at = atomic_load(&still_ms);
	long r = syscall(SYS_clock_gettime, clock, ts);

	if (r == 0 && clock == CLOCK_MONOTONIC && at)
		*ts = (struct timespec){ .tv_sec = at / 1000,
			.tv_nsec = at % 1000 * 1000000 };
	return (int)r;
}

/* A pause is over after seconds that a busy machine may leave the test lying for. */
static void time_stands_still(void)
{
	atomic_store(&still_ms, clock_monotonic_ms());
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
	time_stands_still();
	assert_int_equal(enter(f, 1, "not the phrase"), ACTIVATION_REFUSED);
	/* Nobody is listened to now, nor is what was entered before kept. */
	assert_int_equal(enter(f, 1, PASSPHRASES[1]), ACTIVATION_REFUSED);
	atomic_store(&still_ms, 0);
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

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_INACTIVE);
	a = token_activation(f->token);
	close_for(f, 3, OTHERS, "000000");
	time_stands_still();
	assert_int_equal(enter(f, 0, OTHERS[0]), ACTIVATION_WAITING);
	assert_int_equal(
		activation_enter(a, NAMES[1], OTHERS[1], text), ACTIVATION_WAITING);
	assert_non_null(strstr(text, "2 of 3 have entered; the next not before 2 s"));
	assert_int_equal(
		activation_enter(a, NAMES[1], PASSPHRASES[1], text), ACTIVATION_REFUSED);
	assert_string_equal(text, "not before 2 s");
	atomic_fetch_add(&still_ms, 1999);
	assert_int_equal(
		activation_enter(a, NAMES[2], OTHERS[2], text), ACTIVATION_REFUSED);
	assert_string_equal(text, "not before 1 s");
	atomic_fetch_add(&still_ms, 1);
	assert_int_equal(activation_enter(a, NAMES[2], OTHERS[2], text), ACTIVATION_OPEN);
	assert_string_equal(text, "activated");
	atomic_store(&still_ms, 0);
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
		cmocka_unit_test(the_token_proves_what_is_closed_anew),
		cmocka_unit_test(what_comes_meanwhile_is_not_proven),
		cmocka_unit_test(one_person_deactivates),
		cmocka_unit_test(auto_can_be_ended),
		cmocka_unit_test(the_second_token_stands_by),
		cmocka_unit_test(an_unknown_mode_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
