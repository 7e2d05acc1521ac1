/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/quote_against.h"

#include "common/durable.h"
#include "ctl/appliance/manifest.h"
#include "ctl/appliance/quote.h"
#include "ctl/command.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define STATEMENT_MAX 65536u
#define STATEMENT_FORMAT "sealgate-measurements 1"
#define KEY_MAX 65536u
#define BY_DIGEST "sha256:"

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)

int quote_against_complete(const struct quote_against *a)
{
	if (!a->key)
		return command_fault(
			"--ak is missing: the key of this machine, as it was "
			"noted when that was installed");
	if (!a->folder && !a->measurements)
		return command_fault("--manifest is missing");
	if (!a->folder != !a->anchor)
		return command_fault(
			"--manifest and --anchor go together: whose list that is");
	return 0;
}

/* What was wrong with a file; the caller ends. */
static int fault(const char *path, const char *what)
{
	command_fault("%s: %s", path, what);
	return -EINVAL;
}

static int key_of_file(const char *path, char ret[SHA256_TEXT_SIZE])
{
	_cleanup_(freep) uint8_t *pem = NULL, *der = NULL;
	_cleanup_(BIO_free_allp) BIO *in = NULL;
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	size_t len = 0;
	int n, r = file_read(path, KEY_MAX, &pem, &len);

	if (r < 0)
		return fault(path, strerror(-r));
	in = BIO_new_mem_buf(pem, (int)len);
	key = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	n = key ? i2d_PUBKEY(key, &der) : 0;
	if (n <= 0 || digest_sha256_text(span_of(der, (size_t)n), ret) < 0)
		return fault(path, "is no public key");
	return 0;
}

static int key_of(const char *named, char ret[SHA256_TEXT_SIZE])
{
	size_t n = strlen(BY_DIGEST);

	if (strncmp(named, BY_DIGEST, n) != 0)
		return key_of_file(named, ret);
	if (strlen(named + n) != SHA256_TEXT_SIZE - 1 ||
		strspn(named + n, "0123456789abcdef") != SHA256_TEXT_SIZE - 1)
		return fault(named, "is no SHA-256 in lower case");
	memcpy(ret, named + n, SHA256_TEXT_SIZE);
	return 0;
}

/* Return: the statement, or NULL after saying why it is none. */
static json_t *statement_of(const char *path, struct span text)
{
	_cleanup_json_ json_t *all = json_read(text, STATEMENT_MAX);
	const char *format = json_string_of(all, "format"),
		   *bank = json_string_of(all, "bank");

	if (format && strcmp(format, STATEMENT_FORMAT) == 0 && bank &&
		strcmp(bank, "sha256") == 0 && json_string_of(all, "version") &&
		json_is_object(json_object_get(all, "pcrs")))
		return TAKE(all);
	fault(path, "is no statement about registers");
	return NULL;
}

/* As an image is handed on, and as an update is. */
static const struct {
	const char *kind, *name;
} RELEASES[] = { { "release", "sealgate-" }, { "update", "sealgate_" } };

static json_t *signed_statement(const struct quote_against *a)
{
	_cleanup_(freep) char *error = NULL;
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_(manifest_done) struct manifest m = { 0 };
	char name[128] = "";
	size_t len = 0;
	int r = -EINVAL;

	for (size_t i = 0; i < sizeof(RELEASES) / sizeof(RELEASES[0]) && r == -EINVAL;
		i++) {
		freep(&error);
		error = NULL;
		r = manifest_open(a->folder, RELEASES[i].kind, a->anchor, &m, &error);
		if (r == 0)
			(void)snprintf(name, sizeof(name), "%s%s.pcrs.json",
				RELEASES[i].name, m.serial);
	}
	if (r < 0) {
		fault(error ? error : a->folder, "it proves nothing");
		return NULL;
	}
	r = -ENOENT;
	for (size_t i = 0; i < m.count && r == -ENOENT; i++)
		if (strcmp(m.files[i].path, name) == 0)
			r = manifest_read(&m, &m.files[i], STATEMENT_MAX, &text, &len);
	if (r < 0) {
		fault(name, r == -EBADMSG ? "is not what was signed" : strerror(-r));
		return NULL;
	}
	return statement_of(name, span_of(text, len));
}

static json_t *own_statement(const char *path)
{
	_cleanup_(freep) uint8_t *text = NULL;
	size_t len = 0;
	int r = file_read(path, STATEMENT_MAX, &text, &len);

	if (r < 0) {
		fault(path, strerror(-r));
		return NULL;
	}
	return statement_of(path, span_of(text, len));
}

/* What is enrolled in a machine, and on its disk, is its operator's to predict; what the
 * image is, the release's alone. Return: NULL after saying why. */
static json_t *statement(const struct quote_against *a)
{
	static const char *const OWN[] = { "4", "7" };
	_cleanup_json_ json_t *signed_one = a->folder ? signed_statement(a) : NULL;
	_cleanup_json_ json_t *own = NULL;

	if (a->folder && !signed_one)
		return NULL;
	if (!a->measurements)
		return TAKE(signed_one);
	own = own_statement(a->measurements);
	if (!own || !signed_one)
		return TAKE(own);
	for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++) {
		json_t *pcr = json_object_get(json_object_get(own, "pcrs"), OWN[i]);

		if (pcr)
			json_object_set(json_object_get(signed_one, "pcrs"), OWN[i], pcr);
	}
	return TAKE(signed_one);
}

static void print_text(const json_t *result)
{
	json_t *pcrs = json_object_get(result, "pcrs"), *pcr, *reason;
	const char *number;
	size_t i;

	puts(json_is_true(json_object_get(result, "ok")) ? "proven" : "refused");
	json_array_foreach(json_object_get(result, "reasons"), i, reason)
		printf("  %s\n", json_string_value(reason));
	json_object_foreach(pcrs, number, pcr) printf("PCR %-2s %s %s\n", number,
		json_string_of(pcr, "value"),
		!json_string_of(pcr, "predicted")	     ? "not predicted"
		: json_is_true(json_object_get(pcr, "same")) ? "as predicted"
							     : "NOT as predicted");
}

int quote_check(const char *path, const struct quote_against *a, bool json)
{
	_cleanup_(freep) uint8_t *text = NULL;
	_cleanup_json_ json_t *quote = NULL, *said = NULL, *result = NULL;
	char key[SHA256_TEXT_SIZE];
	size_t len = 0;
	int r = file_read(path, QUOTE_MAX, &text, &len);

	if (r < 0) {
		fault(path, strerror(-r));
		return EXIT_USAGE;
	}
	said = statement(a);
	if (!said || key_of(a->key, key) < 0)
		return EXIT_USAGE;
	quote = json_read(span_of(text, len), QUOTE_MAX);
	result = quote_judge(quote, a->nonce, key, json_object_get(said, "pcrs"));
	if (!result)
		return EXIT_INTERNAL;
	json_object_set_new(result, "file", json_text(path));
	json_object_set(result, "version", json_object_get(said, "version"));
	if (json)
		(void)(json_dumpf(result, stdout, JSON_COMPACT) == 0 && putchar('\n'));
	else
		print_text(result);
	return json_is_true(json_object_get(result, "ok")) ? EXIT_CLEAN : EXIT_NOT_PASSED;
}
