/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/setup.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/durable.h"
#include "pkcs11/mechanism.h"
#include "pkcs11/ownership.h"
#include "pkcs11/protocol.h"
#include "pkcs11/token.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define MODULE_MAX (64u * 1024 * 1024)
#define TEXT_MAX 65536

/* One step of a ceremony. */
struct step {
	struct setup *s;
	struct protocol *p;
	int argc; /* behind the step's name */
	char **argv;
	struct buf text; /* what is written down */
};

static const char *config_of(const struct step *c, const char *key)
{
	return config_string(c->s->instance->config, key);
}

static void add_digest(struct buf *b, const char *what, struct span octets)
{
	char hex[SHA256_TEXT_SIZE];

	if (digest_sha256_text(octets, hex) == 0)
		buf_addf(b, "\n%s SHA-256 %s", what, hex);
}

/* PKCS#11 texts are padded with blanks. */
static void add_padded(
	struct buf *b, const char *what, const CK_UTF8CHAR *text, size_t len)
{
	while (len && text[len - 1] == ' ')
		len--;
	buf_addf(b, "\n%s %.*s", what, (int)len, (const char *)text);
}

static int describe_token(struct step *c)
{
	CK_SLOT_ID slot = PKCS11_get_slotid_from_slot(c->s->slot);
	CK_TOKEN_INFO t;

	if (c->s->module.f->C_GetTokenInfo(slot, &t) != CKR_OK)
		return setup_fail("the token says nothing of itself");
	add_padded(&c->text, "token", t.label, sizeof(t.label));
	add_padded(&c->text, "manufacturer", t.manufacturerID, sizeof(t.manufacturerID));
	add_padded(&c->text, "model", t.model, sizeof(t.model));
	add_padded(&c->text, "serial number", t.serialNumber, sizeof(t.serialNumber));
	buf_addf(&c->text, "\nfirmware %u.%u\n%s", t.firmwareVersion.major,
		t.firmwareVersion.minor,
		module_is_software(&c->s->module, slot) ? "a software token"
							: "a hardware token");
	return 0;
}

/* begin WITNESS WITNESS... */
static int step_begin(struct step *c)
{
	const char *module = config_of(c, "signer.module");
	_cleanup_(freep) uint8_t *octets = NULL;
	size_t len;

	buf_addf(&c->text, "key ceremony of the instance %s%s",
		config_of(c, "instance.name"),
		config_bool(c->s->instance->config, "instance.test") ? " (TEST)" : "");
	for (int i = 0; i < c->argc; i++)
		buf_addf(&c->text, "\nwitness %s", c->argv[i]);
	if (file_read(module, MODULE_MAX, &octets, &len) < 0)
		return setup_fail("%s cannot be read", module);
	add_digest(&c->text, module, span_of(octets, len));
	return describe_token(c);
}

static int describe_key(struct step *c, const struct role *role)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_bench_ struct bench b = { 0 };
	char why[KEY_TEXT_SIZE], sha256[SHA256_TEXT_SIZE];
	CK_OBJECT_HANDLE handle;

	setup_bench(c->s, &b);
	if (key_find(&b.place, role, &handle, why) < 0)
		return setup_fail("role %s: %s", role->name, why);
	key = bench_public_key(&b, role, sha256);
	if (!key)
		return setup_told(&b, -EIO);
	buf_addf(&c->text,
		"%skey of the role %s: label %s, %s, made on the token, sensitive, not "
		"extractable\nits public key SHA-256 %s",
		c->text.len ? "\n" : "", role->name, role->label, role->key->name,
		sha256);
	return 0;
}

/* keys */
static int step_keys(struct step *c)
{
	int r = setup_keys(c->s) == 0 ? 0 : -EIO;

	for (size_t i = 0; r == 0 && i < c->s->roles.count; i++)
		r = describe_key(c, &c->s->roles.list[i]);
	return r;
}

/* request ROLE [SUBJECT] */
static int step_request(struct step *c)
{
	const struct role *role = setup_role(c->s, c->argv[0]);
	const char *subject = c->argc > 1 ? c->argv[1] : NULL;
	_cleanup_bench_ struct bench b = { 0 };
	int r;

	setup_bench(c->s, &b);
	r = role ? setup_told(&b, bench_request(&b, role, subject)) : -EINVAL;
	if (r < 0)
		return r;
	buf_addf(&c->text, "certificate request of the role %s, subject %s", role->name,
		subject ? subject : "as the instance has it");
	add_digest(&c->text, "the request (PEM)", buf_span(&b.said));
	return fflush(stdout) != 0 ? -EIO : 0;
}

/* note TEXT: what was done by other means: backup, destruction, who took what away */
static int step_note(struct step *c)
{
	return buf_add_str(&c->text, c->argv[0]);
}

/* end ROLE */
static int step_end(struct step *c)
{
	const struct role *role = setup_role(c->s, c->argv[0]);
	_cleanup_bench_ struct bench b = { 0 };
	uint8_t digest[SIGNER_DIGEST_MAX], value[SIGNER_VALUE_MAX];
	char why[KEY_TEXT_SIZE];
	CK_OBJECT_HANDLE key;
	size_t len;
	int n;

	setup_bench(c->s, &b);
	if (!role || key_find(&b.place, role, &key, why) < 0)
		return role ? setup_fail("role %s: %s", role->name, why) : -EINVAL;
	buf_addf(&c->text, "end of the ceremony; signed by the key of the role %s",
		role->name);
	if (protocol_add(c->p, c->text.data) < 0)
		return setup_fail("the protocol cannot be written");
	c->text.len = 0;
	n = protocol_digest(c->p, role->mechanism, digest);
	if (n < 0 || mechanism_sign(c->s->module.f, c->s->session, key, role->mechanism,
			     span_of(digest, (size_t)n), value, &len) != CKR_OK)
		return setup_fail("the token does not sign the protocol");
	if (bench_count(&b, role, span_of(digest, (size_t)n)) < 0)
		return setup_told(&b, -EIO);
	return protocol_close(c->p, role, span_of(value, len)) < 0
		       ? setup_fail("the protocol cannot be written")
		       : 0;
}

static const struct {
	const char *name;
	int min, max; /* arguments */
	int (*run)(struct step *c);
} STEPS[] = {
	{ "begin", 2, 32, step_begin },
	{ "keys", 0, 0, step_keys },
	{ "request", 1, 2, step_request },
	{ "note", 1, 1, step_note },
	{ "end", 1, 1, step_end },
	{ 0 },
};

static int run_step(struct step *c, int (*run)(struct step *c))
{
	int r;

	if (c->p->closed)
		return setup_fail("the ceremony has ended");
	if (setup_roles(c->s) < 0 || ownership_take(c->s->instance) < 0 ||
		token_environment(c->s->instance) < 0)
		return -EIO;
	if (run != step_note && setup_open(c->s) < 0)
		return -EIO;
	buf_init(&c->text, TEXT_MAX);
	r = run(c);
	if (r == 0 && c->text.len && protocol_add(c->p, c->text.data) < 0)
		r = setup_fail("the protocol cannot be written");
	buf_done(&c->text);
	if (r == 0)
		fprintf(stderr, "entry %u, chain %s\n", c->p->entries, c->p->chain);
	return r;
}

/* verify FILE.pem: offline, by the certificate that the role got */
static int verify(const struct protocol *p, const char *path)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	uint8_t digest[SIGNER_DIGEST_MAX];
	X509 *list[CHAIN_MAX + 1];
	int n = certificates_read(path, list, CHAIN_MAX + 1), len;
	bool good = false;

	if (n <= 0)
		return setup_fail("%s: no certificate", path);
	if (!p->closed)
		return setup_fail("the ceremony has not ended: there is no signature");
	len = protocol_digest(p, p->mechanism, digest);
	for (int i = 0; i < n; i++) {
		key = X509_get_pubkey(list[i]);
		good |= len > 0 && key && mechanism_fits(p->mechanism, key) &&
			mechanism_verify(p->mechanism, key, span_of(digest, (size_t)len),
				span_of(p->value, p->value_len));
		EVP_PKEY_free(TAKE(key));
		X509_free(list[i]);
	}
	if (!good)
		return setup_fail("the signature is not by that certificate");
	printf("good: %u entries, signed by the role %s\n", p->entries, p->role);
	return 0;
}

/* argv: ceremony FILE STEP ... */
int setup_ceremony(struct setup *s, int argc, char **argv)
{
	bool fresh = argc > 2 && strcmp(argv[2], "begin") == 0, check;
	struct protocol p;
	struct step c = { .s = s, .p = &p, .argc = argc - 3, .argv = argv + 3 };
	int r, i = 0;

	if (argc < 3)
		return SETUP_USAGE;
	check = strcmp(argv[2], "verify") == 0 && argc == 4;
	while (STEPS[i].name && strcmp(STEPS[i].name, argv[2]) != 0)
		i++;
	if (!check && (!STEPS[i].name || c.argc < STEPS[i].min || c.argc > STEPS[i].max))
		return SETUP_USAGE;
	r = protocol_open(argv[1], fresh, &p);
	if (r < 0) {
		setup_fail("%s: %s", argv[1],
			r == -EBADMSG ? "it is no protocol, or was altered"
				      : strerror(-r));
		return 1;
	}
	r = check ? verify(&p, argv[3]) : run_step(&c, STEPS[i].run);
	protocol_done(&p);
	return r < 0 ? 1 : 0;
}
