/* SPDX-License-Identifier: EUPL-1.2 */
/* Systems that documents of a type never go to: routes that would send them there. */
#include "tree.h"

/* What is barred from a system is not routed there, by whatever name. */
static void test_barred(void **state)
{
	const struct tree *t = *state;
	struct policy *p;

#define TO(type)                                                                         \
	"rules = (\n{ types = ( \"" type "\" ); import_countries = ( \"*\" ); "          \
	"destinations = ( \"traces\", \"own\" ); } );\n"
	folder(t, "types");
	put(t, "types/a.cfg",
		"name = \"A\"; aliases = [ \"OLD\" ]; "
		"barred = [ \"member-state\" ];\n");
	put(t, "routes/destinations/traces.cfg", "url = \"https://127.0.0.1/\";\n");
	put(t, "routes/destinations/own.cfg", "system = \"member-state\";\n");
	put(t, "routes/z.cfg", TO("B"));
	p = load(t);
	policy_free(p);
	refused(t, "routes/z.cfg", TO("A"),
		":2: A never goes to a system that is member-state");
	refused(t, "routes/z.cfg", TO("OLD"), ":2: OLD never goes to");
	refused(t, "routes/z.cfg", TO("*"), ":2: A never goes to");
	put(t, "routes/destinations/own.cfg", "system = \"union\";\n");
	put(t, "routes/z.cfg", TO("A"));
	p = load(t);
	policy_free(p);
	refused(t, "types/a.cfg", "name = \"A\";\nbarred = \"x\";\n", "a.cfg:2: barred");
	refused(t, "types/a.cfg", "barred = [ \"x\" ];\n", "a.cfg:1: barred");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
		test_barred, tree_new, tree_remove) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
