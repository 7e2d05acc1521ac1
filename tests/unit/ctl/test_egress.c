/* SPDX-License-Identifier: EUPL-1.2 */
/* What the firewall says of destinations that it does not take, and what is kept of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/appliance/appliance.h"

#include <errno.h>
#include <stdlib.h>

static void assert_fault(const char *said, const char *text)
{
	char *error = NULL;

	assert_int_equal(appliance_egress_fault(said, &error), -EINVAL);
	assert_string_equal(error, text);
	free(error);
}

/* As nft 1.1.3 says it, wherever it saw it. */
static void one_line_of_it(void **state)
{
	(void)state;
	assert_fault("In file included from /run/appliance-rules.nft:1:1-29:\n"
		     "/etc/nftables.conf:10:6-13: Error: set is not a map\n"
		     "\tset seal_to6 {\n\t    ^^^^^^^^\n",
		"network/egress.csv: the firewall refuses it: set is not a map");
	assert_fault("/run/appliance-rules.nft:3:28-34: Error: No such file or directory",
		"network/egress.csv: the firewall refuses it: No such file or directory");
}

static void a_judge_that_says_nothing_refuses(void **state)
{
	(void)state;
	assert_fault(
		NULL, "network/egress.csv: the firewall refuses it: it does not answer");
	assert_fault(
		"", "network/egress.csv: the firewall refuses it: it does not answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_of_it),
		cmocka_unit_test(a_judge_that_says_nothing_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
