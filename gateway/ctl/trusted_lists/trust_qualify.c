/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/clock.h"
#include "common/confine.h"
#include "common/json.h"
#include "ctl/command.h"
#include "ctl/trusted_lists/trust_lists.h"
#include "pki/path.h"
#include "trust/qualify.h"
#include "web/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qualify_options {
	const char *store;
	int64_t at;
	bool given; /* from afar, on standard input */
	struct trust_snapshot *snapshot;
	struct pki_material *material;
};

/* A qualification at one time. Return: a new reference or NULL. */
static json_t *answer_of(const struct qualification *q, int64_t at)
{
	return json_pack("{s:b,s:o,s:o,s:s,s:b,s:b,s:s}", "ok", q->qc, "reason",
		json_text(q->why ? q->why : ""), "at", json_time(at), "type",
		qualified_type_text(q->type), "qscd", q->qscd, "listed", q->listed,
		"territory", q->territory);
}

/* At the time asked; and when it was issued, since both decide about a signature (TS 119
 * 615 4.5). */
static int print_line(const struct qualify_options *o, const char *file, const X509 *x,
	const STACK_OF(X509) * chain)
{
	_cleanup_json_ json_t *steps = json_array(), *at_issuance = json_array();
	_cleanup_json_ json_t *line = NULL;
	struct qualification q, issued;
	int64_t from, to;
	json_t *then;

	if (!steps || !at_issuance || pki_certificate_validity(x, &from, &to) < 0)
		return EXIT_INTERNAL;
	trust_qualify_explain(o->snapshot, NULL, chain, o->at, steps, &q);
	trust_qualify_explain(o->snapshot, NULL, chain, from, at_issuance, &issued);
	line = answer_of(&q, o->at);
	then = answer_of(&issued, from);
	if (!line || !then)
		return EXIT_INTERNAL;
	json_object_set(then, "steps", at_issuance);
	json_object_set_new(line, "file", json_text(file));
	json_object_set_new(line, "store_version", json_string(o->snapshot->version));
	json_object_set(line, "steps", steps);
	json_object_set_new(line, "at_issuance", then);
	if (json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		return EXIT_INTERNAL;
	return q.qc ? EXIT_CLEAN : EXIT_NOT_PASSED;
}

/* What a person from afar has given along. */
static X509 *read_given(void)
{
	_cleanup_(freep) uint8_t *data = malloc(REMOTE_GIVEN_MAX);
	size_t len = data ? fread(data, 1, REMOTE_GIVEN_MAX, stdin) : 0;

	return pki_certificate_of(span_of(data, len));
}

/* The path to a listed service; revocation is another question. */
static int qualify(const struct qualify_options *o, const char *file)
{
	X509 *x = o->given ? read_given() : pki_certificate_read(file);
	struct pki_path_request request = { .target = x,
		.material = o->material,
		.at = o->at,
		.purpose = PKI_ANY,
		.target_may_be_expired = true,
		.skip_revocation = true };
	struct pki_path_result path = { 0 };
	int status = EXIT_INTERNAL;

	if (!x) {
		fprintf(stderr, "sealgate trust qualify: %s: not a certificate\n", file);
		return EXIT_USAGE;
	}
	if (pki_path_validate(&request, &path) == 0)
		status = print_line(o, file, x, path.chain);
	pki_path_result_done(&path);
	X509_free(x);
	return status;
}

static int open_store(struct qualify_options *o)
{
	_cleanup_(freep) char *error = NULL;

	if (trust_snapshot_open(o->store, INT64_MAX, &o->snapshot, &error) < 0) {
		fprintf(stderr, "sealgate trust qualify: %s\n", error ? error : o->store);
		return EXIT_USAGE;
	}
	o->material = pki_material_new();
	if (!o->material || trust_snapshot_anchors(o->snapshot, o->material) < 0)
		return EXIT_INTERNAL;
	return EXIT_CLEAN;
}

int trust_lists_qualify(int argc, char **argv)
{
	struct qualify_options o = { 0 };
	int status = trust_lists_options(argc, argv, 1, INT_MAX, "CERT", &o.store, &o.at);

	if (status != EXIT_CLEAN)
		return status;
	/* Then it is run as root, and what a person sent is parsed by one who can only
	 * read. */
	o.given = getenv(REMOTE_PERSON);
	if (o.given && confine_reader() < 0)
		return EXIT_INTERNAL;
	status = open_store(&o);
	for (int i = optind; i < argc && status <= EXIT_NOT_PASSED; i++) {
		int r = qualify(&o, argv[i]);

		status = r > status ? r : status;
	}
	pki_material_free(o.material);
	trust_snapshot_free(o.snapshot);
	return status;
}
