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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_demanded),
		cmocka_unit_test(test_qualified_seal),
		cmocka_unit_test(test_qualified_certificate),
		cmocka_unit_test(test_other_types),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
