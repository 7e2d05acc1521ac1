/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/setup.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/json.h"
#include "common/prompt.h"
#include "pkcs11/client.h"
#include "pkcs11/count_log.h"
#include "pkcs11/ownership.h"
#include "pkcs11/pin.h"
#include "pkcs11/token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STATUS_TIMEOUT_MS 10000

int setup_fail(const char *format, ...)
{
	va_list ap;

	fputs("sealgate-signer: ", stderr);
	va_start(ap, format);
	(void)vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EINVAL;
}

int setup_fail_rv(const char *call, CK_RV rv)
{
	setup_fail("%s: %s", call, ckr_text(rv));
	return -EIO;
}

/* Where the PIN is in custody, whoever holds the token types it. */
static int login_by_prompt(struct setup *s)
{
	char pin[PIN_SIZE];
	CK_RV rv = CKR_OK;
	int r = prompt_secret("PIN of the token", pin, sizeof(pin));

	if (r < 0)
		return setup_fail("PIN of the token: %s", strerror(-r));
	r = pin_login_with(s->module.f, s->session, pin, &rv);
	OPENSSL_cleanse(pin, sizeof(pin));
	return r < 0 ? setup_fail_rv("C_Login", rv) : 0;
}

static bool has_pin_file(const struct setup *s)
{
	return config_bool(s->instance->config, "instance.test") &&
	       strcmp(config_string(s->instance->config, "signer.activation"), "auto") ==
		       0;
}

static int login_by_file(struct setup *s)
{
	char pin[PATH_MAX], marker[PATH_MAX];
	struct pin_files files = { .pin = pin, .known_by = pin, .marker = marker };
	const char *name = config_string(s->instance->config, "signer.pin_file");
	CK_RV rv = CKR_OK;
	int r = instance_path(s->instance, name, pin);

	if (r == 0)
		r = instance_path(s->instance, PIN_MARKER_FILE, marker);
	if (r == 0)
		r = pin_login(s->module.f, s->session, &files, &rv);
	if (r == -EACCES)
		return setup_fail(
			"the token refused the PIN of %s; it is not tried again before "
			"that file changes",
			name);
	if (rv != CKR_OK)
		return r < 0 ? setup_fail_rv("C_Login", rv) : 0;
	return r < 0 ? setup_fail("%s: %s", name, strerror(-r)) : 0;
}

static int login(struct setup *s)
{
	return has_pin_file(s) ? login_by_file(s) : login_by_prompt(s);
}

int setup_find_token(struct setup *s, const char *label)
{
	char why[MODULE_TEXT_SIZE];

	if (module_open(config_string(s->instance->config, "signer.module"), &s->module,
		    why) < 0)
		return setup_fail("%s", why);
	s->slot = module_find_token(&s->module, label);
	return s->slot ? 0
		       : setup_fail("there is no token, or more than one, with the label "
				    "%s",
				 label);
}

int setup_open(struct setup *s)
{
	CK_SLOT_ID id;
	CK_RV rv;
	int r = setup_find_token(s, config_string(s->instance->config, "signer.token"));

	if (r < 0)
		return r;
	id = PKCS11_get_slotid_from_slot(s->slot);
	if (!config_bool(s->instance->config, "instance.test") &&
		module_is_software(&s->module, id))
		return setup_fail("a software token in a production instance");
	rv = s->module.f->C_OpenSession(
		id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s->session);
	if (rv != CKR_OK)
		return setup_fail_rv("C_OpenSession", rv);
	return login(s);
}

void setup_close(struct setup *s)
{
	module_close(&s->module);
}

static PKCS11_KEY *listed(struct setup *s, const char *label)
{
	PKCS11_KEY *keys = NULL;
	unsigned int count = 0;

	if (PKCS11_enumerate_keys(s->slot->token, &keys, &count) != 0)
		return NULL;
	for (unsigned int i = 0; i < count; i++)
		if (keys[i].label && strcmp(keys[i].label, label) == 0)
			return &keys[i];
	return NULL;
}

EVP_PKEY *setup_public_key(struct setup *s, const struct role *role)
{
	PKCS11_KEY *key = listed(s, role->label);
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *bound =
		key ? PKCS11_get_public_key(key) : NULL;
	EVP_PKEY *clean = NULL;
	const uint8_t *p;
	uint8_t *der = NULL;
	int len = bound ? i2d_PUBKEY(bound, &der) : -1;

	/* Encoded and read again: a key of OpenSSL's own, no longer bound to libp11. */
	p = der;
	if (len > 0)
		clean = d2i_PUBKEY(NULL, &p, len);
	OPENSSL_free(der);
	ERR_clear_error();
	if (!clean)
		setup_fail("role %s: the token has no public key with the label %s",
			role->name, role->label);
	return clean;
}

/* Commands --------------------------------------------------------------------------- */

int setup_roles(struct setup *s)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	int r = instance_path(s->instance, ROLES_FILE, path);

	if (r == 0)
		r = roles_read(path, &s->roles, &error);
	if (r < 0)
		setup_fail("%s", error ? error : strerror(-r));
	return r;
}

const struct role *setup_role(const struct setup *s, const char *name)
{
	int i = roles_find(&s->roles, name);

	if (i < 0)
		setup_fail("there is no role %s in %s", name, ROLES_FILE);
	return i < 0 ? NULL : &s->roles.list[i];
}

static int run_status(const struct instance *instance)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	_cleanup_(freep) char *json = NULL;
	char path[PATH_MAX];
	int r = instance_socket(instance, "signer", path);

	if (r == 0)
		r = signer_connect(path, STATUS_TIMEOUT_MS, &signer);
	if (r == 0)
		r = signer_status(signer, &json);
	if (r < 0) {
		setup_fail("the signer does not answer: %s", strerror(-r));
		return 3;
	}
	puts(json);
	return 0;
}

/* "POSITION:CHAIN" as `status` and `log verify` print them. */
static int read_mark(const char *text, struct count_mark *ret_mark)
{
	char *end;

	errno = 0;
	ret_mark->position = strtoull(text, &end, 10);
	if (errno || end == text || *end != ':' || strlen(end + 1) != 2 * SHA256_SIZE)
		return -EINVAL;
	return hex_decode(end + 1, ret_mark->chain, SHA256_SIZE);
}

static void print_state(const struct count_state *state)
{
	_cleanup_json_ json_t *roles = json_object();
	_cleanup_json_ json_t *all = NULL;
	_cleanup_(freep) char *text = NULL;
	char chain[SHA256_TEXT_SIZE];

	hex_encode(state->chain, sizeof(state->chain), chain);
	for (size_t i = 0; i < state->role_count; i++)
		json_object_set_new(roles, state->roles[i].name,
			json_integer((json_int_t)state->roles[i].count));
	all = json_pack("{s:b, s:I, s:s, s:O}", "ok", 1, "position",
		(json_int_t)state->position, "chain", chain, "roles", roles);
	text = all ? json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	puts(text ? text : "");
}

static int run_log(const struct instance *instance, int argc, char **argv)
{
	_cleanup_(freep) char *error = NULL;
	struct count_state state;
	struct count_mark mark;
	char path[PATH_MAX];
	int r;

	if (argc < 2 || strcmp(argv[1], "verify") != 0 || (argc != 2 && argc != 4))
		return SETUP_USAGE;
	if (argc == 4 &&
		(strcmp(argv[2], "--contains") != 0 || read_mark(argv[3], &mark) < 0))
		return SETUP_USAGE;
	r = instance_path(instance, COUNT_LOG_FILE, path);
	if (r == 0)
		r = count_log_verify(path, argc == 4 ? &mark : NULL, &state, &error);
	if (r == 0) {
		print_state(&state);
		return 0;
	}
	setup_fail("%s", error ? error : strerror(-r));
	return r == -EBADMSG || r == -ENODATA ? 1 : 3;
}

int setup_read_pem(const char *path, uint8_t **ret_pem, size_t *ret_len)
{
	int r = file_read(path, CERTIFICATES_MAX, ret_pem, ret_len);

	return r < 0 ? setup_fail("%s: %s", path, strerror(-r)) : 0;
}

/* The commands that open the token: as the signer's uid, in TEST instances. */
static int run_on_token(struct setup *s, int argc, char **argv)
{
	const struct role *role = NULL;
	_cleanup_(freep) uint8_t *pem = NULL;
	const char *subject = NULL;
	size_t len = 0;
	bool init = strcmp(argv[0], "init-token") == 0, csr = strcmp(argv[0], "csr") == 0;
	bool keys = strcmp(argv[0], "keys") == 0;

	if (csr && argc == 4 && strcmp(argv[2], "--subject") == 0)
		subject = argv[3];
	else if (argc != (init || keys ? 1 : csr ? 2 : 3))
		return SETUP_USAGE;
	if (init && !config_bool(s->instance->config, "instance.test")) {
		setup_fail("the token of a production instance is initialised with the "
			   "device's own tools");
		return 1;
	}
	/* Before uid and working folder change. */
	if (!init && !keys && !csr && setup_read_pem(argv[2], &pem, &len) < 0)
		return 1;
	if (setup_roles(s) < 0 || ownership_take(s->instance) < 0 ||
		token_environment(s->instance) < 0)
		return 1;
	if (init)
		return setup_init(s);
	if (keys)
		return setup_open(s) < 0 ? 1 : setup_keys(s);
	role = setup_role(s, argv[1]);
	if (!role || setup_open(s) < 0)
		return 1;
	return csr ? setup_csr(s, role, subject)
		   : setup_import(s, role, span_of(pem, len));
}

int setup_run(const struct instance *instance, int argc, char **argv)
{
	struct setup s = { .instance = instance };
	int status;

	if (strcmp(argv[0], "status") == 0)
		return argc == 1 ? run_status(instance) : SETUP_USAGE;
	if (strcmp(argv[0], "log") == 0)
		return run_log(instance, argc, argv);
	if (strcmp(argv[0], "activate") == 0 || strcmp(argv[0], "deactivate") == 0)
		return setup_activate(instance, argc, argv);
	if (strcmp(argv[0], "custody") == 0 || strcmp(argv[0], "ceremony") == 0) {
		status = argv[0][1] == 'u' ? setup_custody(&s, argc, argv)
					   : setup_ceremony(&s, argc, argv);
		setup_close(&s);
		return status;
	}
	if (strcmp(argv[0], "init-token") != 0 && strcmp(argv[0], "csr") != 0 &&
		strcmp(argv[0], "import") != 0 && strcmp(argv[0], "keys") != 0)
		return SETUP_USAGE;
	status = run_on_token(&s, argc, argv);
	setup_close(&s);
	return status;
}
