/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/appliance/cmd_quote.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/instance.h"
#include "ctl/appliance/appliance.h"
#include "ctl/appliance/quote.h"
#include "ctl/appliance/quote_against.h"
#include "ctl/appliance/tpm.h"
#include "ctl/command.h"
#include "ctl/instance/unit_note.h"
#include "web/remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define UNIT "appliance-quote@%s.service"
#define HANDED APPLIANCE_HANDOVER "/quote-%s"
#define NONCE_TEXT_SIZE (2 * ATTEST_NONCE_MOST + 1)

struct nonce {
	uint8_t octets[ATTEST_NONCE_MOST];
	size_t len;
	char text[NONCE_TEXT_SIZE]; /* lower-case */
};

bool quote_verb(const char *verb)
{
	return strcmp(verb, "quote") == 0 || strcmp(verb, "attest") == 0 ||
	       strcmp(verb, "quote-check") == 0;
}

static int parse_nonce(const char *text, struct nonce *ret)
{
	size_t len = text ? strlen(text) : 0;

	if (len % 2 != 0 || len < 2 * (size_t)ATTEST_NONCE_LEAST ||
		len > 2 * (size_t)ATTEST_NONCE_MOST ||
		hex_decode(text, ret->octets, len / 2) < 0)
		return command_fault("--nonce is from %u to %u octets in hexadecimal, "
				     "made anew for each quote",
			ATTEST_NONCE_LEAST, ATTEST_NONCE_MOST);
	ret->len = len / 2;
	hex_encode(ret->octets, ret->len, ret->text);
	return 0;
}

static const char *refusal(int r)
{
	switch (r) {
	case -ENOENT:
	case -ENXIO:
		return "this machine has no TPM (" TPM_DEVICE ")";
	case -EACCES:
		return "whoever asks may not speak to the TPM (" TPM_DEVICE ")";
	case -EPERM:
		return "the endorsement hierarchy of the TPM has a password";
	case -EAGAIN:
		return "the registers change: the machine is not ready";
	case -EPROTO:
		return "the TPM has no registers of SHA-256, or no such key";
	default:
		return strerror(-r);
	}
}

/* A quote, or {"refused": why}. Return: NULL when memory ran out. */
static json_t *made(const struct nonce *n)
{
	_cleanup_(closep) int tpm = tpm_open(TPM_DEVICE);
	json_t *quote = NULL;
	int r = tpm < 0 ? tpm : quote_make(tpm, span_of(n->octets, n->len), &quote);

	return r < 0 ? json_pack("{s:s}", "refused", refusal(r)) : quote;
}

/* The unit has the TPM, and nothing else. */
static json_t *made_by_unit(const struct nonce *n)
{
	_cleanup_(freep) uint8_t *text = NULL;
	char unit[NONCE_TEXT_SIZE + 32], path[NONCE_TEXT_SIZE + 64];
	size_t len = 0;
	json_t *quote = NULL;
	int r;

	(void)snprintf(unit, sizeof(unit), UNIT, n->text);
	(void)snprintf(path, sizeof(path), HANDED, n->text);
	r = appliance_start(unit, true);
	if (r == 0)
		r = file_read(path, QUOTE_MAX, &text, &len);
	if (r == 0)
		quote = json_read(span_of(text, len), QUOTE_MAX);
	(void)unlink(path);
	return quote ? quote
		     : json_pack("{s:s}", "refused",
			       r < 0 ? strerror(-r) : "the unit has made none");
}

/* In the audit chain: who had which key sign, over what. */
static void note(const struct nonce *n, const json_t *quote)
{
	_cleanup_(freep) char *error = NULL;
	const char *person = getenv(REMOTE_PERSON);
	struct instance i;

	if (instance_open(APPLIANCE_INSTANCE, &i, &error) < 0)
		return;
	unit_note(&i, "operate", "machine.quote",
		json_pack("{s:s, s:O, s:s}", "nonce", n->text, "key_sha256",
			json_object_get(quote, "key_sha256"), "person",
			person ? person : ""));
	instance_done(&i);
}

static int print(const json_t *value)
{
	int r = value ? json_dumpf(value, stdout, JSON_INDENT(1)) : -1;

	return r == 0 && putchar('\n') != EOF ? EXIT_CLEAN : EXIT_INTERNAL;
}

static int quote(const struct nonce *n)
{
	bool units = appliance_has_units();
	_cleanup_json_ json_t *q = units ? made_by_unit(n) : made(n);
	const char *refused = json_string_of(q, "refused");

	if (refused) {
		command_fault("%s", refused);
		return EXIT_NOT_PASSED;
	}
	if (q && units)
		note(n, q);
	return print(q);
}

static int run_quote(int argc, char **argv)
{
	static const struct option options[] = {
		{ "nonce", required_argument, NULL, 'n' }, { 0 }
	};
	const char *text = NULL;
	struct nonce n = { 0 };
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1) {
		if (c != 'n')
			return command_usage("appliance");
		text = optarg;
	}
	if (command_arguments(argc, argv, 0, 0, "") < 0 || parse_nonce(text, &n) < 0)
		return command_usage("appliance");
	return quote(&n);
}

/* In the unit, whose output is handed over. */
static int run_attest(int argc, char **argv)
{
	_cleanup_json_ json_t *q = NULL;
	struct nonce n = { 0 };

	if (argc != 2 || parse_nonce(argv[1], &n) < 0)
		return command_usage("appliance");
	q = made(&n);
	return print(q);
}

static int run_check(int argc, char **argv)
{
	static const struct option options[] = { { "nonce", required_argument, NULL,
							 'n' },
		{ "ak", required_argument, NULL, 'k' },
		{ "manifest", required_argument, NULL, 'm' },
		{ "anchor", required_argument, NULL, 'a' },
		{ "measurements", required_argument, NULL, 'p' },
		{ "format", required_argument, NULL, 'f' }, { 0 } };
	struct quote_against against = { 0 };
	const char *text = NULL;
	struct nonce n = { 0 };
	bool json = false;
	int c;

	while ((c = command_option(argc, argv, "", options)) != -1)
		switch (c) {
		case 'n':
			text = optarg;
			break;
		case 'k':
			against.key = optarg;
			break;
		case 'm':
			against.folder = optarg;
			break;
		case 'a':
			against.anchor = optarg;
			break;
		case 'p':
			against.measurements = optarg;
			break;
		default:
			if (c != 'f' || command_format(optarg, &json) < 0)
				return command_usage("appliance");
		}
	if (command_arguments(argc, argv, 1, 1, "FILE") < 0 ||
		parse_nonce(text, &n) < 0 || quote_against_complete(&against) < 0)
		return command_usage("appliance");
	against.nonce = span_of(n.octets, n.len);
	return quote_check(argv[optind], &against, json);
}

int cmd_quote(int argc, char **argv)
{
	if (strcmp(argv[0], "quote") == 0)
		return run_quote(argc, argv);
	return strcmp(argv[0], "attest") == 0 ? run_attest(argc, argv)
					      : run_check(argc, argv);
}
