/* SPDX-License-Identifier: EUPL-1.2 */
/* When containers get more, and until when a time-stamp proves. */
#include "seal/renewal.h"

#include "common/durable.h"
#include "xades/validate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "../evidence/stamped.h"

#define NOW INT64_C(1780660800) /* 2026-06-05T12:00:00Z */
#define DAY INT64_C(86400)

static char FOLDER[] = "/tmp/sealgate-renewal-XXXXXX";
static struct instance INSTANCE;

static int open_with(const char *text, struct renewal_rule *r)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];
	int e;

	snprintf(path, sizeof(path), "%s/" RENEWAL_FILE, FOLDER);
	assert_int_equal(durable_write(path, span_str(text), 0600), 0);
	e = renewal_rule_open(&INSTANCE, r, &error);
	assert_int_equal(e < 0, error != NULL);
	return e;
}

static void without_a_file_only_what_is_bare(void **state)
{
	_cleanup_(freep) char *error = NULL;
	struct renewal_rule r;

	(void)state;
	assert_int_equal(renewal_rule_open(&INSTANCE, &r, &error), 0);
	assert_int_equal(renewal_due(&r, LEVEL_B, true, NOW, 0), NOW + 1);
	assert_int_equal(renewal_due(&r, LEVEL_B, false, NOW, 0), 0);
	assert_int_equal(renewal_due(&r, LEVEL_T, false, NOW, 0), 0);
}

static void to_lta(void **state)
{
	struct renewal_rule r;

	(void)state;
	assert_int_equal(open_with("to = \"LTA\"; lt_after_s = 50; retry_s = 7; "
				   "before_days = 10;",
				 &r),
		0);
	assert_int_equal(renewal_due(&r, LEVEL_B, false, NOW, 0), NOW + 1);
	assert_int_equal(renewal_due(&r, LEVEL_T, false, NOW, 0), NOW + 50);
	assert_int_equal(renewal_due(&r, LEVEL_LT, false, NOW, 0), NOW + 1);
	assert_int_equal(
		renewal_due(&r, LEVEL_LTA, false, NOW, NOW + 30 * DAY), NOW + 20 * DAY);
	/* What ends sooner than that is renewed soon, not at once again and again. */
	assert_int_equal(renewal_due(&r, LEVEL_LTA, false, NOW, NOW + DAY), NOW + 7);
	assert_int_equal(open_with("to = \"LT\"; lt_after_s = 50;", &r), 0);
	assert_int_equal(renewal_due(&r, LEVEL_T, false, NOW, 0), NOW + 50);
	assert_int_equal(renewal_due(&r, LEVEL_LT, false, NOW, 0), 0);
}

static void bad_rules(void **state)
{
	static const char *const BAD[] = { "", "to = \"B\";", "to = \"XL\";", "to = 1;",
		"to = \"LT\"; lt_after_s = 0;", "to = \"LT\"; retry_s = 86401;",
		"to = \"LTA\"; before_days = 0;", "to = \"LT\"; colour = 1;" };
	struct renewal_rule r;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
		assert_int_equal(open_with(BAD[i], &r), -EINVAL);
}

static void levels_have_names(void **state)
{
	(void)state;
	for (int i = LEVEL_B; i <= LEVEL_LTA; i++)
		assert_int_equal(seal_level_find(seal_level_text((enum seal_level)i)), i);
	assert_int_equal(seal_level_find(""), LEVEL_NONE);
	assert_int_equal(seal_level_find("XL"), LEVEL_NONE);
}

static void until_the_authority_ends(void **state)
{
	_cleanup_(freep) uint8_t *token = NULL;
	struct house h;
	int64_t end, from, to;
	size_t len;

	(void)state;
	house_open(&h, NOW);
	stamped(&h, span_str("octets"), NOW, &token, &len);
	assert_int_equal(pki_certificate_validity(h.tsa, &from, &to), 0);
	end = renewal_end_of(span_of(token, len), NOW);
	assert_int_equal(end, to);
	assert_int_equal(renewal_end_of(span_str("no token"), NOW), 0);
	house_done(&h);
}

static int set_up(void **state)
{
	_cleanup_(freep) char *error = NULL;
	char path[PATH_MAX];

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	snprintf(path, sizeof(path), "mkdir -p %s/policies/signature", FOLDER);
	assert_int_equal(system(path), 0);
	assert_int_equal(xades_setup(), 0);
	snprintf(INSTANCE.dir, sizeof(INSTANCE.dir), "%s", FOLDER);
	return 0;
}

static int tear_down(void **state)
{
	char command[PATH_MAX];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", FOLDER);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_only_what_is_bare),
		cmocka_unit_test(to_lta),
		cmocka_unit_test(bad_rules),
		cmocka_unit_test(levels_have_names),
		cmocka_unit_test(until_the_authority_ends),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
