/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A PIN that people hold, and the people; never a token of its own.
 */
#ifndef SEALGATE_TESTS_PKCS11_PEOPLE_H
#define SEALGATE_TESTS_PKCS11_PEOPLE_H

#include "hooks.h"

#include "pkcs11/activation.h"
#include "pkcs11/boot.h"
#include "pkcs11/pin.h"

#define CONF(more)                                                                       \
	"instance = { name = \"unit\"; test = true; };\n"                                \
	"signer = { softhsm_conf = \"state/signer/softhsm2.conf\"; threads = 4; " more   \
	" };\n"

static const char *const NAMES[] = { "ana", "bert", "cleo" };
static const char *const PASSPHRASES[] = { "first long phrase", "second long phrase",
	"third long phrase" };

static UNUSED const char *const OTHERS[] = { "another first phrase",
	"another second phrase", "another third phrase" };

/* An instance whose PIN is closed for two of three, and nowhere else. */
static UNUSED struct fixture *in_custody(const char *conf, const char *pin)
{
	struct fixture *f = made(CONF_STANDARD, ROLES_STANDARD);
	char path[PATH_MAX], real[PIN_SIZE];
	struct custody c;

	assert_true(snprintf(path, sizeof(path), "%s/credentials/pin", f->dir) <
		    (int)sizeof(path));
	assert_int_equal(pin_read(path, real), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(custody_make(2, 3, NAMES, PASSPHRASES, pin ? pin : real, &c), 0);
	assert_true(snprintf(path, sizeof(path), "%s/" CUSTODY_FILE, f->dir) <
		    (int)sizeof(path));
	assert_int_equal(custody_write(&c, path), 0);
	fixture_configure(f, conf, ROLES_STANDARD);
	atomic_store(&hook.logins, 0); /* those of the set-up */
	return f;
}

static UNUSED enum activation_answer enter(
	struct fixture *f, int person, const char *passphrase)
{
	char text[ACTIVATION_TEXT_SIZE];
	enum activation_answer a = activation_enter(
		token_activation(f->token), NAMES[person], passphrase, text);

	assert_true(text[0]);
	return a;
}

static UNUSED void activate(struct fixture *f)
{
	assert_int_equal(enter(f, 0, PASSPHRASES[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 2, PASSPHRASES[2]), ACTIVATION_OPEN);
	assert_int_equal(token_open(f->token), TOKEN_READY);
}

/* What is closed anew for so many beside the custody in force. */
static UNUSED void close_for(
	struct fixture *f, unsigned int k, const char *const *phrases, const char *pin)
{
	struct custody c;

	assert_int_equal(custody_make(k, 3, NAMES, phrases, pin, &c), 0);
	assert_int_equal(activation_renew(token_activation(f->token), &c), 0);
}

static UNUSED void close_anew(
	struct fixture *f, const char *const *phrases, const char *pin)
{
	close_for(f, 2, phrases, pin);
}

static UNUSED bool is_there(const struct fixture *f, const char *name)
{
	char path[PATH_MAX];

	assert_true(
		snprintf(path, sizeof(path), "%s/%s", f->dir, name) < (int)sizeof(path));
	return access(path, F_OK) == 0;
}

static UNUSED void enter_two(struct fixture *f, const char *const *phrases)
{
	assert_int_equal(enter(f, 0, phrases[0]), ACTIVATION_WAITING);
	assert_int_equal(enter(f, 1, phrases[1]), ACTIVATION_OPEN);
}

#endif
