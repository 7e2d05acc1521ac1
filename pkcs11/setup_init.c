/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/setup.h"

#include "common/durable.h"
#include "pkcs11/pin.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define PIN_DIGITS 12
#define LABEL_WIDTH 32 /* of a token, padded with blanks */

/* The configuration of the embedded software token; its folder is relative to the
 * instance, which is the signer's working folder. */
static const char SOFTHSM_CONF[] = "directories.tokendir = state/signer/tokens\n"
				   "objectstore.backend = file\n"
				   "log.level = ERROR\n"
				   "slots.removable = false\n";

static int write_conf(const struct instance *instance)
{
	const char *conf = config_string(instance->config, "signer.softhsm_conf");
	char path[PATH_MAX];
	int r;

	if (!conf[0])
		return 0;
	if (mkdir("state/signer/tokens", 0700) < 0 && errno != EEXIST)
		return setup_fail("state/signer/tokens: %s", strerror(errno));
	r = instance_path(instance, conf, path);
	if (r == 0 && access(path, F_OK) == 0)
		return 0;
	if (r == 0)
		r = durable_write(path, span_str(SOFTHSM_CONF), 0644);
	return r < 0 ? setup_fail("%s: %s", conf, strerror(-r)) : 0;
}

/* Make a PIN file of random digits unless there is one. */
static int make_pin(const struct instance *instance, const char *key)
{
	const char *name = config_string(instance->config, key);
	char path[PATH_MAX], text[PIN_DIGITS + 2];
	uint8_t random[PIN_DIGITS];
	int r = instance_path(instance, name, path);

	if (r == 0 && access(path, F_OK) == 0)
		return 0;
	if (r == 0 && getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		r = -EIO;
	if (r == 0) {
		for (size_t i = 0; i < PIN_DIGITS; i++)
			text[i] = (char)('0' + random[i] % 10);
		memcpy(text + PIN_DIGITS, "\n", 2);
		r = durable_write(path, span_str(text), 0600);
	}
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(random, sizeof(random));
	return r < 0 ? setup_fail("%s: %s", name, strerror(-r)) : 0;
}

static int pin_of(const struct setup *s, const char *key, char ret_pin[PIN_SIZE])
{
	const char *name = config_string(s->instance->config, key);
	char path[PATH_MAX];
	int r = instance_path(s->instance, name, path);

	if (r == 0)
		r = pin_read(path, ret_pin);
	return r < 0 ? setup_fail("%s: %s", name, strerror(-r)) : 0;
}

static int init_token(const struct setup *s, CK_SLOT_ID slot)
{
	const char *label = config_string(s->instance->config, "signer.token");
	CK_UTF8CHAR padded[LABEL_WIDTH];
	char pin[PIN_SIZE];
	CK_RV rv;

	if (strlen(label) > LABEL_WIDTH)
		return setup_fail(
			"the token's label is longer than %d octets", LABEL_WIDTH);
	if (!module_is_software(&s->module, slot))
		return setup_fail(
			"the token is a device: initialise it with its own tools");
	if (pin_of(s, "signer.so_pin_file", pin) < 0)
		return -EINVAL;
	for (size_t i = 0, len = strlen(label); i < sizeof(padded); i++)
		padded[i] = i < len ? (CK_UTF8CHAR)label[i] : ' ';
	rv = s->module.f->C_InitToken(slot, (CK_UTF8CHAR *)pin, strlen(pin), padded);
	OPENSSL_cleanse(pin, sizeof(pin));
	return rv == CKR_OK ? 0 : setup_fail_rv("C_InitToken", rv);
}

static CK_RV set_user_pin(
	const struct setup *s, CK_SESSION_HANDLE session, char *so_pin, char *pin)
{
	CK_FUNCTION_LIST *f = s->module.f;
	CK_RV rv = f->C_Login(session, CKU_SO, (CK_UTF8CHAR *)so_pin, strlen(so_pin));

	if (rv != CKR_OK)
		return rv;
	rv = f->C_InitPIN(session, (CK_UTF8CHAR *)pin, strlen(pin));
	f->C_Logout(session);
	return rv;
}

static int init_user_pin(const struct setup *s, CK_SLOT_ID slot)
{
	char so_pin[PIN_SIZE], pin[PIN_SIZE];
	CK_SESSION_HANDLE session;
	CK_RV rv;
	int r = pin_of(s, "signer.so_pin_file", so_pin);

	if (r == 0)
		r = pin_of(s, "signer.pin_file", pin);
	if (r < 0)
		return r;
	rv = s->module.f->C_OpenSession(
		slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (rv == CKR_OK) {
		rv = set_user_pin(s, session, so_pin, pin);
		s->module.f->C_CloseSession(session);
	}
	OPENSSL_cleanse(so_pin, sizeof(so_pin));
	OPENSSL_cleanse(pin, sizeof(pin));
	return rv == CKR_OK ? 0 : setup_fail_rv("setting the user's PIN", rv);
}

/* One look at the module. Return: 1 the token is complete, 0 a step was made: look again.
 */
static int step(struct setup *s)
{
	const char *label = config_string(s->instance->config, "signer.token");
	char why[MODULE_TEXT_SIZE];
	PKCS11_SLOT *slot;
	int r;

	if (module_open(config_string(s->instance->config, "signer.module"), &s->module,
		    why) < 0)
		return setup_fail("%s", why);
	slot = module_find_token(&s->module, label);
	if (slot && slot->token->userPinSet) {
		r = 1;
	} else if (slot) {
		r = init_user_pin(s, PKCS11_get_slotid_from_slot(slot));
	} else {
		slot = module_find_blank(&s->module);
		r = slot ? init_token(s, PKCS11_get_slotid_from_slot(slot))
			 : setup_fail(
				   "no token has the label %s and none is blank", label);
	}
	module_close(&s->module);
	return r;
}

int setup_init(struct setup *s)
{
	int r = write_conf(s->instance);

	if (r == 0)
		r = make_pin(s->instance, "signer.so_pin_file");
	if (r == 0)
		r = make_pin(s->instance, "signer.pin_file");
	for (int steps = 0; r == 0 && steps < 3; steps++)
		r = step(s);
	return r < 0 || setup_open(s) < 0 ? 1 : setup_keys(s);
}
