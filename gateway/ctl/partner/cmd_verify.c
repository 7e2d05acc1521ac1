/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/durable.h"
#include "common/json.h"
#include "common/limits.h"
#include "ctl/command.h"
#include "ctl/partner/verify_options.h"
#include "pki/certificate.h"
#include "trust/qualify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Larger than a document, so that the reader names the limit and not this command. */
#define FILE_MAX (64u * 1024 * 1024)

static json_t *report_json(
	const char *path, const struct verify_options *o, const struct xades_report *r)
{
	char at[CLOCK_TEXT_SIZE];

	clock_format(o->validation.at, at);
	return json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "file", json_text(path),
		"indication", xades_indication_text(r->indication), "sub_indication",
		r->sub_indication, "profile",
		o->validation.profile == XADES_GATE ? "gate" : "eidas", "at", at,
		"policy_digest", xades_policy_digest(), "store_version",
		json_text(*o->store_version ? o->store_version : NULL), "signatures",
		xades_signatures_to_json(r), "findings", findings_to_json(&r->findings));
}

static void print_text(const char *path, const struct xades_report *r)
{
	printf("%s: %s %s\n", path, xades_indication_text(r->indication),
		r->sub_indication);
	for (size_t i = 0; i < r->count; i++) {
		const struct xades_signature *s = &r->signatures[i];
		_cleanup_(freep) char *subject =
			s->signer ? pki_name_text(X509_get_subject_name(s->signer))
				  : NULL;

		printf("  signature %zu (%s%s%s, %s, %s): %s %s\n    signer: %s\n", i + 1,
			s->file ? s->file : "", s->file ? ", " : "",
			s->counter ? "counter" : "main", s->level, s->scope,
			xades_indication_text(s->indication), s->sub_indication,
			subject ? subject : "not identified");
		for (size_t t = 0; t < s->timestamp_count; t++)
			printf("    %s: %s %s\n", s->timestamps[t].type,
				s->timestamps[t].indication,
				s->timestamps[t].sub_indication);
	}
	for (size_t i = 0; i < r->findings.count; i++) {
		const struct finding *f = &r->findings.list[i];

		printf("  %s at %s: %s\n", f->reason->code, *f->where ? f->where : "/",
			f->message);
	}
}

static int print_json(
	const char *path, const struct verify_options *o, const struct xades_report *r)
{
	_cleanup_json_ json_t *json = report_json(path, o, r);
	_cleanup_(freep) char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

	if (!line)
		return -1;
	puts(line);
	return 0;
}

static int print_etsi(const struct verify_options *o, const struct xades_report *r)
{
	_cleanup_buf_ struct buf out = { 0 };

	buf_init(&out, LIMIT_REPORT);
	if (xades_report_to_etsi(r, o->validation.at, &out) < 0)
		return -1;
	puts(out.data);
	return 0;
}

static int print(
	const char *path, const struct verify_options *o, const struct xades_report *r)
{
	switch (o->format) {
	case VERIFY_TEXT:
		print_text(path, r);
		return 0;
	case VERIFY_ETSI:
		return print_etsi(o, r);
	case VERIFY_JSON:
	default:
		return print_json(path, o, r);
	}
}

static int verify_file(const char *path, const struct verify_options *o)
{
	_cleanup_(freep) uint8_t *data = NULL;
	_cleanup_(xades_report_freep) struct xades_report *report = NULL;
	size_t len;
	int r = file_read(path, FILE_MAX, &data, &len);

	if (r < 0) {
		fprintf(stderr, "sealgate verify: %s: %s\n", path, strerror(-r));
		return r == -EFBIG ? EXIT_INTERNAL : EXIT_USAGE;
	}
	r = (xades_is_container(span_of(data, len))
			? xades_validate_container
			: xades_validate)(span_of(data, len), &o->validation, &report);
	if (r < 0) {
		fprintf(stderr, "sealgate verify: %s: not decided: %s\n", path,
			strerror(-r));
		return EXIT_INTERNAL;
	}
	if (o->snapshot)
		trust_qualify_report(o->snapshot, NULL, report);
	if (print(path, o, report) < 0)
		return EXIT_INTERNAL;
	return report->indication == XADES_TOTAL_PASSED ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

int cmd_verify(int argc, char **argv)
{
	struct verify_options o;
	int first, status = EXIT_CLEAN;

	first = verify_options_read(&o, argc, argv);
	if (first < 0) {
		verify_options_done(&o);
		return command_usage("verify");
	}
	if (xades_setup() < 0) {
		verify_options_done(&o);
		return EXIT_INTERNAL;
	}
	for (int i = first; i < argc; i++) {
		int r = verify_file(argv[i], &o);

		if (r > status)
			status = r;
	}
	verify_options_done(&o);
	return status;
}
