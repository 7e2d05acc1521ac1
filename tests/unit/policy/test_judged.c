/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts of admission alone, each with what no real document would give it: what one
 * part lets through by a slip, another must still stop. */
#include "policy/judged.h"

#include "common/durable.h"
#include "xades/validate.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "signing.h"

static struct policy *policy; /* one partner, and an hour of holding */
static struct holder officer;
static char dir[64];

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(durable_write(path, span_str(text), 0644), 0);
}

static int set_up(void **state)
{
	char text[1024], path[PATH_MAX], *error = NULL;

	(void)state;
	memcpy(dir, "/tmp/judged-XXXXXX", sizeof("/tmp/judged-XXXXXX"));
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/partners", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/degraded", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	officer = holder_new("Officer (TEST)", NULL);
	snprintf(text, sizeof(text),
		"name = \"nz\"; country = \"NZ\"; transport = ( ); types = ( \"PHYTO\" "
		");\n"
		"signers = ( { sha256 = \"%s\"; role = \"officer\"; name = \"O\"; } );",
		officer.sha256);
	put("partners/nz.cfg", text);
	put("degraded/revocation.cfg", "hold = { TRY_LATER = 3600; };");
	if (policy_load(dir, &policy, &error) < 0)
		fail_msg("%s", error);
	return xades_setup();
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	policy_free(policy);
	holder_free(&officer);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* A bench for one part: a report with one signature of the officer. */
struct bench {
	struct admit_context context;
	struct judged judged;
};

static void bench_init(struct bench *b)
{
	struct xades_report *r = calloc(1, sizeof(*r));

	*b = (struct bench){ .context = { .policy = policy } };
	r->signatures = calloc(2, sizeof(*r->signatures));
	r->count = 1;
	r->signatures[0].indication = XADES_TOTAL_PASSED;
	r->signatures[0].core_valid = true;
	memcpy(r->signatures[0].scope, "full", sizeof("full"));
	X509_up_ref(officer.certificate);
	r->signatures[0].signer = officer.certificate;
	b->judged.context = &b->context;
	b->judged.partner = policy_partner(policy, "nz");
	b->judged.signatures = r;
}

static struct xades_signature *first(const struct bench *b)
{
	return &b->judged.signatures->signatures[0];
}

static void set_octets(struct xades_signature *s, const char *text)
{
	free(s->signed_octets);
	s->signed_octets = (uint8_t *)strdup(text);
	s->signed_len = strlen(text);
}

static void add_errors(struct findings *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		findings_add(f, "sig.path", NULL, NULL, NULL);
}

/* Every combination of what was seen, held and wrong: accepted is one of them. */
static void test_decide(void **state)
{
	size_t accepted = 0, held = 0;

	(void)state;
	for (unsigned int seen = 0; seen <= SEEN_ALL; seen++)
		for (size_t errors = 0; errors < 3; errors++)
			for (size_t holding = 0; holding < 3; holding++) {
				struct verdict v = { .judged_at = 100 };
				struct bench b;

				bench_init(&b);
				b.judged.seen = seen;
				b.judged.held = holding;
				b.judged.hold_seconds = 3600;
				add_errors(errors == 1 ? &b.judged.findings
						       : &b.judged.signatures->findings,
					errors);
				judged_decide(&b.judged, &v);
				assert_int_equal(v.error_count, errors);
				accepted += v.decision == DECISION_ACCEPTED;
				held += v.decision == DECISION_HELD;
				if (v.decision == DECISION_ACCEPTED)
					assert_true(
						seen == SEEN_ALL && !errors && !holding);
				if (v.decision == DECISION_HELD)
					assert_true(
						seen == SEEN_ALL && errors == holding);
				judged_done(&b.judged);
			}
	assert_int_equal(accepted, 1);
	assert_int_equal(held, 2);
}

static void test_signers_usual(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	set_octets(first(&b), "<a/>");
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_int_equal(b.judged.seen, SEEN_SIGNATURES | SEEN_ENROLLED);
	assert_true(b.judged.officer && b.judged.officer_there);
	assert_int_equal(b.judged.findings.errors, 0);
	judged_done(&b.judged);
}

/* Present, and yet it does not count: not whole, no octets, not passed. */
static void test_signers_that_do_not_count(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct bench b;

		bench_init(&b);
		if (i != 0)
			set_octets(first(&b), "<a/>");
		if (i == 1)
			memcpy(first(&b)->scope, "partial", sizeof("partial"));
		if (i == 2)
			first(&b)->indication = XADES_UNDECIDED;
		if (i == 3)
			first(&b)->indication = XADES_TOTAL_FAILED;
		if (i == 4)
			first(&b)->indication = XADES_INDETERMINATE;
		assert_int_equal(judge_signers(&b.judged), 0);
		assert_false(b.judged.officer);
		assert_true(b.judged.officer_there);
		assert_int_equal(b.judged.held, 0);
		assert_int_equal((b.judged.seen & SEEN_SIGNATURES) != 0, i < 2);
		judged_done(&b.judged);
	}
}

static void test_nobody_signed(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	X509_free(first(&b)->signer);
	first(&b)->signer = NULL;
	b.judged.signatures->count = 0;
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_int_equal(b.judged.seen, 0);
	judged_done(&b.judged);
}

/* A signature without a signer is nobody's. */
static void test_no_signer(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	X509_free(first(&b)->signer);
	first(&b)->signer = NULL;
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_false(b.judged.seen & SEEN_ENROLLED);
	assert_true(findings_have(&b.judged.findings, "partner.signer-unknown"));
	judged_done(&b.judged);
}

static void hold_first(struct bench *b)
{
	bench_init(b);
	set_octets(first(b), "<a/>");
	first(b)->indication = XADES_INDETERMINATE;
	first(b)->path_outcome = PKI_NO_REVOCATION_DATA;
	findings_add(&b->judged.signatures->findings, "sig.path", NULL, NULL, NULL);
}

static void test_hold(void **state)
{
	struct bench b;

	(void)state;
	hold_first(&b);
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_int_equal(b.judged.held, 1);
	assert_true(b.judged.seen & SEEN_SIGNATURES);
	assert_true(b.judged.officer);
	judged_done(&b.judged);
}

/* Another reason beside the one that may be held: not held. */
static void test_hold_for_one_reason_only(void **state)
{
	struct bench b;

	(void)state;
	hold_first(&b);
	findings_add(&b.judged.signatures->findings, "sig.time", NULL, NULL, NULL);
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_false(b.judged.seen & SEEN_SIGNATURES);
	judged_done(&b.judged);
	hold_first(&b);
	add_errors(&b.judged.signatures->findings, 1);
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_false(b.judged.seen & SEEN_SIGNATURES);
	judged_done(&b.judged);
	hold_first(&b);
	findings_done(&b.judged.signatures->findings);
	findings_add(&b.judged.signatures->findings, "sig.weak", NULL, NULL, NULL);
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_false(b.judged.seen & SEEN_SIGNATURES);
	judged_done(&b.judged);
	hold_first(&b);
	first(&b)->core_valid = false;
	assert_int_equal(judge_signers(&b.judged), 0);
	assert_int_equal(b.judged.held, 0);
	judged_done(&b.judged);
}

static void read_sent(struct bench *b, const char *text)
{
	_cleanup_findings_ struct findings f = { 0 };

	assert_int_equal(
		xml_read(span_str(text), XML_READ_GATE, &f, &b->judged.signatures->doc),
		1);
	b->judged.usable[0] = true;
}

/* Return: whether the signed octets count as all of what was sent. */
static bool whole(const char *sent, const char *octets)
{
	struct bench b;
	bool seen;

	bench_init(&b);
	read_sent(&b, sent);
	if (octets)
		set_octets(first(&b), octets);
	assert_int_equal(judge_octets(&b.judged), 0);
	assert_non_null(b.judged.tree);
	seen = b.judged.seen & SEEN_WHOLE;
	assert_int_equal(seen, b.judged.tree_signed);
	assert_int_equal(seen, b.judged.findings.errors == 0);
	judged_done(&b.judged);
	return seen;
}

#define DS "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>"

static void test_octets(void **state)
{
	(void)state;
	assert_true(whole("<a>1" DS "</a>", "<a>1</a>"));
	assert_true(whole("<a>1" DS "</a>", "<a>1" DS "</a>"));
	assert_true(whole("<a b='1'>&#49;</a>", "<a b=\"1\">1</a>"));
	assert_true(whole("<a><!-- x --><b/></a>", "<a><b></b></a>"));
	assert_true(whole("<a xmlns:unused='urn:x'/>", "<a/>"));
	assert_false(whole("<a>1</a>", NULL));
	assert_false(whole("<a>1</a>", "<a>2</a>"));
	assert_false(whole("<a><b/>2</a>", "<a><b/></a>"));
	assert_false(whole("<a><b/></a>", "<b/>"));
	assert_false(whole("<a b='1'/>", "<a/>"));
	assert_false(whole("<a/>", "<a xmlns='urn:x'/>"));
	assert_false(whole("<a/>", ""));
	assert_false(whole("<a/>", "<a>"));
	assert_false(whole("<a><c>" DS "</c></a>", "<a><c/></a>"));
}

/* Two main signatures over different documents: none of them is believed. */
static void test_octets_of_two(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b);
	b.judged.signatures->count = 2;
	read_sent(&b, "<a>1</a>");
	b.judged.usable[1] = true;
	set_octets(first(&b), "<a>1</a>");
	set_octets(&b.judged.signatures->signatures[1], "<a>2</a>");
	assert_int_equal(judge_octets(&b.judged), 0);
	assert_false(b.judged.seen & SEEN_WHOLE);
	assert_true(findings_have(&b.judged.findings, "sig.coverage"));
	judged_done(&b.judged);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_decide),
		cmocka_unit_test(test_signers_usual),
		cmocka_unit_test(test_signers_that_do_not_count),
		cmocka_unit_test(test_nobody_signed), cmocka_unit_test(test_no_signer),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_hold_for_one_reason_only),
		cmocka_unit_test(test_octets), cmocka_unit_test(test_octets_of_two) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
