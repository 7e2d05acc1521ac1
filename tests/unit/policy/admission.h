/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A house for the tests of admission: types of the project, one authority, one partner,
 * and a policy as each test wants it.
 */
#ifndef SEALGATE_TESTS_POLICY_ADMISSION_H
#define SEALGATE_TESTS_POLICY_ADMISSION_H

#include "common/durable.h"
#include "common/json.h"
#include "policy/admit.h"
#include "xades/validate.h"

#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "signing.h"

static struct {
	struct document_types *types;
	struct holder ca, officer, seal, stranger;
	int64_t lists_end; /* 0: they never do */
	int64_t known_at;
	bool test;			    /* a TEST instance */
	struct pki_material *material;	    /* anchor and a fresh list */
	const struct pki_material *sandbox; /* the same of sandboxes; NULL: none */
	char dir[64];
	uint8_t *vector;
	size_t vector_len;
} house;

/* Policy as a test wants it, beside the usual. */
struct wish {
	const char *country, *types, *more, *routes, *crl, *lists, *clock;
	/* What the trusted lists say of the signatures in their order; NULL: no lists. */
	const char *const *qualifications;
};

SIGNING void put(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

SIGNING void put(const char *name, const char *format, ...)
{
	char path[PATH_MAX], text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", house.dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

/* One more signer of the partner's file, or "". */
static char extra_signer[300];

SIGNING struct policy *policy_of(struct wish w)
{
	struct policy *p = NULL;
	char *error = NULL;

	put("partners/nz.cfg",
		"name = \"nz\"; country = \"%s\"; transport = ( ); signers = (%s\n"
		"{ sha256 = \"%s\"; role = \"officer\"; name = \"Officer\"; },\n"
		"{ sha256 = \"%s\"; role = \"seal\"; name = \"Authority\"; } );\n"
		"types = ( \"%s\" ); %s\n",
		w.country ? w.country : "NZ", extra_signer, house.officer.sha256,
		house.seal.sha256, w.types ? w.types : "PHYTO", w.more ? w.more : "");
	put("routes/10.cfg",
		"rules = ( { types = ( \"*\" ); import_countries = ( \"%s\" );\n"
		"destinations = ( \"traces\" ); } );\n",
		w.routes ? w.routes : "NL");
	put("degraded/crl.cfg", "%s", w.crl ? w.crl : "mode = \"refuse\";");
	put("degraded/lists.cfg", "%s", w.lists ? w.lists : "mode = \"refuse\";");
	put("degraded/clock.cfg", "%s", w.clock ? w.clock : "mode = \"refuse\";");
	if (policy_load(house.dir, &p, &error) < 0)
		fail_msg("%s", error);
	return p;
}

SIGNING void make_folder(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", house.dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

SIGNING int set_up(void **state)
{
	char *error = NULL;

	(void)state;
	if (document_types_load("policies", &house.types, &error) < 0)
		fail_msg("%s", error);
	assert_int_equal(xades_setup(), 0);
	house.ca = holder_new("Authority (TEST)", NULL);
	house.officer = holder_new("Officer (TEST)", &house.ca);
	house.seal = holder_new("Seal (TEST)", &house.ca);
	house.stranger = holder_new("Stranger (TEST)", &house.ca);
	house.material = material_of(&house.ca, NOW - DAY, NULL);
	memcpy(house.dir, "/tmp/admit-XXXXXX", sizeof("/tmp/admit-XXXXXX"));
	assert_non_null(mkdtemp(house.dir));
	make_folder("partners");
	make_folder("routes");
	make_folder("routes/destinations");
	make_folder("degraded");
	put("routes/destinations/traces.cfg", "protocol");
	return file_read("tests/vectors/documents/phyto.xml", 1 << 20, &house.vector,
		&house.vector_len);
}

SIGNING int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", house.dir);
	document_types_free(house.types);
	pki_material_free(house.material);
	holder_free(&house.ca);
	holder_free(&house.officer);
	holder_free(&house.seal);
	holder_free(&house.stranger);
	free(house.vector);
	return system(command);
}

SIGNING struct buf vector(void)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add(&b, house.vector, house.vector_len), 0);
	return b;
}

SIGNING void replace(struct buf *b, const char *from, const char *to)
{
	char *place = strstr(b->data, from);
	struct buf out;

	assert_non_null(place);
	buf_init(&out, 1 << 20);
	buf_add(&out, b->data, (size_t)(place - b->data));
	buf_add_str(&out, to);
	buf_add_str(&out, place + strlen(from));
	buf_done(b);
	*b = out;
}

/* Officer's signature and the authority's counter-signature. */
SIGNING void complete(struct buf *b)
{
	sign(b, &house.officer, XADES_ENVELOPED, "officer");
	sign(b, &house.seal, XADES_COUNTER, "seal");
}

struct result {
	struct verdict verdict;
	json_t *report;
};

/* Two words, as long as the lists count. */
SIGNING void qualify(
	const void *lists, int64_t at, int64_t grace, struct xades_report *report)
{
	static const char *const NOTHING[] = { "NA", "NA" };
	const char *const *words =
		house.lists_end && house.lists_end + grace < at ? NOTHING : lists;

	for (size_t i = 0; i < report->count; i++)
		snprintf(report->signatures[i].qualification,
			sizeof(report->signatures[i].qualification), "%s", words[i]);
}

SIGNING struct result judge_with(const struct buf *b, struct wish w, const char *partner,
	const struct pki_material *material)
{
	struct policy *policy = policy_of(w);
	const struct admit_context context = { .policy = policy,
		.types = house.types,
		.material = material,
		.signers = material,
		.tsa = material,
		.rehearsals = house.sandbox,
		.sandbox = house.sandbox,
		.store_version = "store",
		.lists_version = w.qualifications ? "lists" : NULL,
		.test = house.test,
		.qualify = w.qualifications ? qualify : NULL,
		.lists = w.qualifications,
		.known_at = house.known_at };
	struct result r = { .report = NULL };
	uint8_t digest[SHA256_SIZE];

	assert_int_equal(
		admit(&context, buf_span(b), partner, NOW, &r.verdict, &r.report), 0);
	assert_true(verdict_ok(&r.verdict));
	assert_non_null(r.report);
	assert_int_equal(digest_sha256(buf_span(b), digest), 0);
	assert_memory_equal(r.verdict.sha256, digest, SHA256_SIZE);
	assert_string_equal(r.verdict.policy_digest, policy_digest(policy));
	assert_string_equal(r.verdict.store_version, "store");
	assert_true(
		w.qualifications
			? strcmp(json_string_of(r.report, "lists_version"), "lists") == 0
			: json_is_null(json_object_get(r.report, "lists_version")));
	policy_free(policy);
	return r;
}

SIGNING struct result judge(const struct buf *b, struct wish w)
{
	return judge_with(b, w, "nz", house.material);
}

SIGNING size_t errors_of(const struct result *r, const char *code)
{
	const json_t *finding;
	size_t i, n = 0;

	json_array_foreach(json_object_get(r->report, "findings"), i, finding)
	{
		if (strcmp(json_string_of(finding, "severity"), "error") != 0)
			continue;
		n += !code || strcmp(json_string_of(finding, "code"), code) == 0;
	}
	return n;
}

SIGNING void show(const struct result *r)
{
	char *text = json_dumps(json_object_get(r->report, "findings"), JSON_INDENT(1));

	print_message("%s\n", text);
	free(text);
}

SIGNING void decided(struct result r, enum decision decision)
{
	if (r.verdict.decision != decision)
		show(&r);
	assert_int_equal(r.verdict.decision, decision);
	assert_int_equal(r.verdict.error_count, errors_of(&r, NULL));
	json_decref(r.report);
}

/* Refused for the code, and for nothing else when alone. */
SIGNING void refused(struct result r, const char *code, bool alone)
{
	if (errors_of(&r, code) == 0 ||
		(alone && errors_of(&r, NULL) != errors_of(&r, code))) {
		show(&r);
		fail_msg("%s expected%s", code, alone ? " alone" : "");
	}
	decided(r, DECISION_REFUSED);
}

#define USUAL ((struct wish){ 0 })

#endif
