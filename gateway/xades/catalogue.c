/* SPDX-License-Identifier: EUPL-1.2 */
#include "xades/catalogue.h"

#include "common/clock.h"
#include "common/durable.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#define ROWS_MAX 64u
#define NAME_SIZE 16
#define CATALOGUE_MAX (256u * 1024)

/* The catalogue as it stands under policies/, so that a validator without an instance has
 * the same data as one with. */
__asm__(".section .rodata\n"
	"catalogue_text:\n"
	".incbin \"policies/signature/algorithms.cfg\"\n"
	".byte 0\n"
	"catalogue_text_end:\n"
	".previous\n");
extern const char catalogue_text[], catalogue_text_end[];

struct row {
	char name[NAME_SIZE];
	int bits; /* of a key */
	int64_t until;
};

static struct catalogue {
	struct row digests[ROWS_MAX], keys[ROWS_MAX], gate_digests[ROWS_MAX];
	size_t digest_count, key_count, gate_digest_count;
	int gate_rsa_bits, gate_ec_bits;
	bool digestinfo_without_null;
	bool loaded;
	char sha256[SHA256_TEXT_SIZE];
} catalogue;

static int read_until(const config_setting_t *s, int64_t *ret_until)
{
	char text[32];
	const char *day;

	*ret_until = INT64_MAX;
	if (!config_setting_get_member(s, "until"))
		return 0;
	if (!config_setting_lookup_string(s, "until", &day) || strlen(day) != 10)
		return -EINVAL;
	(void)snprintf(text, sizeof(text), "%sT00:00:00Z", day);
	return clock_parse(text, ret_until);
}

static int read_rows(const config_t *lib, const char *path, const char *key,
	struct row *rows, size_t *ret_count)
{
	const config_setting_t *list = config_lookup(lib, path);
	int n = list ? config_setting_length(list) : 0;

	if (n <= 0 || (size_t)n > ROWS_MAX)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		const config_setting_t *s =
			config_setting_get_elem(list, (unsigned int)i);
		const char *name;

		if (!config_setting_lookup_string(s, key, &name) ||
			strlen(name) >= NAME_SIZE || read_until(s, &rows[i].until) < 0)
			return -EINVAL;
		memcpy(rows[i].name, name, strlen(name) + 1);
		(void)config_setting_lookup_int(s, "bits", &rows[i].bits);
	}
	*ret_count = (size_t)n;
	return 0;
}

static int read_gate(const config_t *lib, struct catalogue *c)
{
	const config_setting_t *list = config_lookup(lib, "gate.digests");
	int n = list ? config_setting_length(list) : 0;

	if (n <= 0 || (size_t)n > ROWS_MAX ||
		!config_lookup_int(lib, "gate.rsa_bits", &c->gate_rsa_bits) ||
		!config_lookup_int(lib, "gate.ec_bits", &c->gate_ec_bits))
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		const char *name = config_setting_get_string_elem(list, i);

		if (!name || strlen(name) >= NAME_SIZE)
			return -EINVAL;
		memcpy(c->gate_digests[i].name, name, strlen(name) + 1);
	}
	c->gate_digest_count = (size_t)n;
	return 0;
}

static int read_all(const config_t *lib, struct catalogue *c)
{
	int without_null = 0;
	int r = read_rows(lib, "digests", "name", c->digests, &c->digest_count);

	if (r == 0)
		r = read_rows(lib, "keys", "algorithm", c->keys, &c->key_count);
	if (r == 0)
		r = read_gate(lib, c);
	(void)config_lookup_bool(lib, "digestinfo_without_null", &without_null);
	c->digestinfo_without_null = without_null;
	return r;
}

/* Read a catalogue whole or not at all. Return: 0, -EINVAL with *ret_line and *ret_why.
 */
static int take(const char *text, int *ret_line, const char **ret_why)
{
	static struct catalogue
		fresh; /* too large for a stack, and only used in set-up */
	config_t lib;
	int r = -EINVAL;

	fresh = (struct catalogue){ 0 };
	config_init(&lib);
	*ret_line = 0;
	*ret_why = "a list or a value is missing or wrong";
	if (strstr(text, "@include"))
		*ret_why = "@include is not allowed";
	else if (config_read_string(&lib, text) == CONFIG_TRUE)
		r = read_all(&lib, &fresh);
	else
		*ret_line = config_error_line(&lib);
	config_destroy(&lib);
	if (r == 0)
		r = digest_sha256_text(span_str(text), fresh.sha256);
	if (r == 0) {
		fresh.loaded = true;
		catalogue = fresh;
	}
	return r;
}

int catalogue_setup(void)
{
	const char *why;
	int line;

	return catalogue.loaded ? 0 : take(catalogue_text, &line, &why);
}

int xades_catalogue_load(const char *path, char **ret_error)
{
	_cleanup_(freep) uint8_t *text = NULL;
	const char *why = "cannot be read";
	size_t len;
	int line = 0, r = file_read(path, CATALOGUE_MAX, &text, &len);

	*ret_error = NULL;
	if (r == 0)
		r = strlen((const char *)text) == len
			    ? take((const char *)text, &line, &why)
			    : -EINVAL;
	if (r < 0 && asprintf(ret_error, "%s:%d: %s", path, line, why) < 0)
		*ret_error = NULL;
	return r;
}

const char *xades_policy_digest(void)
{
	return catalogue.sha256;
}

static const struct row *find(const struct row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

bool catalogue_digest(enum xades_profile profile, const char *name, int64_t at)
{
	const struct row *row;

	if (!name)
		return false;
	row = find(catalogue.digests, catalogue.digest_count, name);
	if (!row || at >= row->until)
		return false;
	return profile != XADES_GATE ||
	       find(catalogue.gate_digests, catalogue.gate_digest_count, name);
}

static const struct row *best_row(const char *algorithm, int bits)
{
	const struct row *best = NULL;

	for (size_t i = 0; i < catalogue.key_count; i++) {
		const struct row *row = &catalogue.keys[i];

		if (strcmp(row->name, algorithm) == 0 && row->bits <= bits &&
			(!best || row->bits > best->bits))
			best = row;
	}
	return best;
}

/* Admission takes RSA and EC keys of the sizes that its policy names, nothing else. */
static bool gate_takes(const struct pki_key_info *key)
{
	if (strcmp(key->algorithm, "EC") == 0)
		return key->bits >= catalogue.gate_ec_bits;
	return strncmp(key->algorithm, "RSA", 3) == 0 &&
	       key->bits >= catalogue.gate_rsa_bits;
}

bool catalogue_key(
	enum xades_profile profile, const struct pki_key_info *key, bool pss, int64_t at)
{
	const struct row *row;

	if (pss && strcmp(key->algorithm, "RSA") == 0)
		row = best_row("RSA-PSS", key->bits);
	else
		row = best_row(key->algorithm, key->bits);
	if (!row || at >= row->until)
		return false;
	return profile != XADES_GATE || gate_takes(key);
}

bool catalogue_strength(
	void *context, const char *digest, const struct pki_key_info *key, int64_t at)
{
	const enum xades_profile *profile = context;

	return (*digest == '\0' || catalogue_digest(*profile, digest, at)) &&
	       catalogue_key(*profile, key, false, at);
}

bool catalogue_digestinfo_without_null(enum xades_profile profile)
{
	return profile != XADES_GATE && catalogue.digestinfo_without_null;
}
