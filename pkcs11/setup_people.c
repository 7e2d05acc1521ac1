/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/setup.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/prompt.h"
#include "pkcs11/client.h"
#include "pkcs11/custody.h"
#include "pkcs11/ownership.h"
#include "pkcs11/token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MS 30000
#define READY_MS 15000

/* Custody ---------------------------------------------------------------------------- */

struct people {
	size_t count;
	const char *names[CUSTODY_PEOPLE_MAX];
	char passphrases[CUSTODY_PEOPLE_MAX][CUSTODY_PASSPHRASE_SIZE];
	char pin[PIN_SIZE];
};

static int ask_secret(const char *what, const char *whose, char *ret, size_t size)
{
	char question[128];
	int r;

	(void)snprintf(question, sizeof(question), "%s %s", what, whose);
	r = prompt_secret(question, ret, size);
	return r < 0 ? setup_fail("%s: %s", question, strerror(-r)) : 0;
}

static int ask_passphrase(struct people *p, size_t i)
{
	char again[CUSTODY_PASSPHRASE_SIZE];
	int r = ask_secret(
		"passphrase of", p->names[i], p->passphrases[i], CUSTODY_PASSPHRASE_SIZE);

	if (r == 0 && strlen(p->passphrases[i]) < CUSTODY_PASSPHRASE_MIN)
		return setup_fail("a passphrase has at least %d characters",
			CUSTODY_PASSPHRASE_MIN);
	if (r == 0)
		r = ask_secret("again, passphrase of", p->names[i], again, sizeof(again));
	if (r == 0 && strcmp(again, p->passphrases[i]) != 0)
		r = setup_fail("the two are not the same");
	OPENSSL_cleanse(again, sizeof(again));
	return r;
}

/* A wrong PIN must be found out now and not when it is needed. */
static int try_pin(struct setup *s, const char *label, const char *pin)
{
	CK_RV rv;
	int r = setup_find_token(s, label);

	if (r < 0)
		return r;
	rv = s->module.f->C_OpenSession(PKCS11_get_slotid_from_slot(s->slot),
		CKF_SERIAL_SESSION, NULL, NULL, &s->session);
	if (rv != CKR_OK)
		return setup_fail_rv("C_OpenSession", rv);
	r = pin_login_with(s->module.f, s->session, pin, &rv);
	return r < 0 ? setup_fail_rv("C_Login", rv) : 0;
}

static int close_pin(unsigned int k, struct people *p, const char *path)
{
	const char *passphrases[CUSTODY_PEOPLE_MAX];
	struct custody c;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->count; i++) {
		r = ask_passphrase(p, i);
		passphrases[i] = p->passphrases[i];
	}
	if (r < 0)
		return r;
	r = custody_make(k, p->count, p->names, passphrases, p->pin, &c);
	if (r == 0)
		r = custody_write(&c, path);
	return r < 0 ? setup_fail("the PIN cannot be closed: %s", strerror(-r)) : 0;
}

static int make_custody(struct setup *s, unsigned int k, struct people *p)
{
	const char *label = config_string(s->instance->config, "signer.token");
	char path[PATH_MAX];
	int r = instance_path(s->instance, CUSTODY_FILE, path);

	if (r == 0)
		r = ask_secret("PIN of the token", label, p->pin, PIN_SIZE);
	if (r == 0)
		r = try_pin(s, label, p->pin);
	return r == 0 ? close_pin(k, p, path) : r;
}

/* For a gate elsewhere, whose token is not here to try the PIN: it is asked for twice. */
static int make_custody_file(unsigned int k, struct people *p, const char *path)
{
	char again[PIN_SIZE];
	size_t len;
	int r = ask_secret("PIN of the", "token", p->pin, PIN_SIZE);

	if (r == 0)
		r = ask_secret("again, PIN of the", "token", again, sizeof(again));
	len = strlen(p->pin);
	if (r == 0 && strcmp(again, p->pin) != 0)
		r = setup_fail("the two are not the same");
	else if (r == 0 && len < PIN_MIN)
		r = setup_fail("a PIN has at least %d characters", PIN_MIN);
	OPENSSL_cleanse(again, sizeof(again));
	return r == 0 ? close_pin(k, p, path) : r;
}

/* argv: custody -k K [-o FILE] NAME NAME ...; with -o no instance is needed. */
int setup_custody(struct setup *s, int argc, char **argv)
{
	static struct people p;
	unsigned long k = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	const char *file = setup_custody_file(argc, argv);
	struct key_work w = {
		.work = "custody", .role = "", .ceremony = "", .by = "", .first = ""
	};
	int first = file ? 5 : 3, r;

	if (argc < first + 2 || strcmp(argv[1], "-k") != 0 ||
		argc > first + CUSTODY_PEOPLE_MAX)
		return SETUP_USAGE;
	p.count = (size_t)(argc - first);
	for (size_t i = 0; i < p.count; i++)
		p.names[i] = argv[first + (int)i];
	if (k < 2 || k > p.count)
		return SETUP_USAGE;
	if (!file &&
		(ownership_take(s->instance) < 0 || token_environment(s->instance) < 0))
		return 1;
	if (!file && setup_begins(s, &w) < 0)
		return 1;
	r = file ? make_custody_file((unsigned int)k, &p, file)
		 : make_custody(s, (unsigned int)k, &p);
	if (!file)
		key_work_ended(s->instance, &w, r, "");
	OPENSSL_cleanse(&p, sizeof(p));
	if (r < 0)
		return 1;
	printf("the PIN is closed: %lu of %d people open it\n", k, argc - first);
	return 0;
}

const char *setup_custody_file(int argc, char *const *argv)
{
	return argc > 4 && strcmp(argv[0], "custody") == 0 && strcmp(argv[3], "-o") == 0
		       ? argv[4]
		       : NULL;
}

/* Activation ------------------------------------------------------------------------- */

static bool is_active(struct signer *signer)
{
	_cleanup_json_ json_t *status = NULL;
	_cleanup_(freep) char *text = NULL;

	if (signer_status(signer, &text) < 0)
		return false;
	status = json_read(span_str(text), strlen(text) + 1);
	return json_is_true(json_object_get(status, "active"));
}

/* Opened is not yet at work: the token may be away, or have another PIN. */
static int await(struct signer *signer)
{
	int64_t end = clock_monotonic_ms() + READY_MS;

	while (!is_active(signer)) {
		struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

		if (clock_monotonic_ms() > end) {
			setup_fail("the token is not ready: see status");
			return 1;
		}
		nanosleep(&pause, NULL);
	}
	puts("the token is active");
	return 0;
}

static int told(struct signer *signer, int answer, const struct signer_result *result,
	bool activate)
{
	if (answer < 0) {
		setup_fail("the signer does not answer: %s", strerror(-answer));
		return 3;
	}
	if (answer == SIGNER_REFUSED) {
		setup_fail("%s", result->reason);
		return 1;
	}
	puts(result->reason);
	return activate && answer == SIGNER_SIGNED ? await(signer) : 0;
}

/* argv: activate|deactivate [NAME] */
int setup_activate(const struct instance *instance, int argc, char **argv)
{
	_cleanup_(signer_disconnectp) struct signer *signer = NULL;
	bool activate = strcmp(argv[0], "activate") == 0;
	struct signer_person person = { 0 };
	struct signer_result result;
	char path[PATH_MAX];
	int r;

	if (argc > 2 || (argc == 2 && strlen(argv[1]) >= sizeof(person.name)))
		return SETUP_USAGE;
	if (argc == 2)
		memcpy(person.name, argv[1], strlen(argv[1]));
	/* Before the connection, which the signer does not keep for who only thinks. */
	if (activate && argc == 2 &&
		ask_secret("passphrase of", person.name, person.passphrase,
			sizeof(person.passphrase)) < 0)
		return 1;
	r = instance_socket(instance, "signer", path);
	if (r == 0)
		r = signer_connect(path, ANSWER_MS, &signer);
	if (r < 0) {
		OPENSSL_cleanse(&person, sizeof(person));
		return told(NULL, r, NULL, activate);
	}
	r = activate ? signer_activate(signer, &person, &result)
		     : signer_deactivate(signer, &person, &result);
	OPENSSL_cleanse(&person, sizeof(person));
	return told(signer, r, &result, activate);
}
