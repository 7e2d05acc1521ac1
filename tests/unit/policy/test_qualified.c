/* SPDX-License-Identifier: EUPL-1.2 */
/* What a partner's file demands of signatures by the EU's trusted lists. */
#include "policy/admit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admission.h"

#define DEMAND(text) "qualification = ( { types = ( \"PHYTO\" ); " text " } );"

/* Officer's signature and seal as the lists see them, under a partner's file. */
static struct result with(const char *more, const char *officer, const char *seal)
{
	_cleanup_buf_ struct buf b = vector();
	const char *const words[] = { officer, seal };
	struct wish w = USUAL;

	w.more = more;
	w.qualifications = officer ? words : NULL;
	complete(&b);
	return judge(&b, w);
}

static void test_nothing_demanded(void **state)
{
	(void)state;
	decided(with(NULL, NULL, NULL), DECISION_ACCEPTED);
	decided(with(NULL, "NA", "NA"), DECISION_ACCEPTED);
	decided(with(DEMAND("officer = \"advanced\";"), NULL, NULL), DECISION_ACCEPTED);
}

static void test_qualified_seal(void **state)
{
	const char *more = DEMAND("seal = \"qualified\";");

	(void)state;
	decided(with(more, "NA", "QESEAL"), DECISION_ACCEPTED);
	refused(with(more, "QESIG", "ADESEAL_QC"), "partner.qualification", true);
	refused(with(more, "QESIG", "NA"), "partner.qualification", true);
	refused(with(more, "QESIG", ""), "partner.qualification", true);
	refused(with(more, NULL, NULL), "partner.qualification", true);
	refused(with(more, "QESIG", "NOT_ADES_QC_QSCD"), "partner.qualification", true);
	refused(with(more, "QESIG", "UNKNOWN_QC_QSCD"), "partner.qualification", true);
}

static void test_qualified_certificate(void **state)
{
	const char *more = DEMAND("officer = \"advanced-qc\"; seal = \"advanced-qc\";");

	(void)state;
	decided(with(more, "ADESIG_QC", "ADESEAL_QC"), DECISION_ACCEPTED);
	decided(with(more, "QESIG", "QESEAL"), DECISION_ACCEPTED);
	refused(with(more, "ADESIG", "QESEAL"), "partner.qualification", true);
	refused(with(more, "QESIG", "ADESEAL"), "partner.qualification", true);
}

static void test_other_types(void **state)
{
	(void)state;
	decided(with("qualification = ( { types = ( \"IMPORT\" ); seal = \"qualified\"; "
		     "} "
		     ");",
			"NA", "NA"),
		DECISION_ACCEPTED);
	refused(with("qualification = ( { types = ( \"IMPORT\" ); }, { types = ( \"*\" "
		     "); "
		     "seal = \"qualified\"; } );",
			"NA", "NA"),
		"partner.qualification", true);
}

/* The authority's seal alone, over the whole document. */
static struct result sealed(const char *more, const char *word)
{
	_cleanup_buf_ struct buf b = vector();
	const char *const words[] = { word };
	struct wish w = USUAL;

	w.more = more;
	w.qualifications = words;
	sign(&b, &house.seal, XADES_ENVELOPED, "seal");
	return judge(&b, w);
}

static struct result signed_by_officer(const char *more)
{
	_cleanup_buf_ struct buf b = vector();
	struct wish w = USUAL;

	w.more = more;
	sign(&b, &house.officer, XADES_ENVELOPED, "officer");
	return judge(&b, w);
}

static void test_seal_carries(void **state)
{
	const char *carries = DEMAND("seal = \"qualified\"; seal_carries = true;");

	(void)state;
	refused(sealed(DEMAND("seal = \"qualified\";"), "QESEAL"),
		"partner.officer-missing", true);
	decided(sealed(carries, "QESEAL"), DECISION_ACCEPTED);
	decided(sealed(DEMAND("seal_carries = true;"), "NA"), DECISION_ACCEPTED);
	refused(sealed(carries, "ADESEAL_QC"), "partner.qualification", true);
	refused(sealed(DEMAND("seal_carries = false;"), "QESEAL"),
		"partner.officer-missing", true);
	refused(signed_by_officer(carries), "partner.seal-missing", true);
	/* An officer may sign all the same. */
	decided(with(carries, "NA", "QESEAL"), DECISION_ACCEPTED);
}

#define QUALIFIED_SEAL DEMAND("seal = \"qualified\";")

/* Under a rule for lists that ended two days ago. */
static struct result ended(const char *lists, const char *seal)
{
	_cleanup_buf_ struct buf b = vector();
	const char *const words[] = { "NA", seal };
	struct wish w = { .more = QUALIFIED_SEAL, .qualifications = words };
	struct result r;

	w.lists = lists;
	complete(&b);
	house.lists_end = NOW - 2 * DAY;
	r = judge(&b, w);
	house.lists_end = 0;
	return r;
}

static void test_lists_that_have_ended(void **state)
{
	struct result r = ended("mode = \"hold\"; seconds = 600;", "QESEAL");

	(void)state;
	assert_string_equal(r.verdict.hold_reason, "partner.qualification");
	assert_true(r.verdict.hold_until == NOW + 600);
	decided(r, DECISION_HELD);
	refused(ended("mode = \"refuse\";", "QESEAL"), "partner.qualification", true);
	/* What they said would not have been enough either. */
	refused(ended("mode = \"hold\"; seconds = 600;", "ADESEAL_QC"),
		"partner.qualification", true);
	r = ended("mode = \"grace\"; seconds = 259200;", "QESEAL");
	assert_string_equal(r.verdict.grace, "lists");
	decided(r, DECISION_ACCEPTED);
	refused(ended("mode = \"grace\"; seconds = 86400;", "QESEAL"),
		"partner.qualification", true);
	refused(ended("mode = \"grace\"; seconds = 259200;", "ADESEAL_QC"),
		"partner.qualification", true);
}

/* Lists that are in date need no grace, and nobody speaks of one. */
static void test_lists_in_date(void **state)
{
	_cleanup_buf_ struct buf b = vector();
	const char *const words[] = { "NA", "QESEAL" };
	const struct wish w = { .more = QUALIFIED_SEAL,
		.qualifications = words,
		.lists = "mode = \"grace\"; seconds = 259200;" };
	struct result r;

	(void)state;
	complete(&b);
	r = judge(&b, w);
	assert_string_equal(r.verdict.grace, "");
	decided(r, DECISION_ACCEPTED);
}

static struct result behind(const char *clock, int64_t seconds, const char *routes)
{
	_cleanup_buf_ struct buf b = vector();
	struct result r;

	complete(&b);
	house.known_at = NOW + seconds;
	r = judge(&b, (struct wish){ .clock = clock, .routes = routes });
	house.known_at = 0;
	return r;
}

static void test_clock_behind(void **state)
{
	struct result r = behind("mode = \"hold\"; seconds = 600;", 3600, NULL);

	(void)state;
	assert_string_equal(r.verdict.hold_reason, "gate.clock");
	assert_true(r.verdict.hold_until == NOW + 600);
	decided(r, DECISION_HELD);
	refused(behind("mode = \"refuse\";", 3600, NULL), "gate.clock", true);
	refused(behind("mode = \"hold\"; seconds = 600;", 3600, "FR"), "route.none",
		false);
	r = behind("mode = \"grace\"; seconds = 7200;", 3600, NULL);
	assert_string_equal(r.verdict.grace, "clock");
	decided(r, DECISION_ACCEPTED);
	refused(behind("mode = \"grace\"; seconds = 600;", 3600, NULL), "gate.clock",
		true);
	r = behind("mode = \"grace\"; seconds = 7200;", 299, NULL);
	assert_string_equal(r.verdict.grace, "");
	decided(r, DECISION_ACCEPTED);
	/* A clock that is ahead of what is known is as clocks are. */
	decided(behind("mode = \"refuse\";", -DAY, NULL), DECISION_ACCEPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_demanded),
		cmocka_unit_test(test_lists_that_have_ended),
		cmocka_unit_test(test_lists_in_date),
		cmocka_unit_test(test_clock_behind),
		cmocka_unit_test(test_qualified_seal),
		cmocka_unit_test(test_qualified_certificate),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_seal_carries),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
