/* SPDX-License-Identifier: EUPL-1.2 */
/* Sandboxes: test anchors count for rehearsals, and for nothing else. */
#include "policy/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admission.h"

#define SANDBOX ((struct wish){ .more = "sandbox = true;" })

/* Anchors of an authority that signed nothing here. */
static struct pki_material *others(void)
{
	struct holder ca = holder_new("Another authority (TEST)", NULL);
	struct pki_material *m = material_of(&ca, NOW - DAY, NULL);

	holder_free(&ca);
	return m;
}

static struct result judge_between(struct wish w, const struct pki_material *real,
	const struct pki_material *sandbox)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	complete(&b);
	house.sandbox = sandbox;
	r = judge_with(&b, w, "nz", real);
	house.sandbox = NULL;
	return r;
}

/* Whose word each signature's path ends at. */
static void said(const struct result *r, const char *trust)
{
	const json_t *signatures = json_object_get(r->report, "signatures"), *s;
	size_t i;

	assert_true(json_array_size(signatures) > 0);
	json_array_foreach(signatures, i, s)
		assert_string_equal(json_string_of(s, "trust"), trust);
}

static void a_rehearsal_ends_at_test_anchors(void **state)
{
	struct pki_material *real = others();
	struct result r = judge_between(SANDBOX, real, house.material);

	(void)state;
	said(&r, "sandbox");
	decided(r, DECISION_ACCEPTED);
	r = judge_between(USUAL, house.material, real);
	said(&r, "bilateral");
	decided(r, DECISION_ACCEPTED);
	pki_material_free(real);
}

/* The attack: what a test authority signed is sent as a real document. */
static void test_anchors_make_nothing_real(void **state)
{
	struct pki_material *real = others();

	(void)state;
	refused(judge_between(USUAL, real, house.material), "sig.path", false);
	pki_material_free(real);
}

static void real_anchors_make_no_rehearsal(void **state)
{
	struct pki_material *sandbox = others();

	(void)state;
	refused(judge_between(SANDBOX, house.material, sandbox), "sig.path", false);
	pki_material_free(sandbox);
}

static void without_test_anchors_nothing_is_decided(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	struct policy *policy = policy_of(SANDBOX);
	const struct admit_context context = { .policy = policy,
		.types = house.types,
		.material = house.material,
		.signers = house.material,
		.tsa = house.material,
		.store_version = "store" };
	struct verdict verdict = { 0 };
	json_t *report = NULL;

	(void)state;
	complete(&b);
	assert_true(admit(&context, buf_span(&b), "nz", NOW, &verdict, &report) < 0);
	assert_int_equal(verdict.decision, DECISION_UNDECIDED);
	policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rehearsal_ends_at_test_anchors),
		cmocka_unit_test(test_anchors_make_nothing_real),
		cmocka_unit_test(real_anchors_make_no_rehearsal),
		cmocka_unit_test(without_test_anchors_nothing_is_decided),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
