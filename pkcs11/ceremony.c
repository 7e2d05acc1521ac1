/* SPDX-License-Identifier: EUPL-1.2 */
#include "pkcs11/ceremony.h"

#include "common/durable.h"
#include "common/json.h"
#include "common/log.h"
#include "pkcs11/mechanism.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define MODULE_MAX (64u * 1024 * 1024)
#define TEXT_MAX 65536

static const char *config_of(const struct ceremony *c, const char *key)
{
	return config_string(c->bench->instance->config, key);
}

/* A line of what is written down. */
static void add_line(struct buf *b, const char *what, const char *text)
{
	buf_addf(b, "%s%s%s", b->len ? "\n" : "", what, text);
}

static void add_digest(struct buf *b, const char *what, struct span octets)
{
	char hex[SHA256_TEXT_SIZE];

	if (digest_sha256_text(octets, hex) == 0)
		buf_addf(b, "\n%s SHA-256 %s", what, hex);
}

/* Octets of characters that other text is read differently by: controls, ends of lines
 * that are none here, and what turns its direction. */
static size_t treacherous(const unsigned char *p)
{
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) /* U+0080 to U+009F */
		return 2;
	if (p[0] == 0xd8 && p[1] == 0x9c) /* U+061C */
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 &&
		(p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3; /* U+200E, U+200F, U+2028 to U+202E */
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)
		return 3; /* U+2066 to U+2069 */
	return 0;
}

/* Only what is written here, so that no name or note looks like an entry, or hides one on
 * a terminal or in print. */
static bool is_clean(const char *text, const char *but)
{
	const unsigned char *p = (const unsigned char *)text;
	_cleanup_json_ json_t *utf8 = json_string(text);

	if (!utf8)
		return false;
	for (; *p; p++)
		if ((*p < ' ' && !strchr(but, *p)) || *p == 0x7f || treacherous(p))
			return false;
	return true;
}

static int cannot_write(const struct ceremony *c, int error)
{
	return bench_fail(c->bench, "the protocol cannot be written: %s",
		error == -EFBIG ? "it is full, and nothing but its end fits"
				: strerror(-error));
}

/* By whom it is done, and what was there before it. */
static int add_circumstances(const struct ceremony *c, struct buf *text)
{
	const char *by = c->by ? c->by : "", *after = c->after ? c->after : "";

	if (!is_clean(by, "") || !is_clean(after, ""))
		return bench_fail(c->bench, "a person's name has control characters");
	if (*by)
		add_line(text, "from afar, by ", by);
	if (*after)
		add_line(text, "as asked for first by ", after);
	if (c->protocol->cut)
		buf_addf(text,
			"\n%zu octets of an entry that broke off before were removed",
			c->protocol->cut);
	return text->error ? cannot_write(c, text->error) : 0;
}

static int write_down(const struct ceremony *c, struct buf *text)
{
	int r = add_circumstances(c, text);

	if (r < 0)
		return r;
	r = protocol_add(c->protocol, text->data);
	return r < 0 ? cannot_write(c, r) : 0;
}

/* PKCS#11 texts are padded with blanks. */
static void add_padded(
	struct buf *b, const char *what, const CK_UTF8CHAR *text, size_t len)
{
	while (len && text[len - 1] == ' ')
		len--;
	buf_addf(b, "\n%s %.*s", what, (int)len, (const char *)text);
}

static int describe_token(const struct ceremony *c, struct buf *text)
{
	const struct module *m = c->bench->place.module;
	CK_SLOT_ID slot = PKCS11_get_slotid_from_slot(c->bench->place.slot);
	CK_TOKEN_INFO t;
	CK_RV rv = m->f->C_GetTokenInfo(slot, &t);

	if (rv != CKR_OK)
		return bench_fail_rv(c->bench, "C_GetTokenInfo", rv);
	add_padded(text, "token", t.label, sizeof(t.label));
	add_padded(text, "manufacturer", t.manufacturerID, sizeof(t.manufacturerID));
	add_padded(text, "model", t.model, sizeof(t.model));
	add_padded(text, "serial number", t.serialNumber, sizeof(t.serialNumber));
	buf_addf(text, "\nfirmware %u.%u\n%s", t.firmwareVersion.major,
		t.firmwareVersion.minor,
		module_is_software(m, slot) ? "a software token" : "a hardware token");
	return 0;
}

int ceremony_begin(const struct ceremony *c, const char *const *witnesses, size_t count)
{
	const char *module = config_of(c, "signer.module");
	_cleanup_(freep) uint8_t *octets = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	size_t len;
	int r;

	if (count < CEREMONY_WITNESSES_MIN || count > CEREMONY_WITNESSES_MAX)
		return bench_fail(c->bench, "there are %d to %d witnesses",
			CEREMONY_WITNESSES_MIN, CEREMONY_WITNESSES_MAX);
	buf_init(&text, TEXT_MAX);
	buf_addf(&text, "key ceremony of the instance %s%s",
		config_of(c, "instance.name"),
		config_bool(c->bench->instance->config, "instance.test") ? " (TEST)"
									 : "");
	for (size_t i = 0; i < count; i++) {
		if (!*witnesses[i] || !is_clean(witnesses[i], ""))
			return bench_fail(c->bench, "a witness has a name, in one line");
		add_line(&text, "witness ", witnesses[i]);
	}
	r = file_read(module, MODULE_MAX, &octets, &len);
	if (r < 0)
		return bench_fail(c->bench, "%s: %s", module, strerror(-r));
	add_digest(&text, module, span_of(octets, len));
	r = describe_token(c, &text);
	return r < 0 ? r : write_down(c, &text);
}

static int describe_key(
	const struct ceremony *c, const struct role *role, struct buf *text)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	char why[KEY_TEXT_SIZE], sha256[SHA256_TEXT_SIZE];
	CK_OBJECT_HANDLE handle;

	if (key_find(&c->bench->place, role, &handle, why) < 0)
		return bench_fail(c->bench, "role %s: %s", role->name, why);
	key = bench_public_key(c->bench, role, sha256);
	if (!key)
		return -EIO;
	buf_addf(text,
		"%skey of the role %s: label %s, %s, made on the token, sensitive, not "
		"extractable\nits public key SHA-256 %s",
		text->len ? "\n" : "", role->name, role->label, role->key->name, sha256);
	return 0;
}

int ceremony_keys(const struct ceremony *c)
{
	const struct roles *roles = c->bench->roles;
	_cleanup_buf_ struct buf text = { 0 };
	int r = bench_keys(c->bench, NULL);

	buf_init(&text, TEXT_MAX);
	for (size_t i = 0; r == 0 && i < roles->count; i++)
		r = describe_key(c, &roles->list[i], &text);
	return r < 0 ? r : write_down(c, &text);
}

int ceremony_request(
	const struct ceremony *c, const struct role *role, const char *subject)
{
	_cleanup_buf_ struct buf text = { 0 };
	int r;

	if (subject && !is_clean(subject, ""))
		return bench_fail(c->bench, "a subject has no control characters");
	r = bench_request(c->bench, role, subject);
	if (r < 0)
		return r;
	buf_init(&text, TEXT_MAX);
	buf_addf(&text, "certificate request of the role %s, subject %s", role->name,
		subject ? subject : "as the instance has it");
	add_digest(&text, "the request (PEM)", buf_span(&c->bench->said));
	return write_down(c, &text);
}

/* Each line is marked: no note reads as a line that is written here. */
static void add_note(struct buf *b, const char *note)
{
	for (size_t len; *note; note += len + (note[len] == '\n')) {
		len = strcspn(note, "\n");
		buf_addf(b, "%snote: %.*s", b->len ? "\n" : "", (int)len, note);
	}
}

int ceremony_note(const struct ceremony *c, const char *note)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (!*note || !is_clean(note, "\n"))
		return bench_fail(c->bench, "a note is text, without control characters");
	buf_init(&text, TEXT_MAX);
	add_note(&text, note);
	return write_down(c, &text);
}

/* Return: the length of what was signed into digest, or negative after a line. */
static int sign(const struct ceremony *c, const struct role *role, CK_OBJECT_HANDLE key,
	uint8_t ret_value[SIGNER_VALUE_MAX], size_t *ret_len)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *public = NULL;
	const struct key_place *at = &c->bench->place;
	uint8_t digest[SIGNER_DIGEST_MAX];
	int n = protocol_digest(c->protocol, role->mechanism, digest);
	struct span signed_octets = span_of(digest, n < 0 ? 0 : (size_t)n);
	CK_RV rv;

	if (n < 0)
		return bench_fail(c->bench, "the protocol cannot be hashed");
	rv = mechanism_sign(at->module->f, at->session, key, role->mechanism,
		signed_octets, ret_value, ret_len);
	if (rv != CKR_OK)
		return bench_fail_rv(c->bench, "C_Sign", rv);
	if (bench_count(c->bench, role, signed_octets) < 0)
		return -EIO;
	public = bench_public_key(c->bench, role, NULL);
	if (!public)
		return -EIO;
	return mechanism_verify(role->mechanism, public, signed_octets,
		       span_of(ret_value, *ret_len))
		       ? 0
		       : bench_fail(c->bench, "the token's signature does not verify");
}

int ceremony_end(const struct ceremony *c, const struct role *role)
{
	_cleanup_buf_ struct buf text = { 0 };
	uint8_t value[SIGNER_VALUE_MAX];
	char why[KEY_TEXT_SIZE];
	CK_OBJECT_HANDLE key;
	size_t len = 0;
	int r;

	if (key_find(&c->bench->place, role, &key, why) < 0)
		return bench_fail(c->bench, "role %s: %s", role->name, why);
	buf_init(&text, TEXT_MAX);
	buf_addf(&text, PROTOCOL_END "%s", role->name);
	r = add_circumstances(c, &text);
	if (r < 0)
		return r;
	r = protocol_add_end(c->protocol, text.data);
	if (r < 0)
		return cannot_write(c, r);
	r = sign(c, role, key, value, &len);
	if (r < 0)
		return r;
	r = protocol_close(c->protocol, role, span_of(value, len));
	return r < 0 ? cannot_write(c, r) : 0;
}

/* What was to be the first entry never was: it goes with its file. */
static void forget(const char *path)
{
	struct protocol p;

	if (protocol_open(path, PROTOCOL_BEGIN, &p) < 0)
		return;
	p.cut = 0;
	protocol_done(&p);
}

static void mend(const char *path, const char *name)
{
	struct protocol p;
	char text[128];
	size_t cut;
	int r = protocol_open(path, PROTOCOL_GO_ON, &p);

	if (r == -ENOENT)
		forget(path);
	if (r < 0)
		return;
	cut = p.cut;
	if (cut) {
		(void)snprintf(text, sizeof(text),
			"the signer has started\n%zu octets of an entry that broke off "
			"before were removed",
			cut);
		r = protocol_add(&p, text);
	}
	protocol_done(&p);
	if (cut)
		log_event(LOG_WARNING, "signer.ceremony-torn", NULL, "ceremony %s: %s",
			name,
			r < 0 ? "its protocol ends with a step that broke off"
			      : "what a step that broke off left behind was removed");
}

void ceremony_mend_all(const struct instance *instance)
{
	char folder[PATH_MAX], path[PATH_MAX], name[SIGNER_CEREMONY_SIZE];
	const struct dirent *e;
	DIR *d;

	if (instance_path(instance, CEREMONY_FOLDER, folder) < 0)
		return;
	d = opendir(folder);
	while (d && (e = readdir(d)) != NULL) {
		size_t len = strcspn(e->d_name, ".");

		if (strcmp(e->d_name + len, ".txt") != 0 || len >= sizeof(name))
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, e->d_name);
		if (ceremony_path(instance, name, path) == 0)
			mend(path, name);
	}
	if (d)
		(void)closedir(d);
}

int ceremony_path(
	const struct instance *instance, const char *name, char ret_path[PATH_MAX])
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
				      "XYZ0123456789-_";
	char file[sizeof(CEREMONY_FOLDER) + SIGNER_CEREMONY_SIZE + 8];
	size_t len = strlen(name);

	if (len == 0 || len >= SIGNER_CEREMONY_SIZE || strspn(name, LETTERS) != len ||
		*name == '-' || *name == '_')
		return -EINVAL;
	(void)snprintf(file, sizeof(file), CEREMONY_FOLDER "/%s.txt", name);
	return instance_path(instance, file, ret_path);
}
