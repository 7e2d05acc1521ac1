/* SPDX-License-Identifier: EUPL-1.2 */
/* A token that is lost, lies or is used by many at once. */
#include "hooks.h"

#include "common/clock.h"
#include "pkcs11/keeper.h"

#define AWAY_MAX_MS 5000
#define BACK_MAX_MS 60000
#define PATIENT_MS 20000

/* Faults ----------------------------------------------------------------------------- */

static void unverified_signature_never_leaves(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	atomic_store(&hook.corrupt, true);
	assert_int_equal(sign(f, "seal", &r), SIGNER_REFUSED);
	assert_int_equal(r.value_len, 0);
	for (size_t i = 0; i < sizeof(r.value); i++)
		assert_int_equal(r.value[i], 0);
	assert_true(count_log_count(f->log, "seal") == 1); /* the request alone */
	assert_int_equal(atomic_load(&f->signing.unverified), 1);
	atomic_store(&hook.corrupt, false);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	assert_true(r.count == 2);
	fixture_done(f);
}

/* Who verifies by itself is given what the token made; the signer's own trials are
 * verified all the same. */
static void left_to_the_peer(void **state)
{
	struct fixture *f = made(CONF_STANDARD,
		"seal: { label = \"seal\"; mechanism = \"ecdsa-sha256\"; peer = "
		"\"seal\"; };\n"
		"receipt: { label = \"receipt\"; mechanism = \"ecdsa-sha256\"; peer = "
		"\"intake\"; verified_by_peer = true; };\n");
	char why[KEY_TEXT_SIZE];
	struct signer_result r;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	atomic_store(&hook.corrupt, true);
	assert_int_equal(sign(f, "receipt", &r), SIGNER_SIGNED);
	assert_true(r.count == 2); /* the first is of the request */
	assert_int_equal(r.value_len, 64);
	assert_int_equal(sign(f, "seal", &r), SIGNER_REFUSED);
	assert_int_equal(atomic_load(&f->signing.unverified), 1);
	assert_int_equal(sign_trial(&f->signing, 1, why), -EBADMSG);
	assert_int_equal(atomic_load(&f->signing.unverified), 2);
	fixture_done(f);
	atomic_store(&hook.corrupt, false);
}

static void lost_answers(void **state)
{
	static const CK_RV LOST[] = { 0x05, 0x30, 0x32, 0x60, 0x82, 0xB0, 0xB3, 0xE0,
		0xE1, 0x190 };

	(void)state;
	for (size_t i = 0; i < sizeof(LOST) / sizeof(LOST[0]); i++)
		assert_true(ckr_lost(LOST[i]));
	assert_false(ckr_lost(CKR_OK));
	assert_false(ckr_lost(CKR_PIN_INCORRECT));
	assert_false(ckr_lost(CKR_PIN_LOCKED));
	assert_false(ckr_lost(CKR_MECHANISM_INVALID));
	assert_string_equal(ckr_text(0xA0), "CKR_PIN_INCORRECT");
	assert_string_equal(ckr_text(0x80001234), "CKR 0x80001234");
}

/* The audit chain is told of a loss that was mended at once, and of the return. */
static void told_of_loss_and_return(const struct fixture *f)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char path[PATH_MAX];
	const char *away;
	size_t len;

	snprintf(path, sizeof(path), "%s/state/events/signer/journal", f->dir);
	assert_int_equal(file_read(path, 65536, &text, &len), 0);
	away = strstr((const char *)text, "\"state\":\"away\"");
	assert_non_null(away);
	assert_non_null(strstr(away, "\"state\":\"ready\""));
	assert_non_null(strstr((const char *)text, "the token was lost"));
}

/* One lost answer: the asker gets its signature all the same, after a reopening, for
 * which it waits longer here than in a signer: it is not about how quick the machine is.
 */
static void lost_once(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct signer_result r;
	struct token_view view;
	struct keeper keeper;
	uint64_t tries;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(keeper_start(&keeper, &f->signing, 100000), 0);
	f->signing.reopen_ms = PATIENT_MS;
	atomic_store(&hook.fail_once, CKR_DEVICE_ERROR);
	assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
	token_view(f->token, &view);
	tries = view.tries;
	assert_true(tries >= 2);
	/* Nothing is lost by this one. */
	atomic_store(&hook.fail_once, CKR_FUNCTION_FAILED);
	assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
	token_view(f->token, &view);
	assert_true(view.tries == tries);
	keeper_stop(&keeper);
	told_of_loss_and_return(f);
	fixture_done(f);
}

static void wait_until_signed(struct fixture *f)
{
	int64_t until = clock_monotonic_ms() + BACK_MAX_MS;
	struct signer_result r;

	while (sign(f, "seal", &r) != SIGNER_SIGNED) {
		if (clock_monotonic_ms() > until)
			fail_msg("the token did not come back: %s", r.reason);
		token_watch(f->token, 50);
	}
}

static void token_away_and_back(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	_cleanup_(freep) uint8_t *der = NULL;
	struct signer_result r;
	struct keeper keeper;
	size_t len;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(keeper_start(&keeper, &f->signing, 100000), 0);
	for (int i = 0; i < 2; i++) {
		int64_t begun;

		assert_int_equal(sign(f, "seal", &r), SIGNER_SIGNED);
		move_tokens(f, "tokens", "tokens.away");
		for (int n = 0; n < 3; n++) {
			begun = clock_monotonic_ms();
			assert_int_equal(
				sign(f, n % 2 ? "receipt" : "seal", &r), SIGNER_AWAY);
			assert_true(clock_monotonic_ms() - begun < AWAY_MAX_MS);
			assert_true(r.reason[0] && r.value_len == 0);
		}
		/* The certificates are still known. */
		assert_int_equal(token_certificates(f->token, 0, &der, &len), 0);
		free(TAKE(der));
		move_tokens(f, "tokens.away", "tokens");
		wait_until_signed(f);
	}
	keeper_stop(&keeper);
	fixture_done(f);
}

/* The trial signature notices the loss before anybody asks. */
static void trial_notices(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	int64_t until = clock_monotonic_ms() + BACK_MAX_MS;
	struct token_view view;
	struct keeper keeper;
	uint64_t before;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	before = count_log_count(f->log, "seal");
	assert_int_equal(keeper_start(&keeper, &f->signing, 20), 0);
	move_tokens(f, "tokens", "tokens.away");
	do {
		token_watch(f->token, 20);
		token_view(f->token, &view);
	} while (view.state == TOKEN_READY && clock_monotonic_ms() < until);
	assert_int_equal(view.state, TOKEN_AWAY);
	move_tokens(f, "tokens.away", "tokens");
	wait_until_signed(f);
	assert_true(
		count_log_count(f->log, "seal") == before + 1); /* trials do not count */
	keeper_stop(&keeper);
	fixture_done(f);
}

/* A role's key that appears later is found by the keeper alone. */
static void certificate_appears(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	X509 *ca = authority();
	struct keeper keeper;
	char kept[PATH_MAX];

	(void)state;
	/* Its chain is unreadable first, and mended while the signer serves. */
	snprintf(kept, sizeof(kept), "%s/state/signer/seal.chain.pem", f->dir);
	put(f->dir, "state/signer/seal.chain.pem", "-----BEGIN CERTIFICATE-----\nAA\n");
	assert_int_equal(fixture_start(f), TOKEN_READY);
	{
		struct signer_result r;

		assert_int_equal(sign(f, "seal", &r), SIGNER_AWAY);
		assert_int_equal(sign(f, "receipt", &r), SIGNER_SIGNED);
	}
	assert_int_equal(keeper_start(&keeper, &f->signing, 20), 0);
	write_pem(kept, ca, NULL);
	wait_until_signed(f);
	keeper_stop(&keeper);
	X509_free(ca);
	fixture_done(f);
}

/* Concurrency ------------------------------------------------------------------------ */

#define THREADS 8

struct worker {
	struct fixture *f;
	atomic_bool *stop;
	unsigned long signed_, away, other;
};

static void *work(void *data)
{
	struct worker *w = data;
	struct signer_result r;

	while (!atomic_load(w->stop)) {
		switch (sign(w->f, "seal", &r)) {
		case SIGNER_SIGNED:
			w->signed_++;
			break;
		case SIGNER_AWAY:
			w->away++;
			break;
		case SIGNER_REFUSED:
		case SIGNER_UNDECIDED:
		default:
			w->other++;
			break;
		}
	}
	return NULL;
}

/* The token is lost and found while eight threads share four sessions: no session is
 * closed in use, and what was signed is what was counted. */
static void lost_under_load(void **state)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	atomic_bool stop = false;
	unsigned long signed_ = 0;
	struct keeper keeper;
	uint64_t before;

	(void)state;
	assert_int_equal(fixture_start(f), TOKEN_READY);
	assert_int_equal(keeper_start(&keeper, &f->signing, 100000), 0);
	before = count_log_count(f->log, "seal");
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .f = f, .stop = &stop };
		pthread_create(&threads[i], NULL, work, &workers[i]);
	}
	for (int i = 0; i < 3; i++) {
		uint64_t seen = count_log_count(f->log, "seal");
		/* How many fit into a second is the machine's affair, not the test's. */
		int64_t until = clock_monotonic_ms() + 12 * BACK_MAX_MS;

		atomic_store(&hook.fail_once, CKR_SESSION_HANDLE_INVALID);
		while (count_log_count(f->log, "seal") < seen + 200 &&
			clock_monotonic_ms() < until)
			token_watch(f->token, 10);
		assert_true(count_log_count(f->log, "seal") >= seen + 200);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		signed_ += workers[i].signed_;
		assert_true(workers[i].other == 0);
	}
	keeper_stop(&keeper);
	assert_true(signed_ == count_log_count(f->log, "seal") - before);
	assert_int_equal(atomic_load(&hook.closed_in_use), 0);
	fixture_done(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unverified_signature_never_leaves),
		cmocka_unit_test(left_to_the_peer),
		cmocka_unit_test(lost_answers),
		cmocka_unit_test(lost_once),
		cmocka_unit_test(token_away_and_back),
		cmocka_unit_test(trial_notices),
		cmocka_unit_test(certificate_appears),
		cmocka_unit_test(lost_under_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
