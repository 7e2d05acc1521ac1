/* SPDX-License-Identifier: EUPL-1.2 */
/* Evidence records: every document of a batch is proven by one time-stamp, no other. */
#include "evidence/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "kept.h"
#include "stamped.h"

#define NOW INT64_C(1780660800) /* 2026-06-05T12:00:00Z */
#define LEN 32

static struct house HOUSE_OF_TESTS;
static struct pki_material *MATERIAL;

struct batch {
	char texts[RECORD_LEAVES_MAX][LEN];
	struct record_tree *tree;
	uint8_t *token;
	size_t token_len;
};

static void batch_open(struct batch *b, size_t count)
{
	uint8_t leaves[RECORD_LEAVES_MAX][SHA256_SIZE];
	struct span octets;

	*b = (struct batch){ 0 };
	for (size_t i = 0; i < count; i++) {
		snprintf(b->texts[i], LEN, "document %zu", i);
		assert_int_equal(digest_sha256(span_str(b->texts[i]), leaves[i]), 0);
	}
	assert_int_equal(
		record_tree_new((const uint8_t(*)[SHA256_SIZE])leaves, count, &b->tree),
		0);
	octets = record_tree_octets(b->tree);
	assert_int_equal(octets.len, count > 1 ? 64 : 0);
	stamped(&HOUSE_OF_TESTS, count > 1 ? octets : span_str(b->texts[0]), NOW + 1,
		&b->token, &b->token_len);
}

static void batch_done(struct batch *b)
{
	record_tree_free(b->tree);
	free(b->token);
}

static void write_record(const struct batch *b, size_t index, struct buf *ret)
{
	buf_init(ret, RECORD_SIZE_MAX);
	assert_int_equal(
		record_write(b->tree, index, span_of(b->token, b->token_len), ret), 0);
}

static enum record_outcome outcome_of(struct span record, const char *text)
{
	struct record_result r;
	enum record_outcome o;

	assert_int_equal(record_verify(record, span_str(text), MATERIAL, NOW + 2, &r), 0);
	o = r.outcome;
	if (o == RECORD_PASSED)
		assert_int_equal(r.token.gen_time, NOW + 1);
	assert_true((o == RECORD_PASSED) == (record_outcome_text(&r)[0] == '\0'));
	record_result_done(&r);
	return o;
}

static void every_document_of_a_batch(void **state)
{
	static const size_t COUNTS[] = { 1, 2, 3, 4, 5, 7, 8, 9, 31, 256 };
	struct batch b;
	struct buf record;

	(void)state;
	for (size_t c = 0; c < sizeof(COUNTS) / sizeof(COUNTS[0]); c++) {
		size_t n = COUNTS[c], step = n > 16 ? 15 : 1;

		batch_open(&b, n);
		for (size_t i = 0; i < n; i += step) {
			write_record(&b, i, &record);
			keep(buf_span(&record), "batch-%zu-%zu.ers", n, i);
			keep(span_str(b.texts[i]), "batch-%zu-%zu.txt", n, i);
			assert_int_equal(
				outcome_of(buf_span(&record), b.texts[i]), RECORD_PASSED);
			assert_int_equal(outcome_of(buf_span(&record), "another"),
				n > 1 ? RECORD_NOT_OVER : RECORD_TOKEN);
			buf_done(&record);
		}
		batch_done(&b);
	}
}

/* A sibling is in the first list, too: it is of the batch, and no harm is done; what is
 * further away is not proven by this record. */
static void no_document_of_elsewhere_in_the_batch(void **state)
{
	struct batch b;
	struct buf record;

	(void)state;
	batch_open(&b, 4);
	write_record(&b, 0, &record);
	assert_int_equal(outcome_of(buf_span(&record), b.texts[1]), RECORD_PASSED);
	assert_int_equal(outcome_of(buf_span(&record), b.texts[2]), RECORD_NOT_OVER);
	buf_done(&record);
	batch_done(&b);
}

static void equal_documents(void **state)
{
	uint8_t leaves[2][SHA256_SIZE];
	struct batch b = { 0 };
	struct buf record;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(digest_sha256(span_str("same"), leaves[i]), 0);
	assert_int_equal(
		record_tree_new((const uint8_t(*)[SHA256_SIZE])leaves, 2, &b.tree), 0);
	stamped(&HOUSE_OF_TESTS, record_tree_octets(b.tree), NOW + 1, &b.token,
		&b.token_len);
	write_record(&b, 1, &record);
	assert_int_equal(outcome_of(buf_span(&record), "same"), RECORD_PASSED);
	buf_done(&record);
	batch_done(&b);
}

/* Of what no signature of the token covers, nothing may be another octet. */
static void every_octet_counts(void **state)
{
	struct batch b;
	struct buf record;
	size_t head;

	(void)state;
	batch_open(&b, 3);
	write_record(&b, 0, &record);
	head = record.len - b.token_len;
	for (size_t i = 0; i < head; i++)
		for (uint8_t bit = 1; bit; bit = (uint8_t)(bit << 1)) {
			record.data[i] ^= (char)bit;
			assert_int_not_equal(
				outcome_of(buf_span(&record), b.texts[0]), RECORD_PASSED);
			record.data[i] ^= (char)bit;
		}
	for (size_t n = 0; n < record.len; n += n < head ? 1 : 97)
		assert_int_equal(outcome_of(span_of(record.data, n), b.texts[0]),
			RECORD_MALFORMED);
	assert_int_equal(buf_add(&record, "", 1), 0);
	assert_int_equal(outcome_of(buf_span(&record), b.texts[0]), RECORD_MALFORMED);
	buf_done(&record);
	batch_done(&b);
}

static void a_time_stamp_over_something_else(void **state)
{
	struct batch b;
	struct buf record;

	(void)state;
	batch_open(&b, 2);
	free(b.token);
	stamped(&HOUSE_OF_TESTS, span_str("else"), NOW + 1, &b.token, &b.token_len);
	write_record(&b, 0, &record);
	assert_int_equal(outcome_of(buf_span(&record), b.texts[0]), RECORD_TOKEN);
	buf_done(&record);
	batch_done(&b);
}

static void nothing_is_no_batch(void **state)
{
	uint8_t leaf[1][SHA256_SIZE] = { 0 };
	struct record_tree *t;
	struct buf b;

	(void)state;
	buf_init(&b, RECORD_SIZE_MAX);
	assert_int_equal(
		record_tree_new((const uint8_t(*)[SHA256_SIZE])leaf, 0, &t), -EINVAL);
	assert_int_equal(record_tree_new((const uint8_t(*)[SHA256_SIZE])leaf,
				 RECORD_LEAVES_MAX + 1, &t),
		-EINVAL);
	assert_int_equal(record_tree_new((const uint8_t(*)[SHA256_SIZE])leaf, 1, &t), 0);
	assert_int_equal(record_write(t, 1, span_str("x"), &b), -EINVAL);
	assert_int_equal(record_write(t, 0, span_str(""), &b), -EINVAL);
	record_tree_free(t);
	assert_int_equal(outcome_of(span_str(""), "x"), RECORD_MALFORMED);
}

static int set_up(void **state)
{
	(void)state;
	house_open(&HOUSE_OF_TESTS, NOW);
	MATERIAL = house_material(&HOUSE_OF_TESTS);
	keep_authority(&HOUSE_OF_TESTS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pki_material_free(MATERIAL);
	house_done(&HOUSE_OF_TESTS);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_document_of_a_batch),
		cmocka_unit_test(no_document_of_elsewhere_in_the_batch),
		cmocka_unit_test(equal_documents),
		cmocka_unit_test(every_octet_counts),
		cmocka_unit_test(a_time_stamp_over_something_else),
		cmocka_unit_test(nothing_is_no_batch),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
