/* SPDX-License-Identifier: EUPL-1.2 */
/* Receipts that cannot be proven keep nobody else's documents from being sealed. */
#include "seal/receipt_waits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

static const uint8_t OLD[SHA256_SIZE] = { 1 }, NEW[SHA256_SIZE] = { 2 };

static void one_of_those_that_wait_is_tried(void **state)
{
	struct receipt_waits w;

	(void)state;
	receipt_waits_init(&w);
	assert_true(receipt_waits_ask(&w, OLD, 0));
	assert_true(receipt_waits_ask(&w, OLD, 0)); /* nothing is known of it */
	receipt_waits_failed(&w, OLD, 0);
	assert_false(receipt_waits_ask(&w, OLD, RECEIPT_WAITS_MIN_MS - 1));
	assert_true(receipt_waits_ask(&w, NEW, 0)); /* others are not concerned */
	assert_true(receipt_waits_ask(&w, OLD, RECEIPT_WAITS_MIN_MS));
	assert_false(
		receipt_waits_ask(&w, OLD, RECEIPT_WAITS_MIN_MS)); /* one at a time */
	receipt_waits_failed(&w, OLD, RECEIPT_WAITS_MIN_MS);
	assert_false(receipt_waits_ask(&w, OLD, 3 * RECEIPT_WAITS_MIN_MS - 1));
	assert_true(receipt_waits_ask(&w, OLD, 3 * RECEIPT_WAITS_MIN_MS));
	receipt_waits_worked(&w, OLD);
	assert_true(receipt_waits_ask(&w, OLD, 3 * RECEIPT_WAITS_MIN_MS));
	assert_true(receipt_waits_ask(&w, OLD, 3 * RECEIPT_WAITS_MIN_MS));
}

static void the_delay_has_a_bound(void **state)
{
	struct receipt_waits w;
	int64_t now = 0;

	(void)state;
	receipt_waits_init(&w);
	for (int i = 0; i < 40; i++)
		receipt_waits_failed(&w, OLD, now);
	assert_false(receipt_waits_ask(&w, OLD, now + RECEIPT_WAITS_LONGEST_MS - 1));
	assert_true(receipt_waits_ask(&w, OLD, now + RECEIPT_WAITS_LONGEST_MS));
}

static void of_more_than_there_is_room_for_the_oldest_is_forgotten(void **state)
{
	struct receipt_waits w;
	uint8_t signer[SHA256_SIZE] = { 0 };

	(void)state;
	receipt_waits_init(&w);
	for (uint8_t i = 0; i <= RECEIPT_WAITS_MAX; i++) {
		signer[0] = (uint8_t)(i + 1);
		receipt_waits_failed(&w, signer, i);
	}
	assert_int_equal(w.count, RECEIPT_WAITS_MAX);
	signer[0] = 1;
	assert_true(receipt_waits_ask(&w, signer, RECEIPT_WAITS_MAX));
	signer[0] = 2;
	assert_false(receipt_waits_ask(&w, signer, RECEIPT_WAITS_MAX));
	/* one that is not there changes nothing */
	signer[0] = 77;
	receipt_waits_worked(&w, signer);
	assert_int_equal(w.count, RECEIPT_WAITS_MAX);
}

static void receipts_by_one_certificate_are_alike(void **state)
{
	static const char *const TEXT[] = {
		"{\"payload\":\"a\",\"protected\":\"x\",\"signature\":\"1\"}",
		"{\"payload\":\"b\",\"protected\":\"x\",\"signature\":\"2\"}",
		"{\"payload\":\"a\",\"protected\":\"y\",\"signature\":\"1\"}",
	};
	uint8_t signer[3][SHA256_SIZE];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(receipt_signer_of(span_str(TEXT[i]), signer[i]), 0);
	assert_memory_equal(signer[0], signer[1], SHA256_SIZE);
	assert_memory_not_equal(signer[0], signer[2], SHA256_SIZE);
	assert_int_equal(receipt_signer_of(span_str("{}"), signer[0]), -EINVAL);
	assert_int_equal(receipt_signer_of(span_str(""), signer[0]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_those_that_wait_is_tried),
		cmocka_unit_test(the_delay_has_a_bound),
		cmocka_unit_test(of_more_than_there_is_room_for_the_oldest_is_forgotten),
		cmocka_unit_test(receipts_by_one_certificate_are_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
