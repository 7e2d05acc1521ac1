/* SPDX-License-Identifier: EUPL-1.2 */
/* Admission: what is accepted, what is held, and every reason not to. */
#include "policy/admit.h"

#include "common/durable.h"
#include "common/json.h"
#include "xades/validate.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "signing.h"

static struct {
	struct document_types *types;
	struct holder ca, officer, seal, stranger;
	struct pki_material *material; /* anchor and a fresh list */
	char dir[64];
	uint8_t *vector;
	size_t vector_len;
} house;

/* Policy as a test wants it, beside the usual. */
struct wish {
	const char *country, *types, *more, *routes, *hold;
};

static void put(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(const char *name, const char *format, ...)
{
	char path[PATH_MAX], text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", house.dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

static struct policy *policy_of(struct wish w)
{
	struct policy *p = NULL;
	char *error = NULL;

	put("partners/nz.cfg",
		"name = \"nz\"; country = \"%s\"; transport = ( ); signers = (\n"
		"{ sha256 = \"%s\"; role = \"officer\"; name = \"Officer\"; },\n"
		"{ sha256 = \"%s\"; role = \"seal\"; name = \"Authority\"; } );\n"
		"types = ( \"%s\" ); %s\n",
		w.country ? w.country : "NZ", house.officer.sha256, house.seal.sha256,
		w.types ? w.types : "PHYTO", w.more ? w.more : "");
	put("routes/10.cfg",
		"rules = ( { types = ( \"*\" ); import_countries = ( \"%s\" );\n"
		"destinations = ( \"traces\" ); } );\n",
		w.routes ? w.routes : "NL");
	put("degraded/revocation.cfg", "hold = { %s };", w.hold ? w.hold : "");
	if (policy_load(house.dir, &p, &error) < 0)
		fail_msg("%s", error);
	return p;
}

static void make_folder(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", house.dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static int set_up(void **state)
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

static int tear_down(void **state)
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

static struct buf vector(void)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add(&b, house.vector, house.vector_len), 0);
	return b;
}

static void replace(struct buf *b, const char *from, const char *to)
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
static void complete(struct buf *b)
{
	sign(b, &house.officer, XADES_ENVELOPED, "officer");
	sign(b, &house.seal, XADES_COUNTER, "seal");
}

struct result {
	struct verdict verdict;
	json_t *report;
};

static struct result judge_with(const struct buf *b, struct wish w, const char *partner,
	const struct pki_material *material)
{
	struct policy *policy = policy_of(w);
	const struct admit_context context = { .policy = policy,
		.types = house.types,
		.material = material,
		.store_version = "store" };
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
	policy_free(policy);
	return r;
}

static struct result judge(const struct buf *b, struct wish w)
{
	return judge_with(b, w, "nz", house.material);
}

static size_t errors_of(const struct result *r, const char *code)
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

static void show(const struct result *r)
{
	char *text = json_dumps(json_object_get(r->report, "findings"), JSON_INDENT(1));

	print_message("%s\n", text);
	free(text);
}

static void decided(struct result r, enum decision decision)
{
	if (r.verdict.decision != decision)
		show(&r);
	assert_int_equal(r.verdict.decision, decision);
	assert_int_equal(r.verdict.error_count, errors_of(&r, NULL));
	json_decref(r.report);
}

/* Refused for the code, and for nothing else when alone. */
static void refused(struct result r, const char *code, bool alone)
{
	if (errors_of(&r, code) == 0 ||
		(alone && errors_of(&r, NULL) != errors_of(&r, code))) {
		show(&r);
		fail_msg("%s expected%s", code, alone ? " alone" : "");
	}
	decided(r, DECISION_REFUSED);
}

#define USUAL ((struct wish){ 0 })

static void test_accepted(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	complete(&b);
	r = judge(&b, USUAL);
	if (r.verdict.decision != DECISION_ACCEPTED)
		show(&r);
	assert_int_equal(r.verdict.decision, DECISION_ACCEPTED);
	assert_int_equal(r.verdict.error_count, 0);
	assert_string_equal(r.verdict.type, "PHYTO");
	assert_string_equal(r.verdict.number, "PHYTO.NZ.2026.0000001");
	assert_string_equal(r.verdict.status, "70");
	assert_string_equal(r.verdict.export_country, "NZ");
	assert_string_equal(r.verdict.import_country, "NL");
	assert_true(r.verdict.judged_at == NOW);
	assert_int_equal(json_array_size(json_object_get(r.report, "signatures")), 2);
	assert_string_equal(json_string_of(r.report, "decision"), "accepted");
	assert_string_equal(json_string_of(json_object_get(r.report, "facts"), "number"),
		"PHYTO.NZ.2026.0000001");
	json_decref(r.report);
}

static void test_parallel_seal(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_PARALLEL, "officer");
	sign(&b, &house.seal, XADES_PARALLEL, "seal");
	decided(judge(&b, USUAL), DECISION_ACCEPTED);
}

/* What no signature covers and no value holds may come and go. */
static void test_trailing_comment(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	buf_add_str(&b, "\n<!-- sent by the registry -->\n");
	decided(judge(&b, USUAL), DECISION_ACCEPTED);
}

static void test_changed(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	replace(&b, "New Zealand", "New Zealend");
	refused(judge(&b, USUAL), "sig.digest", false);
}

/* Even when a signature fails, schema, rules and partner are looked at. */
static void test_every_finding(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	complete(&b);
	replace(&b, ">70</ram:StatusCode>", ">1</ram:StatusCode>");
	r = judge(&b, (struct wish){ .country = "BR",
			      .routes = "FR",
			      .types = "IMPORT",
			      .more = "suspended = true;" });
	assert_true(errors_of(&r, "sig.digest") > 0);
	assert_true(errors_of(&r, "doc.status") > 0);
	assert_true(errors_of(&r, "document.country") == 1);
	assert_true(errors_of(&r, "document.type-not-allowed") == 1);
	assert_true(errors_of(&r, "partner.suspended") == 1);
	assert_true(errors_of(&r, "route.none") == 1);
	/* They are there, and why they do not count has been said. */
	assert_true(errors_of(&r, "partner.officer-missing") == 0);
	decided(r, DECISION_REFUSED);
}

static void test_no_signature(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	refused(judge(&b, USUAL), "sig.none", false);
}

static void test_officer_alone(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_ENVELOPED, "officer");
	refused(judge(&b, USUAL), "partner.seal-missing", true);
}

static void test_seal_alone(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.seal, XADES_ENVELOPED, "seal");
	refused(judge(&b, USUAL), "partner.officer-missing", true);
}

static void test_officer_twice_is_no_seal(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_PARALLEL, "one");
	sign(&b, &house.officer, XADES_PARALLEL, "two");
	refused(judge(&b, USUAL), "partner.seal-missing", true);
}

static void test_officer_over_seal(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.seal, XADES_ENVELOPED, "seal");
	sign(&b, &house.officer, XADES_COUNTER, "officer");
	refused(judge(&b, USUAL), "partner.signer-role", false);
}

/* A valid signature by someone with a certificate of the right authority. */
static void test_stranger(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.stranger, XADES_ENVELOPED, "stranger");
	sign(&b, &house.seal, XADES_COUNTER, "seal");
	refused(judge(&b, USUAL), "partner.signer-unknown", false);
}

/* Enough of the right ones does not make good for a wrong one. */
static void test_stranger_beside(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	sign(&b, &house.officer, XADES_PARALLEL, "officer");
	sign(&b, &house.seal, XADES_PARALLEL, "seal");
	sign(&b, &house.stranger, XADES_PARALLEL, "stranger");
	refused(judge(&b, USUAL), "partner.signer-unknown", true);
}

static void test_partner(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	refused(judge(&b, (struct wish){ .country = "BR" }), "document.country", true);
	refused(judge(&b, (struct wish){ .types = "IMPORT" }),
		"document.type-not-allowed", true);
	refused(judge(&b, (struct wish){ .more = "suspended = true;" }),
		"partner.suspended", true);
	refused(judge(&b, (struct wish){ .routes = "FR" }), "route.none", true);
	refused(judge_with(&b, USUAL, "other", house.material), "partner.unknown", false);
	refused(judge_with(&b, USUAL, "", house.material), "partner.unknown", false);
}

static void test_unreadable(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	_cleanup_buf_ struct buf empty;

	(void)state;
	complete(&b);
	replace(&b, "?>", "?><!DOCTYPE x>");
	refused(judge(&b, USUAL), "xml.doctype", true);
	buf_init(&empty, 1);
	buf_add_str(&empty, "");
	refused(judge(&empty, USUAL), "xml.empty", true);
}

static void test_unknown_type(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	replace(&b, ">851<", ">861<");
	complete(&b);
	refused(judge(&b, USUAL), "doc.type-unknown", false);
}

/* A rule that is broken inside a document whose signatures are all right. */
static void test_rule(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	replace(&b, "<ram:SequenceNumeric>1<", "<ram:SequenceNumeric>7<");
	complete(&b);
	refused(judge(&b, USUAL), "doc.rule", false);
}

static void test_no_revocation_data(void **state)
{
	struct pki_material *none = material_of(&house.ca, 0, NULL);
	_cleanup_buf_ struct buf b = vector();
	const struct wish hold = { .hold = "TRY_LATER = 3600;" };
	struct result r;

	(void)state;
	complete(&b);
	refused(judge_with(&b, USUAL, "nz", none), "sig.path", true);
	r = judge_with(&b, hold, "nz", none);
	assert_true(r.verdict.hold_until == NOW + 3600);
	assert_string_equal(r.verdict.hold_reason, "sig.path");
	assert_string_equal(json_string_of(r.report, "decision"), "held");
	decided(r, DECISION_HELD);
	/* With the data it is what it is. */
	decided(judge(&b, hold), DECISION_ACCEPTED);
	pki_material_free(none);
}

static void test_stale_revocation_data(void **state)
{
	struct pki_material *stale = material_of(&house.ca, NOW - 30 * DAY, NULL);
	_cleanup_buf_ struct buf b = vector();
	struct wish hold = { .hold = "TRY_LATER = 3600;" };

	(void)state;
	complete(&b);
	refused(judge_with(&b, USUAL, "nz", stale), "sig.path", true);
	decided(judge_with(&b, hold, "nz", stale), DECISION_HELD);
	/* Whatever else is wrong, it is refused at once. */
	hold.routes = "FR";
	refused(judge_with(&b, hold, "nz", stale), "route.none", false);
	hold.routes = NULL;
	replace(&b, "New Zealand", "New Zealend");
	refused(judge_with(&b, hold, "nz", stale), "sig.digest", false);
	pki_material_free(stale);
}

static void test_revoked_is_not_held(void **state)
{
	struct pki_material *revoked = material_of(&house.ca, NOW - DAY, &house.officer);
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	refused(judge_with(
			&b, (struct wish){ .hold = "TRY_LATER = 3600;" }, "nz", revoked),
		"sig.path", true);
	pki_material_free(revoked);
}

static void test_no_anchor(void **state)
{
	struct pki_material *nothing = pki_material_new();
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	refused(judge_with(
			&b, (struct wish){ .hold = "TRY_LATER = 3600;" }, "nz", nothing),
		"sig.path", true);
	pki_material_free(nothing);
}

/* Cut anywhere, a document is refused. */
static void test_cut(void **state)
{
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	for (size_t len = 1; len < b.len - 2; len += b.len / 40) {
		_cleanup_buf_ struct buf cut;

		buf_init(&cut, b.len);
		buf_add(&cut, b.data, len);
		decided(judge(&cut, USUAL), DECISION_REFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_parallel_seal),
		cmocka_unit_test(test_trailing_comment), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_every_finding), cmocka_unit_test(test_no_signature),
		cmocka_unit_test(test_officer_alone), cmocka_unit_test(test_seal_alone),
		cmocka_unit_test(test_officer_twice_is_no_seal),
		cmocka_unit_test(test_officer_over_seal), cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_stranger_beside), cmocka_unit_test(test_partner),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_unknown_type),
		cmocka_unit_test(test_rule), cmocka_unit_test(test_no_revocation_data),
		cmocka_unit_test(test_stale_revocation_data),
		cmocka_unit_test(test_revoked_is_not_held),
		cmocka_unit_test(test_no_anchor), cmocka_unit_test(test_cut) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
