/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/evidence_augment.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/limits.h"
#include "ctl/command.h"
#include "ctl/partner/tsa_query.h"
#include "evidence/augment.h"
#include "xades/validate.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct augmentation {
	struct pki_material *material;
	bool archive; /* to LTA, else to LT */
	const char *tsa, *in, *out;
	int64_t at;
};

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "sealgate evidence augment: %s: %s\n", what, why);
	return -1;
}

static int load(struct augmentation *a, enum pki_kind kind, const char *path)
{
	_cleanup_(freep) char *error = NULL;

	if (pki_material_load(a->material, kind, path, &error) >= 0)
		return 0;
	return complain(path, error ? error : "cannot be read");
}

static int read_level(struct augmentation *a, const char *level)
{
	a->archive = strcmp(level, "LTA") == 0;
	return a->archive || strcmp(level, "LT") == 0
		       ? 0
		       : complain(level, "the level is LT or LTA");
}

static int read_option(struct augmentation *a, int option, const char *value)
{
	switch (option) {
	case 'a':
		return load(a, PKI_ANCHORS, value);
	case 'r':
		return load(a, PKI_REVOCATION, value);
	case 'l':
		return read_level(a, value);
	case 't':
		a->tsa = value;
		return 0;
	case 'i':
		return clock_parse(value, &a->at) == 0
			       ? 0
			       : complain(value, "a time is written as RFC 3339 has it");
	case 'o':
		a->out = value;
		return 0;
	default:
		return -1;
	}
}

static int read_options(struct augmentation *a, int argc, char **argv)
{
	static const struct option OPTIONS[] = {
		{ "anchors", required_argument, NULL, 'a' },
		{ "revocation", required_argument, NULL, 'r' },
		{ "to", required_argument, NULL, 'l' },
		{ "tsa", required_argument, NULL, 't' },
		{ "at", required_argument, NULL, 'i' },
		{ 0 },
	};
	int option;

	optind = 1;
	while ((option = command_option(argc, argv, "o:", OPTIONS)) != -1)
		if (read_option(a, option, optarg) < 0)
			return -1;
	if (!a->out)
		return command_fault("-o is missing");
	if (command_arguments(argc, argv, 1, 1, "FILE.asice") < 0)
		return -1;
	a->in = argv[optind];
	return a->archive && !a->tsa ? complain("LTA", "needs --tsa") : 0;
}

static int add_archive(struct augmentation *a, const struct evidence_augment_plan *plan,
	struct buf *ret, char **ret_reason)
{
	_cleanup_(evidence_archive_freep) struct evidence_archive *archive = NULL;
	_cleanup_(freep) uint8_t *token = NULL;
	_cleanup_buf_ struct buf octets;
	size_t len;
	int r;

	buf_init(&octets, 2 * LIMIT_CONTAINER);
	r = evidence_archive_prepare(plan, &archive, &octets, ret_reason);
	if (r <= 0)
		return r;
	if (tsa_query(a->tsa, buf_span(&octets), &token, &len, ret_reason) < 0)
		return *ret_reason ? 0 : -EIO;
	return evidence_archive_finish(
		archive, span_of(token, len), clock_now(), ret, ret_reason);
}

static int augment(struct augmentation *a)
{
	_cleanup_(freep) char *reason = NULL;
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_buf_ struct buf out;
	struct evidence_augment_plan plan = { .material = a->material, .at = a->at };
	size_t len;
	int r = file_read(a->in, LIMIT_CONTAINER, &data, &len);

	buf_init(&out, LIMIT_CONTAINER);
	if (r < 0) {
		complain(a->in, strerror(-r));
		return EXIT_USAGE;
	}
	plan.container = span_of(data, len);
	r = a->archive ? add_archive(a, &plan, &out, &reason)
		       : evidence_add_validation_data(&plan, &out, &reason);
	if (r > 0)
		r = durable_write(a->out, buf_span(&out), 0644) < 0 ? -EIO : 1;
	if (r > 0)
		return 0;
	complain(a->in, reason ? reason : strerror(-r));
	return r == 0 ? EXIT_NOT_PASSED : EXIT_INTERNAL;
}

int evidence_augment(int argc, char **argv)
{
	struct augmentation a = { .material = pki_material_new(), .at = clock_now() };
	int status = EXIT_USAGE;

	if (!a.material || xades_setup() < 0)
		return EXIT_INTERNAL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (read_options(&a, argc, argv) == 0)
		status = augment(&a);
	curl_global_cleanup();
	pki_material_free(a.material);
	return status;
}
