/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handshake/budget.h"

static int taken(struct handshake_budget *b, int64_t at_ms)
{
	int n = 0;

	while (budget_take(b, at_ms))
		n++;
	return n;
}

static void so_many_at_once_then_so_many_a_second(void **state)
{
	struct handshake_budget b;

	(void)state;
	budget_init(&b, 1000);
	assert_int_equal(taken(&b, 1000), BUDGET_AT_ONCE);
	assert_int_equal(taken(&b, 1000 + 199), 0);
	assert_int_equal(taken(&b, 1000 + 200), 1);
	assert_int_equal(taken(&b, 2000 + 200), BUDGET_SECOND);
	assert_int_equal(taken(&b, 1000000), BUDGET_AT_ONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_then_so_many_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
