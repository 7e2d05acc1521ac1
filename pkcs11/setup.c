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

int setup_begins(const struct setup *s, struct key_work *w)
{
	int r;

	w->uid = s->uid;
	w->alone = true;
	r = key_work_begins(s->instance, w);
	return r < 0 ? setup_fail("the audit chain cannot be told of it, so it is not "
				  "done: state/events/signer: %s",
			       strerror(-r))
		     : 0;
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

void setup_bench(const struct setup *s, struct bench *ret_bench)
{
	bench_init(ret_bench, s->instance, &s->roles);
	ret_bench->place = (struct key_place){ &s->module, s->slot, s->session };
}

int setup_told(const struct bench *b, int r)
{
	const char *said = b->said.data ? b->said.data : "";

	if (r < 0)
		fprintf(stderr, "sealgate-signer: %s", said);
	else
		fputs(said, stdout);
	return r;
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

int setup_keys(struct setup *s)
{
	_cleanup_bench_ struct bench b = { 0 };

	setup_bench(s, &b);
	return setup_told(&b, bench_keys(&b, NULL)) < 0 ? 1 : 0;
}

/* keys [ROLE], csr ROLE [--subject NAME], import ROLE FILE */
static int work_by_itself(struct setup *s, int argc, char **argv, struct span pem)
{
	const struct role *role = argc > 1 ? setup_role(s, argv[1]) : NULL;
	_cleanup_bench_ struct bench b = { 0 };
	int r;

	if ((argc > 1 && !role) || setup_open(s) < 0)
		return 1;
	setup_bench(s, &b);
	if (strcmp(argv[0], "keys") == 0)
		r = bench_keys(&b, role);
	else if (strcmp(argv[0], "csr") == 0)
		r = bench_request(&b, role, argc == 4 ? argv[3] : NULL);
	else
		r = bench_import(&b, role, pem);
	r = setup_told(&b, r);
	return r == 0 && fflush(stdout) != 0 ? 3 : r < 0 ? 1 : 0;
}

/* The commands that open the token: as the signer's uid. */
static int run_on_token(struct setup *s, int argc, char **argv)
{
	_cleanup_(freep) uint8_t *pem = NULL;
	bool init = strcmp(argv[0], "init-token") == 0;
	struct key_work w = { .work = argv[0],
		.role = argc > 1 ? argv[1] : "",
		.ceremony = "",
		.by = "",
		.first = "" };
	size_t len = 0;
	int status;

	if (init && argc != 1)
		return SETUP_USAGE;
	if (init && !config_bool(s->instance->config, "instance.test")) {
		setup_fail("the token of a production instance is initialised with the "
			   "device's own tools");
		return 1;
	}
	/* Before uid and working folder change. */
	if (strcmp(argv[0], "import") == 0 && setup_given(argv[2], &pem, &len) < 0)
		return 1;
	if (setup_roles(s) < 0 || ownership_take(s->instance) < 0 ||
		token_environment(s->instance) < 0)
		return 1;
	w.given = span_of(pem, len);
	if (setup_begins(s, &w) < 0)
		return 1;
	status = init ? setup_init(s) : work_by_itself(s, argc, argv, w.given);
	key_work_ended(s->instance, &w, status ? -EINVAL : 0, "");
	return status;
}

int setup_run(const struct instance *instance, int argc, char **argv)
{
	struct setup s = { .instance = instance, .uid = getuid() };
	bool done = false;
	int status;

	if (strcmp(argv[0], "status") == 0)
		return argc == 1 ? run_status(instance) : SETUP_USAGE;
	if (strcmp(argv[0], "log") == 0)
		return run_log(instance, argc, argv);
	if (strcmp(argv[0], "activate") == 0 || strcmp(argv[0], "deactivate") == 0)
		return setup_activate(instance, argc, argv);
	if (setup_is_work(argc, argv)) {
		status = setup_work(instance, argc, argv, &done);
		if (done)
			return status;
	}
	if (strcmp(argv[0], "custody") == 0)
		status = setup_custody(&s, argc, argv);
	else if (strcmp(argv[0], "ceremony") == 0)
		status = setup_ceremony(&s, argc, argv);
	else if (strcmp(argv[0], "init-token") == 0 || setup_is_work(argc, argv))
		status = run_on_token(&s, argc, argv);
	else
		status = SETUP_USAGE;
	setup_close(&s);
	return status;
}
