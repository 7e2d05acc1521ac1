/* SPDX-License-Identifier: EUPL-1.2 */
/* Shares of connections: nobody's is another's want, and what policy lets forward have
 * fits into its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/limits.h"
#include "queued/connection.h"

static void all_have_their_own(void **state)
{
	static const char *const peers[] = { "intake", "seal", "forward", "admin", "ctl",
		"health", "backup", "replay" };
	size_t sum = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		assert_true(connection_share(peers[i]) > 0);
		sum += connection_share(peers[i]);
	}
	assert_int_equal(sum, CONNECTIONS_MAX);
	assert_int_equal(connection_share("any"), CONNECTIONS_MAX);
	assert_int_equal(connection_share("nginx"), 0);
	assert_true(connection_share("forward") >= LIMIT_COURIERS + LIMIT_CALLER_TRUNKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_have_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
