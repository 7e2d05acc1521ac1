/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/command.h"

#include "common/clock.h"
#include "common/durable.h"
#include "common/limits.h"
#include "evidence/callback_check.h"
#include "evidence/material.h"
#include "evidence/published.h"
#include "evidence/sealed_json.h"
#include "evidence/verify.h"
#include "trust/kind.h"
#include "trust/snapshot.h"
#include "xades/validate.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <string.h>

/* Larger than a container, so that its reader names the limit and not this command. */
#define FILE_MAX (4u * LIMIT_CONTAINER)

enum status { STATUS_VALID = 0, STATUS_NOT_VALID, STATUS_USAGE, STATUS_UNDECIDED };

struct command {
	const char *name;
	FILE *out, *err;
	struct pki_material *material;
	struct published published;	      /* all: the material */
	struct trust_snapshot *lists;	      /* NULL: none was named */
	char store_version[SHA256_TEXT_SIZE]; /* "" without a store */
	int64_t at;
	int64_t known_at; /* now: what is known of a time that has passed */
	bool text;
	/* of a call-back */
	const char *body_file;
	struct span body;
	struct callback_expected expected;
};

static int complain(const struct command *c, const char *what, const char *why)
{
	fprintf(c->err, "%s: %s: %s\n", c->name, what, why);
	return STATUS_USAGE;
}

static int load(struct command *c, enum pki_kind kind, const char *path)
{
	_cleanup_(freep) char *error = NULL;
	int r = pki_material_load(c->material, kind, path, &error);

	return r >= 0 ? 0 : complain(c, path, error ? error : strerror(-r));
}

/* A folder with seal/ and tsa/ as an instance's policies/anchors has them, and, when it
 * is there, revocation/. */
static int load_anchors(struct command *c, const char *dir)
{
	_cleanup_(trust_store_closep) struct trust_store *store = NULL;
	_cleanup_(freep) char *error = NULL;
	char revocation[PATH_MAX];
	int r;

	if (snprintf(revocation, sizeof(revocation), "%s/revocation", dir) >= PATH_MAX)
		return complain(c, dir, strerror(ENAMETOOLONG));
	r = trust_store_open(dir, revocation, &store, &error);
	if (r < 0)
		return complain(c, dir, error ? error : strerror(-r));
	memcpy(c->store_version, trust_store_version(store), sizeof(c->store_version));
	r = evidence_material_add(c->material, store);
	return r < 0 ? complain(c, dir, strerror(-r)) : 0;
}

/* The newest state of trusted lists. */
static int load_snapshot(struct command *c, const char *dir)
{
	_cleanup_(trust_snapshot_freep) struct trust_snapshot *s = NULL;
	_cleanup_(freep) char *error = NULL;
	int r = trust_snapshot_open(dir, INT64_MAX, &s, &error);

	if (r < 0)
		return complain(c, dir, error ? error : strerror(-r));
	memcpy(c->store_version, s->version, sizeof(c->store_version));
	r = trust_snapshot_anchors(s, c->material);
	if (r < 0)
		return complain(c, dir, strerror(-r));
	trust_snapshot_free(c->lists);
	c->lists = TAKE(s);
	return 0;
}

static int load_store(struct command *c, const char *dir)
{
	_cleanup_(freep) char *error = NULL;
	enum trust_kind kind = TRUST_NO_STORE;
	int r = trust_kind_of(dir, &kind, &error);

	if (r < 0)
		return complain(c, "--store", error ? error : strerror(-r));
	return kind == TRUST_SNAPSHOTS ? load_snapshot(c, dir) : load_anchors(c, dir);
}

/* Certificates that prove nothing by themselves. */
static int load_published(struct command *c, const char *path)
{
	_cleanup_(freep) char *error = NULL;
	int r = published_load(&c->published, path, &error);

	if (c->published.answered)
		c->expected.signers = c->published.receipt;
	return r >= 0 ? 0 : complain(c, path, error ? error : strerror(-r));
}

/* A cursor as outcomes have it; "0": nothing was there before. */
static int read_cursor(struct command *c, const char *text)
{
	char *end;

	errno = 0;
	c->expected.after = strtoll(text, &end, 10);
	return !errno && *text && !*end && c->expected.after >= 0
		       ? 0
		       : complain(c, text, "a cursor is a number");
}

static int read_format(struct command *c, const char *format)
{
	c->text = strcmp(format, "text") == 0;
	return c->text || strcmp(format, "json") == 0
		       ? 0
		       : complain(c, format, "the format is json or text");
}

static int read_option(struct command *c, int option)
{
	switch (option) {
	case 'a':
		return load(c, PKI_ANCHORS, optarg);
	case 's':
		return load_store(c, optarg);
	case 'r':
		return load(c, PKI_REVOCATION, optarg);
	case 't':
		return clock_parse(optarg, &c->at) < 0
			       ? complain(c, optarg,
					 "a time is written as RFC 3339 has it")
			       : 0;
	case 'f':
		return read_format(c, optarg);
	case 'c':
		return load_published(c, optarg);
	case 'b':
		c->body_file = optarg;
		return 0;
	case 'p':
		c->expected.partner = optarg;
		return 0;
	case 'n':
		return read_cursor(c, optarg);
	default:
		return STATUS_USAGE;
	}
}

/* Return: 0 with optind at the first file, else STATUS_USAGE. */
static int read_options(struct command *c, int argc, char **argv)
{
	static const struct option options[] = { { "anchors", required_argument, NULL,
							 'a' },
		{ "store", required_argument, NULL, 's' },
		{ "revocation", required_argument, NULL, 'r' },
		{ "at", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'f' },
		{ "certs", required_argument, NULL, 'c' },
		{ "body", required_argument, NULL, 'b' },
		{ "partner", required_argument, NULL, 'p' },
		{ "after", required_argument, NULL, 'n' }, { 0 } };
	int option, r = 0;

	/* Complaints of getopt_long begin with it. */
	argv[0] = (char *)(uintptr_t)c->name;
	optind = 1;
	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = read_option(c, option);
	/* A body is that of one call-back. */
	if (r == 0 && optind < argc && (!c->body_file || optind + 1 == argc))
		return 0;
	fprintf(c->err, "usage: %s " EVIDENCE_VERIFY_ARGUMENTS "\n", c->name);
	return STATUS_USAGE;
}

static int print_json(const struct command *c, const char *file, json_t *report)
{
	_cleanup_json_ json_t *line = json_pack("{s:o}", "file", json_text(file));
	_cleanup_(freep) char *text = NULL;

	if (!line || json_object_update(line, report) < 0 ||
		json_object_set_new(line, "store_version",
			json_text(*c->store_version ? c->store_version : NULL)) < 0)
		return -ENOMEM;
	text = json_dumps(line, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	return fprintf(c->out, "%s\n", text) < 0 ? -EIO : 0;
}

static void print_member(
	const struct command *c, const json_t *object, const char *key, const char *label)
{
	const char *text = json_string_of(object, key);

	if (text && *text)
		fprintf(c->out, "  %-11s %s\n", label, text);
}

/* What a receipt, a statement or a call-back says. */
static void print_claims(const struct command *c, const json_t *claims)
{
	const json_t *held = json_object_get(claims, "held");

	print_member(c, claims, "instance", "instance");
	print_member(c, claims, "iss", "signed by");
	print_member(c, claims, "aud", "partner");
	print_member(c, claims, "cursor", "cursor");
	print_member(c, claims, "number", "number");
	print_member(c, claims, "sha256", "SHA-256");
	print_member(c, claims, "state", "state");
	print_member(c, claims, "received", "received");
	print_member(c, claims, "at", "as of");
	if (held)
		fprintf(c->out, "  %-11s %s\n", "held",
			json_is_true(held) ? "yes" : "no");
	print_member(c, claims, "meaning", "meaning");
}

static int print_text(const struct command *c, const char *file, const json_t *report,
	const struct findings *findings)
{
	static const char *const severities[] = { "error", "warning", "note" };
	const json_t *e = json_object_get(report, "evidence"),
		     *seal = json_array_get(json_object_get(report, "signatures"), 0),
		     *signer = json_object_get(seal, "signer");

	fprintf(c->out, "%s: %s %s\n", file, json_string_of(report, "indication"),
		json_string_of(report, "sub_indication"));
	if (json_is_true(json_object_get(e, "test")))
		fputs("  TEST: made by a test instance; no legal effect\n", c->out);
	if (json_is_true(json_object_get(json_object_get(e, "claims"), "sandbox")))
		fputs("  SANDBOX: a rehearsal\n", c->out);
	/* What it says of itself is worth what whoever signed it is. */
	print_member(c, e, "role", "role");
	print_member(c, signer, "subject", "signer");
	print_member(c, signer, "sha256", "its SHA-256");
	print_member(c, e, "signer_subject", "signer");
	print_member(c, e, "signer_sha256", "its SHA-256");
	print_claims(c, json_object_get(e, "claims"));
	print_member(c, e, "id", "document");
	print_member(c, e, "sha256", "SHA-256");
	print_member(c, e, "partner", "partner");
	print_member(c, e, "received", "received");
	print_member(c, e, "number", "number");
	print_member(c, e, "receipt_signature", "receipt");
	print_member(c, e, "level", "level");
	print_member(c, json_object_get(e, "record"), "indication", "record");
	print_member(c, json_object_get(e, "record"), "gen_time", "record of");
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->list[i];

		fprintf(c->out, "  %s %s%s%s: %s\n", severities[f->severity],
			f->reason->code, *f->where ? " at " : "", f->where, f->message);
	}
	return ferror(c->out) ? -EIO : 0;
}

/* A container, the signature of a call-back, or what the gate seals as JSON. */
static int verify_octets(const struct command *c, struct span octets,
	struct findings *findings, json_t **ret_report)
{
	const struct receipt_context context = {
		.material = c->material, .at = c->at, .known_at = c->known_at
	};

	if (sealed_json_is(octets))
		return sealed_json_verify(octets, &context, findings, ret_report);
	if (callback_is(octets))
		return callback_verify(
			octets, &c->expected, &context, findings, ret_report);
	return evidence_verify(octets,
		&(struct evidence_context){ .material = c->material,
			.at = c->at,
			.known_at = c->known_at,
			.lists = c->lists },
		findings, ret_report);
}

/* The octets that the call-back had, read once. Return: 0 or a status. */
static int read_body(struct command *c)
{
	uint8_t *data;
	size_t len;
	int r = c->body_file ? file_read(c->body_file, FILE_MAX, &data, &len) : 0;

	if (r < 0)
		return complain(c, c->body_file, strerror(-r));
	if (c->body_file) {
		c->body = span_of(data, len);
		c->expected.body = &c->body;
	}
	return 0;
}

static int verify_file(const struct command *c, const char *file)
{
	_cleanup_findings_ struct findings findings = { 0 };
	_cleanup_json_ json_t *report = NULL;
	_cleanup_(freep) uint8_t *data = NULL;
	int r, valid;
	size_t len;

	r = file_read(file, FILE_MAX, &data, &len);
	if (r < 0) {
		complain(c, file, strerror(-r));
		return r == -EFBIG ? STATUS_UNDECIDED : STATUS_USAGE;
	}
	valid = verify_octets(c, span_of(data, len), &findings, &report);
	if (valid < 0) {
		complain(c, file, strerror(-valid));
		return STATUS_UNDECIDED;
	}
	r = c->text ? print_text(c, file, report, &findings)
		    : print_json(c, file, report);
	if (r < 0)
		return STATUS_UNDECIDED;
	return valid ? STATUS_VALID : STATUS_NOT_VALID;
}

int evidence_verify_command(const char *name, int argc, char **argv, FILE *out, FILE *err)
{
	_cleanup_(pki_material_freep) struct pki_material *material = pki_material_new(),
							  *receipt = pki_material_new();
	struct command c = { .name = name,
		.out = out,
		.err = err,
		.material = material,
		.published = { .all = material, .receipt = receipt },
		.at = clock_now(),
		.known_at = clock_now(),
		.expected = { .after = -1 } };
	int status;

	if (!material || !receipt || xades_setup() < 0) {
		complain(&c, "setup", strerror(ENOMEM));
		return STATUS_UNDECIDED;
	}
	status = read_options(&c, argc, argv);
	if (status == 0)
		status = read_body(&c);
	for (int i = optind; status != STATUS_USAGE && i < argc; i++) {
		int r = verify_file(&c, argv[i]);

		if (r > status)
			status = r;
	}
	trust_snapshot_free(c.lists);
	free((void *)(uintptr_t)c.body.data);
	return status;
}
