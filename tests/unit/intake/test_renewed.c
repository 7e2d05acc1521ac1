/* SPDX-License-Identifier: EUPL-1.2 */
/* What was judged by a policy and a store that were replaced is not accepted any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/renewed.h"

#include <stdio.h>

static struct verdict by(const char *policy, const char *store)
{
	struct verdict v = { .decision = DECISION_ACCEPTED };

	snprintf(v.policy_digest, sizeof(v.policy_digest), "%s", policy);
	snprintf(v.store_version, sizeof(v.store_version), "%s", store);
	return v;
}

static void test_holds(void **state)
{
	struct renewed r = { .lock = PTHREAD_MUTEX_INITIALIZER, .stop = -1 };
	const struct verdict old = by("p1", "s1"), now = by("p1", "s2"),
			     next = by("p2", "s2");

	(void)state;
	assert_true(renewed_holds(&r, &old)); /* nothing is known yet */
	r.now = (struct judged_by){ "p1", "s1" };
	assert_true(renewed_holds(&r, &old));
	assert_true(renewed_holds(&r, &now)); /* verify may know earlier */
	r.before = r.now;
	r.now = (struct judged_by){ "p1", "s2" };
	assert_false(renewed_holds(&r, &old));
	assert_true(renewed_holds(&r, &now));
	assert_true(renewed_holds(&r, &next));
	r.before = r.now; /* and back again */
	r.now = (struct judged_by){ "p1", "s1" };
	assert_true(renewed_holds(&r, &old));
	assert_false(renewed_holds(&r, &now));
	renewed_done(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_holds) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
