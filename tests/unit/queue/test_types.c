/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of states, read from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue/types.h"

static void texts_round_trip(void **state)
{
	(void)state;
	for (int s = 1; s < DOCUMENT_STATES; s++)
		assert_int_equal(
			document_state_find(document_state_text((enum document_state)s)),
			s);
	for (int s = 1; s < DELIVERY_STATES; s++)
		assert_int_equal(
			delivery_state_find(delivery_state_text((enum delivery_state)s)),
			s);
	assert_int_equal(document_state_find("none"), DOCUMENT_NONE);
	assert_int_equal(document_state_find(""), DOCUMENT_NONE);
	assert_int_equal(document_state_find(NULL), DOCUMENT_NONE);
	assert_int_equal(delivery_state_find("Delivered"), DELIVERY_NONE);
	assert_string_equal(document_state_text((enum document_state)99), "none");
	assert_string_equal(delivery_state_text((enum delivery_state)99), "none");
}

static void nothing_leads_back_to_none(void **state)
{
	(void)state;
	for (int s = 0; s < DOCUMENT_STATES; s++)
		assert_false(document_may_become((enum document_state)s, DOCUMENT_NONE));
	for (int s = 0; s < DELIVERY_STATES; s++)
		assert_false(delivery_may_become((enum delivery_state)s, DELIVERY_NONE));
	assert_false(document_may_become((enum document_state)99, DOCUMENT_ACCEPTED));
	assert_false(document_may_become(DOCUMENT_NONE, (enum document_state)99));
	assert_false(delivery_may_become((enum delivery_state)99, DELIVERY_QUEUED));
}

/* The ends, and what only one way leads to: this is what nobody may loosen by accident.
 */
static void ends_are_ends(void **state)
{
	(void)state;
	for (int s = 0; s < DOCUMENT_STATES; s++) {
		assert_false(
			document_may_become(DOCUMENT_REFUSED, (enum document_state)s));
		assert_int_equal(
			document_may_become((enum document_state)s, DOCUMENT_SEALED),
			s == DOCUMENT_ACCEPTED);
	}
	for (int s = 0; s < DELIVERY_STATES; s++) {
		assert_false(
			delivery_may_become(DELIVERY_DELIVERED, (enum delivery_state)s));
		assert_int_equal(
			delivery_may_become((enum delivery_state)s, DELIVERY_DELIVERED),
			s == DELIVERY_SENDING);
		/* an unknown outcome is never simply sent again */
		if (delivery_may_become(DELIVERY_UNKNOWN, (enum delivery_state)s))
			assert_true(s == DELIVERY_SENDING || s == DELIVERY_HELD ||
				    s == DELIVERY_EXPIRED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_round_trip),
		cmocka_unit_test(nothing_leads_back_to_none),
		cmocka_unit_test(ends_are_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
