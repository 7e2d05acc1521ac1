/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/trusted_lists/trust_supply.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/instance.h"
#include "common/json.h"
#include "ctl/command.h"
#include "pki/crl.h"
#include "pki/material.h"
#include "trust/publish.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STATUS_MAX (4u * 1024 * 1024)

/* A path below the instance. Return: 0, or an exit status after a message. */
static int path_in_instance(const char *name, char ret[PATH_MAX])
{
	_cleanup_(freep) char *error = NULL;
	struct instance instance;
	int r = instance_open(NULL, &instance, &error);

	if (r < 0) {
		fprintf(stderr, "sealgate trust: %s\n", error ? error : strerror(-r));
		return EXIT_USAGE;
	}
	r = instance_path(&instance, name, ret);
	instance_done(&instance);
	return r < 0 ? EXIT_INTERNAL : 0;
}

static int say(const char *name, const struct publish_result *r)
{
	static const char *const WORDS[] = { [PUBLISH_UNDECIDED] = "failed",
		[PUBLISH_DONE] = "published",
		[PUBLISH_UNCHANGED] = "unchanged",
		[PUBLISH_REFUSED] = "refused" };
	_cleanup_json_ json_t *line = json_pack("{s:s,s:s,s:s,s:o,s:o}", "name", name,
		"result", WORDS[r->outcome], "reason", r->reason, "this_update",
		json_time(r->this_update), "next_update", json_time(r->next_update));

	if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		return EXIT_INTERNAL;
	return r->outcome == PUBLISH_REFUSED ? EXIT_NOT_PASSED : EXIT_CLEAN;
}

static int publish(const char *issuer, const char *name, const char *file)
{
	_cleanup_(pki_material_freep) struct pki_material *m = pki_material_new();
	_cleanup_(freep) char *error = NULL;
	_cleanup_(freep) uint8_t *data = NULL;
	struct publish_result result;
	char folder[PATH_MAX];
	size_t len;
	int r = path_in_instance("state/trust", folder);

	if (r != 0)
		return r;
	if (!m || pki_material_load(m, PKI_CERTIFICATES, issuer, &error) != 1)
		return command_fault("%s: %s", issuer,
			       error ? error : "one certificate is wanted"),
		       EXIT_USAGE;
	r = file_read(file, PKI_CRL_MAX, &data, &len);
	if (r < 0)
		return command_fault("%s: %s", file, strerror(-r)), EXIT_USAGE;
	r = trust_publish_crl(folder, name, span_of(data, len),
		sk_X509_value(m->certificates, 0), clock_now(), &result);
	if (r < 0) {
		fprintf(stderr, "sealgate trust publish: %s: %s\n", folder, strerror(-r));
		return EXIT_INTERNAL;
	}
	return say(name, &result);
}

/* What becomes the name of a file. */
static bool is_name(const char *text)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
				      "XYZ0123456789-_.";

	return *text && *text != '.' && strlen(text) < 64 &&
	       strspn(text, LETTERS) == strlen(text);
}

int trust_publish(int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "issuer", required_argument, NULL, 'i' },
		{ 0 },
	};
	const char *issuer = NULL;
	int option;

	while ((option = command_option(argc, argv, "", OPTIONS)) == 'i')
		issuer = optarg;
	if (option != -1 || command_arguments(argc, argv, 2, 2, "NAME and FILE") < 0)
		return command_usage("trust");
	if (!issuer || !is_name(argv[optind])) {
		command_fault("%s", issuer ? "NAME is letters, digits, '-', '_' and '.'"
					   : "--issuer is missing");
		return command_usage("trust");
	}
	return publish(issuer, argv[optind], argv[optind + 1]);
}

static bool is_good(const json_t *source, int64_t now)
{
	const char *next = json_string_of(source, "next_update");
	int64_t until;

	return json_integer_value(json_object_get(source, "failures")) == 0 && next &&
	       clock_parse(next, &until) == 0 && until > now;
}

static int print_sources(const json_t *all)
{
	int64_t now = clock_now();
	int status = EXIT_CLEAN;
	const json_t *source;
	size_t i;

	json_array_foreach(all, i, source)
	{
		if (json_dumpf(source, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
			return EXIT_INTERNAL;
		if (!is_good(source, now))
			status = EXIT_NOT_PASSED;
	}
	return status;
}

int trust_supply(int argc, char **argv)
{
	static const struct option OPTIONS[] = { { 0 } };
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_json_ json_t *all = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	if (command_option(argc, argv, "", OPTIONS) != -1 ||
		command_arguments(argc, argv, 0, 0, "") < 0)
		return command_usage("trust");
	r = path_in_instance("state/trust/supply.json", path);
	if (r != 0)
		return r;
	r = file_read(path, STATUS_MAX, &data, &len);
	if (r == -ENOENT) {
		fputs("sealgate trust supply: nothing was fetched yet (policies/trust/"
		      "sources.cfg, sealgate-trustd(8))\n",
			stderr);
		return EXIT_NOT_PASSED;
	}
	all = r == 0 ? json_read(span_of(data, len), STATUS_MAX) : NULL;
	if (!json_is_array(all)) {
		fprintf(stderr, "sealgate trust supply: %s cannot be read\n", path);
		return EXIT_INTERNAL;
	}
	return print_sources(all);
}
