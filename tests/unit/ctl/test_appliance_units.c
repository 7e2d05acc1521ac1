/* SPDX-License-Identifier: EUPL-1.2 */
/* Which units that have failed keep a version from being proven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "ctl/appliance/appliance.h"

#include <stdlib.h>
#include <string.h>

/* unit: NULL when none of them counts */
static void expect(const char *shown, const char *unit)
{
	_cleanup_(freep) char *text = strdup(shown);
	char held[APPLIANCE_UNIT_SIZE] = "";

	assert_int_equal(appliance_holds_back(text, held), unit != NULL);
	if (unit)
		assert_string_equal(held, unit);
}

#define RETENTION                                                                        \
	"Id=sealgate-retention.service\nTriggeredBy=sealgate-retention.timer\n"          \
	"WantedBy=\nRequiredBy=\nRequisiteOf=\nBoundBy=\nUpheldBy=\n"
#define INTAKE                                                                           \
	"Id=sealgate-intake.service\nTriggeredBy=sealgate-intake.socket\nWantedBy=\n"
#define SEAL "Id=sealgate-seal.service\nWantedBy=sealgate.target\n"

static void test_what_serving_is_made_of(void **state)
{
	(void)state;
	expect(SEAL, "sealgate-seal.service");
	expect(INTAKE, "sealgate-intake.service");
	expect("Id=nftables.service\nRequiredBy=sealgate-edge.service\n",
		"nftables.service");
	expect("Id=systemd-fsck@x.service\nBoundBy=\nUpheldBy=y.service\n",
		"systemd-fsck@x.service");
	/* Wherever it stands among others. */
	expect(RETENTION "\n" SEAL, "sealgate-seal.service");
	expect(SEAL "\n" RETENTION, "sealgate-seal.service");
	expect(RETENTION "\n" RETENTION "\n" INTAKE, "sealgate-intake.service");
}

static void test_what_a_timer_starts(void **state)
{
	(void)state;
	expect("", NULL);
	expect(RETENTION, NULL);
	expect(RETENTION "\n" RETENTION, NULL);
	expect("Id=sealgate-retention.timer\nWantedBy=sealgate.target\n", NULL);
	expect("Id=appliance-report.service\nWantedBy=multi-user.target\n"
	       "TriggeredBy=appliance-report.timer\n",
		NULL);
	expect("Id=a.service\nTriggeredBy=a.socket a.timer\n", NULL);
	/* A name that looks like one. */
	expect("Id=a.timer.service\nTriggeredBy=a.timers.socket\n", "a.timer.service");
}

static void test_what_is_started_by_name(void **state)
{
	(void)state;
	expect("Id=sealgate-retention-confirmed.service\nTriggeredBy=\nWantedBy=\n",
		NULL);
	expect("Id=appliance-return@appliance-health.service\nWantedBy=\n", NULL);
	expect("Id=run-appliance-medium.mount\n", NULL);
}

/* What cannot be read is not proven with. */
static void test_what_is_not_told(void **state)
{
	(void)state;
	expect("WantedBy=\n", "");
	expect("something else\n", "");
	expect("\n", NULL);
	expect("\n\n" SEAL, "sealgate-seal.service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_serving_is_made_of),
		cmocka_unit_test(test_what_a_timer_starts),
		cmocka_unit_test(test_what_is_started_by_name),
		cmocka_unit_test(test_what_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
