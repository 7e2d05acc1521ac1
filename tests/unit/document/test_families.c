/* SPDX-License-Identifier: EUPL-1.2 */
/* The families that the shipped policy knows: which way each goes, who may seal it, which
 * has no public sample, and the names that some once had. */
#include "document/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct family {
	const char *name, *direction, *sealer, *alias;
	bool experimental;
};

static const struct family FAMILIES[] = {
	{ "IMPORT", "import", "gate", NULL, true },
	{ "PHYTO", "import", "gate", NULL, false },
	{ "COI", "import", "gate", "ORGANIC", true },
	{ "FLEGT", "import", "gate", NULL, true },
	{ "CATCH", "import", "gate", NULL, true },
	{ "EXPORT", "export", "union", NULL, true },
	{ "INTRA", "intra", "union", NULL, false },
	{ "CHED-A", "entry", "union", "CVED-A", false },
	{ "CHED-P", "entry", "union", "CVED-P", false },
	{ "CHED-PP", "entry", "union", NULL, false },
	{ "CHED-D", "entry", "union", "CED", false },
	{ "DOCOM", "intra", "union", NULL, true },
	{ "DECLARATION", "entry", "union", NULL, true },
};

#define FAMILY_COUNT (sizeof(FAMILIES) / sizeof(FAMILIES[0]))

static struct document_types *types;

static int setup(void **state)
{
	char *error = NULL;

	(void)state;
	if (document_types_load("policies", &types, &error) == 0)
		return 0;
	print_error("%s\n", error ? error : "?");
	free(error);
	return -1;
}

static int teardown(void **state)
{
	(void)state;
	document_types_free(types);
	return 0;
}

static void test_families(void **state)
{
	(void)state;
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		const struct family *f = &FAMILIES[i];
		const struct document_type *t = document_type_named(types, f->name);

		if (!t)
			fail_msg("there is no %s", f->name);
		assert_string_equal(t->direction, f->direction);
		assert_int_equal(t->sealer_count, 1);
		assert_string_equal(t->sealers[0], f->sealer);
		if (t->experimental != f->experimental)
			fail_msg("%s: experimental", f->name);
		if (f->alias)
			assert_ptr_equal(document_type_named(types, f->alias), t);
	}
}

/* Acknowledgements apart there is no other, and none beside imports that the gate seals.
 */
static void test_no_other(void **state)
{
	const struct document_type *t;
	size_t count = 0;

	(void)state;
	for (; (t = document_type_at(types, count)) != NULL; count++)
		for (size_t k = 0; k < t->sealer_count; k++)
			assert_true(strcmp(t->sealers[k], "gate") != 0 ||
				    strcmp(t->direction, "import") == 0);
	assert_int_equal(count, FAMILY_COUNT + 1);
	assert_string_equal(document_type_named(types, "ACK")->direction, "reply");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_families),
		cmocka_unit_test(test_no_other) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
