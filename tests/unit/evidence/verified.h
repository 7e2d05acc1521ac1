/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A container of the house and its verification, for tests that alter one or the other.
 */
#ifndef SEALGATE_TESTS_EVIDENCE_VERIFIED_H
#define SEALGATE_TESTS_EVIDENCE_VERIFIED_H

#include "evidence/verify.h"
#include "sealed.h"
#include "xades/validate.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1780660800) /* 2026-06-05T12:00:00Z */

static struct house HOUSE_OF_TESTS;
static struct pki_material *MATERIAL;
static struct sealed SEALED;

HOUSE int set_up(void **state)
{
	(void)state;
	assert_int_equal(xades_setup(), 0);
	house_open(&HOUSE_OF_TESTS, NOW);
	MATERIAL = house_material(&HOUSE_OF_TESTS);
	sealed_plan(&SEALED, &HOUSE_OF_TESTS);
	return 0;
}

HOUSE int tear_down(void **state)
{
	(void)state;
	sealed_done(&SEALED);
	pki_material_free(MATERIAL);
	house_done(&HOUSE_OF_TESTS);
	return 0;
}

struct answer {
	int valid;
	struct findings findings;
	json_t *report;
};

HOUSE struct answer verify_in(
	struct span container, const struct evidence_context *context)
{
	struct answer a = { 0 };

	a.valid = evidence_verify(container, context, &a.findings, &a.report);
	assert_true(a.valid >= 0);
	assert_non_null(a.report);
	if (getenv("SEALGATE_TEST_VERBOSE"))
		json_dumpf(a.report, stderr, JSON_INDENT(1));
	return a;
}

HOUSE struct answer verify(
	struct span container, const struct pki_material *m, int64_t at)
{
	return verify_in(
		container, &(struct evidence_context){ .material = m, .at = at });
}

HOUSE void answer_done(struct answer *a)
{
	findings_done(&a->findings);
	json_decref(a->report);
}

#define _cleanup_answer_ _cleanup_(answer_done)

HOUSE void make(const struct container_plan *plan, struct buf *ret)
{
	sealed_make(&HOUSE_OF_TESTS, plan, HOUSE_OF_TESTS.seal_key, NOW + 1, ret);
}

HOUSE void assert_refused(struct span container, const char *code)
{
	_cleanup_answer_ struct answer a = verify(container, MATERIAL, NOW + 60);

	assert_int_equal(a.valid, 0);
	if (!findings_have(&a.findings, code))
		for (size_t i = 0; i < a.findings.count; i++)
			print_message("%s %s\n", a.findings.list[i].reason->code,
				a.findings.list[i].message);
	assert_true(findings_have(&a.findings, code));
	assert_string_not_equal(json_string_of(a.report, "indication"), "TOTAL-PASSED");
}

#endif
