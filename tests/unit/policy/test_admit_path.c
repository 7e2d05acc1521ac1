/* SPDX-License-Identifier: EUPL-1.2 */
/* Admission when a path cannot be proven: what is held, and what never is. */
#include "policy/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admission.h"
#include "tests/unit/pki/stamp.h"

#define HOLD "mode = \"hold\"; seconds = 3600;"
#define GRACE_OF_25_DAYS "mode = \"grace\"; seconds = 2160000;"
#define GRACE_OF_A_DAY "mode = \"grace\"; seconds = 86400;"

static void test_no_revocation_data(void **state)
{
	struct pki_material *none = material_of(&house.ca, 0, NULL);
	_cleanup_buf_ struct buf b = vector();
	const struct wish hold = { .crl = HOLD };
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
	struct wish hold = { .crl = HOLD };

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

static bool has_code(const json_t *report, const char *code)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(report, "findings"), i, finding)
	{
		if (strcmp(json_string_of(finding, "code"), code) == 0)
			return true;
	}
	return false;
}

/* The CRL has ended 20 days ago. */
static void test_grace(void **state)
{
	struct pki_material *stale = material_of(&house.ca, NOW - 30 * DAY, NULL);
	struct pki_material *none = material_of(&house.ca, 0, NULL);
	struct pki_material *revoked =
		material_of(&house.ca, NOW - 30 * DAY, &house.officer);
	const struct wish grace = { .crl = GRACE_OF_25_DAYS };
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	(void)state;
	complete(&b);
	r = judge_with(&b, grace, "nz", stale);
	assert_string_equal(r.verdict.grace, "crl");
	assert_string_equal(json_string_of(r.report, "grace"), "crl");
	assert_true(has_code(r.report, "degraded.grace"));
	decided(r, DECISION_ACCEPTED);
	/* Not beyond the grace, not without any data, not over a revocation. */
	refused(judge_with(&b, (struct wish){ .crl = GRACE_OF_A_DAY }, "nz", stale),
		"sig.path", true);
	refused(judge_with(&b, grace, "nz", none), "sig.path", true);
	refused(judge_with(&b, grace, "nz", revoked), "sig.path", true);
	/* With data that is in date nobody speaks of a grace. */
	r = judge(&b, grace);
	assert_string_equal(r.verdict.grace, "");
	decided(r, DECISION_ACCEPTED);
	pki_material_free(stale);
	pki_material_free(none);
	pki_material_free(revoked);
}

static void test_revoked_is_not_held(void **state)
{
	struct pki_material *revoked = material_of(&house.ca, NOW - DAY, &house.officer);
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	refused(judge_with(&b, (struct wish){ .crl = HOLD }, "nz", revoked), "sig.path",
		true);
	pki_material_free(revoked);
}

static void test_no_anchor(void **state)
{
	struct pki_material *nothing = pki_material_new();
	_cleanup_buf_ struct buf b = vector();

	(void)state;
	complete(&b);
	refused(judge_with(&b, (struct wish){ .crl = HOLD }, "nz", nothing), "sig.path",
		true);
	pki_material_free(nothing);
}

/* Judge with anchors of signers and of TSAs as given. Return: what admit returns. */
static int admit_with(const struct buf *b, const struct pki_material *signers,
	const struct pki_material *tsa, struct result *ret)
{
	struct policy *policy = policy_of(USUAL);
	const struct admit_context context = { .policy = policy,
		.types = house.types,
		.material = house.material,
		.signers = signers,
		.tsa = tsa,
		.store_version = "store" };
	int r = admit(&context, buf_span(b), "nz", NOW, &ret->verdict, &ret->report);

	policy_free(policy);
	return r;
}

/* Without a word on where paths end nothing is decided: NULL would mean anywhere. */
static void test_anchors_not_given(void **state)
{
	const struct pki_material *const GIVEN[][2] = { { NULL, house.material },
		{ house.material, NULL }, { NULL, NULL } };
	_cleanup_buf_ struct buf b = vector();
	struct result r = { .report = NULL };

	(void)state;
	complete(&b);
	for (size_t i = 0; i < 3; i++) {
		assert_true(admit_with(&b, GIVEN[i][0], GIVEN[i][1], &r) < 0);
		assert_int_equal(r.verdict.decision, DECISION_UNDECIDED);
		assert_null(r.report);
	}
	assert_int_equal(admit_with(&b, house.material, house.material, &r), 0);
	decided(r, DECISION_ACCEPTED);
}

/* The material has the signers' anchor, but for another purpose. */
static void test_anchors_of_others(void **state)
{
	struct holder other = holder_new("Other authority (TEST)", NULL);
	struct pki_material *others = material_of(&other, NOW - DAY, NULL);
	_cleanup_buf_ struct buf b = vector();
	struct result r = { .report = NULL };

	(void)state;
	complete(&b);
	assert_int_equal(admit_with(&b, others, house.material, &r), 0);
	refused(r, "sig.path", true);
	/* Nothing is stamped: the anchors of TSAs say nothing. */
	assert_int_equal(admit_with(&b, house.material, others, &r), 0);
	decided(r, DECISION_ACCEPTED);
	pki_material_free(others);
	holder_free(&other);
}

/* A time-stamping authority of the signers' CA. */
static struct party own_tsa(void)
{
	struct holder h = holder_new("TSA (TEST)", &house.ca);
	struct party tsa = { .key = h.key };

	add_extension(h.certificate, house.ca.certificate, NID_ext_key_usage,
		"critical,timeStamping");
	assert_true(X509_sign(h.certificate, house.ca.key, EVP_sha256()) > 0);
	tsa.cert = read_again(h.certificate);
	X509_free(h.certificate);
	return tsa;
}

/* As complete, with a time-stamp of the officer's signature. */
static void complete_stamped(struct buf *b)
{
	struct party tsa = own_tsa();
	struct xades_draft *d =
		signed_draft(b, &house.officer, XADES_ENVELOPED, "officer");
	_cleanup_buf_ struct buf stamped;
	struct octets token;

	buf_init(&stamped, 1 << 20);
	assert_int_equal(xades_timestamp_octets(d, &stamped), 0);
	token = stamp(&tsa, buf_span(&stamped), NOW - 1800);
	assert_int_equal(xades_add_timestamp(d, span_of_octets(&token)), 0);
	write_draft(d, b);
	sign(b, &house.seal, XADES_COUNTER, "seal");
	octets_done(&token);
	party_done(&tsa);
}

/* A CA of signers makes no proof of existence. */
static void test_stamp_of_the_signers_ca(void **state)
{
	struct holder other = holder_new("Other authority (TEST)", NULL);
	struct pki_material *others = material_of(&other, NOW - DAY, NULL);
	_cleanup_buf_ struct buf b = vector();
	struct result r = { .report = NULL };

	(void)state;
	complete_stamped(&b);
	assert_int_equal(admit_with(&b, house.material, house.material, &r), 0);
	decided(r, DECISION_ACCEPTED);
	assert_int_equal(admit_with(&b, house.material, others, &r), 0);
	refused(r, "sig.timestamp", false);
	pki_material_free(others);
	holder_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_revocation_data),
		cmocka_unit_test(test_stale_revocation_data),
		cmocka_unit_test(test_grace), cmocka_unit_test(test_revoked_is_not_held),
		cmocka_unit_test(test_no_anchor),
		cmocka_unit_test(test_anchors_not_given),
		cmocka_unit_test(test_anchors_of_others),
		cmocka_unit_test(test_stamp_of_the_signers_ca) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
