/* SPDX-License-Identifier: EUPL-1.2 */
/* So many partners are called back and no more; who is not called does not count. */
#include "tree.h"

#define FORM                                                                             \
	"name = \"many-%d\"; country = \"KE\"; transport = ( ); signers = ( );\n"        \
	"types = ( ); callback = \"https://127.0.0.1/\"; suspended = %s;\n"

static char *partner(int n, const char *suspended)
{
	static char text[400];

	snprintf(text, sizeof(text), FORM, n, suspended);
	return text;
}

static void test_callers(void **state)
{
	char file[64];

	put(*state, "callbacks.cfg", "allowed = ( \"127.0.0.1:443\" );");
	for (int i = 1; i <= LIMIT_CALLERS + 1; i++) {
		snprintf(file, sizeof(file), "partners/many-%d.cfg", 1000 + i);
		put(*state, file,
			partner(1000 + i, i > LIMIT_CALLERS ? "true" : "false"));
	}
	policy_free(load(*state));
	refused(*state, "partners/many-2025.cfg", partner(2025, "false"),
		"many-2025.cfg:0: callback: 1025 partners have one, and 1024 are called "
		"back: let others read GET /v1/outcomes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_callers, tree_new, tree_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
