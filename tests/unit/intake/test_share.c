/* SPDX-License-Identifier: EUPL-1.2 */
/* How the room is shared between partners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/share.h"
#include "stage.h"

#include <stdio.h>

static size_t take_all(struct shares *s, const char *partner)
{
	size_t n = 0;

	while (share_take(s, partner) == SHARE_TAKEN)
		n++;
	return n;
}

static void test_a_quarter_for_one(void **state)
{
	struct shares s;

	(void)state;
	assert_int_equal(shares_init(&s, 32), 0);
	assert_int_equal(take_all(&s, "a"), 8);
	assert_int_equal(share_take(&s, "a"), SHARE_OVER);
	assert_int_equal(share_take(&s, "b"), SHARE_TAKEN);
	share_give(&s, "a");
	assert_int_equal(share_take(&s, "a"), SHARE_TAKEN);
	assert_int_equal(share_take(&s, "a"), SHARE_OVER);
	shares_done(&s);
}

/* However many partners flood, each other partner gets its first request through as long
 * as there is room at all; and what is given back is free again. */
static void test_the_last_quarter_is_for_newcomers(void **state)
{
	struct shares s;
	char name[16];

	(void)state;
	assert_int_equal(shares_init(&s, 32), 0);
	assert_int_equal(take_all(&s, "a") + take_all(&s, "b") + take_all(&s, "c"), 24);
	assert_int_equal(take_all(&s, "d"), 1);
	assert_int_equal(share_take(&s, "d"), SHARE_NONE);
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		assert_int_equal(share_take(&s, name), SHARE_TAKEN);
	}
	assert_int_equal(share_take(&s, "f"), SHARE_NONE);
	share_give(&s, "d");
	assert_int_equal(share_take(&s, "f"), SHARE_TAKEN);
	shares_done(&s);
}

static void test_small_rooms(void **state)
{
	(void)state;
	for (size_t room = 1; room < 8; room++) {
		struct shares s;

		assert_int_equal(shares_init(&s, room), 0);
		assert_int_equal(take_all(&s, "a"), 1);
		assert_int_equal(
			share_take(&s, "b"), room > 1 ? SHARE_TAKEN : SHARE_NONE);
		shares_done(&s);
	}
}

/* A partner whose share is running is told so, another is served, and answering gives the
 * place back. */
static void test_one_partner_does_not_starve_another(void **state)
{
	struct visit status = {
		.who = &house.chile, .method = "GET", .uri = "/v1/status"
	};
	struct answer a;
	size_t n;

	(void)state;
	n = take_all(&server.shares, "ke-kephis");
	post("<a/>", &a);
	expect_problem(&a, 503, "http.partner-busy");
	assert_non_null(answer_header(&a, "Retry-After"));
	assert_int_equal(verify.asked, 0);
	answer_done(&a);
	for (size_t i = 0; i < 2 * server.shares.room; i++) {
		visit(&server, &thread_links, &status, &a);
		assert_int_equal(a.status, 200);
		answer_done(&a);
	}
	while (n--)
		share_give(&server.shares, "ke-kephis");
	assert_int_equal(server.shares.running, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_quarter_for_one),
		cmocka_unit_test(test_the_last_quarter_is_for_newcomers),
		cmocka_unit_test(test_small_rooms),
		ON_STAGE(test_one_partner_does_not_starve_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
