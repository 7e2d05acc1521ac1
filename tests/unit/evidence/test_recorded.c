/* SPDX-License-Identifier: EUPL-1.2 */
/* Containers with an evidence record, and seals that say they are at level B. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "evidence/asic.h"
#include "evidence/record.h"
#include "kept.h"
#include "stamped.h"
#include "verified.h"

/* A record over a text, which is one of a batch of three. */
static void record_over(const char *text, struct buf *ret)
{
	uint8_t leaves[3][SHA256_SIZE] = { { 1 }, { 0 }, { 3 } };
	_cleanup_(record_tree_freep) struct record_tree *t = NULL;
	_cleanup_(freep) uint8_t *token = NULL;
	size_t len;

	assert_int_equal(digest_sha256(span_str(text), leaves[1]), 0);
	assert_int_equal(
		record_tree_new((const uint8_t(*)[SHA256_SIZE])leaves, 3, &t), 0);
	stamped(&HOUSE_OF_TESTS, record_tree_octets(t), NOW + 1, &token, &len);
	buf_init(ret, RECORD_SIZE_MAX);
	assert_int_equal(record_write(t, 1, span_of(token, len), ret), 0);
}

/* A container with that record (NULL: none); gen_time 0: without a time-stamp. */
static void make_with(
	const char *text, bool level_b, int64_t gen_time, struct buf *ret_container)
{
	struct container_plan plan = SEALED.plan;
	struct buf record;

	buf_init(&record, RECORD_SIZE_MAX);
	if (text)
		record_over(text, &record);
	plan.record = buf_span(&record);
	plan.level_b = level_b;
	sealed_make(
		&HOUSE_OF_TESTS, &plan, HOUSE_OF_TESTS.seal_key, gen_time, ret_container);
	buf_done(&record);
}

static const char *evidence(const struct answer *a, const char *key)
{
	return json_string_of(json_object_get(a->report, "evidence"), key);
}

static void with_a_record(void **state)
{
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };
	const json_t *record;

	(void)state;
	make_with(SEALED_DOCUMENT, false, NOW + 2, &c);
	keep(buf_span(&c), "level-t.asice");
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 1);
	assert_int_equal(a.findings.errors, 0);
	assert_false(findings_have(&a.findings, "evidence.level"));
	assert_string_equal(evidence(&a, "level"), "XAdES-BASELINE-T+ER");
	record = json_object_get(json_object_get(a.report, "evidence"), "record");
	assert_string_equal(json_string_of(record, "indication"), "PASSED");
	assert_string_equal(json_string_of(record, "gen_time"), "2026-06-05T12:00:01Z");
}

static void level_b_and_a_record(void **state)
{
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };

	(void)state;
	make_with(SEALED_DOCUMENT, true, 0, &c);
	keep(buf_span(&c), "level-b.asice");
	keep_authority(&HOUSE_OF_TESTS);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 1);
	assert_int_equal(a.findings.errors, 0);
	assert_false(findings_have(&a.findings, "evidence.level"));
	assert_string_equal(evidence(&a, "level"), "XAdES-BASELINE-B+ER");
	assert_string_equal(evidence(&a, "role"), "TEST seal of the gate unit, level B");
}

static void level_b_alone_is_warned_of(void **state)
{
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };

	(void)state;
	make_with(NULL, true, 0, &c);
	a = verify(buf_span(&c), MATERIAL, NOW + 60);
	assert_int_equal(a.valid, 1);
	assert_true(findings_have(&a.findings, "evidence.level"));
	assert_int_equal(a.findings.errors, 0);
	assert_string_equal(evidence(&a, "level"), "XAdES-BASELINE-B");
	assert_true(json_is_null(
		json_object_get(json_object_get(a.report, "evidence"), "record")));
}

static void only_who_says_so_is_without_a_time_stamp(void **state)
{
	_cleanup_buf_ struct buf bare, recorded;

	(void)state;
	make_with(NULL, false, 0, &bare);
	assert_refused(buf_span(&bare), "evidence.level");
	make_with(SEALED_DOCUMENT, false, 0, &recorded);
	assert_refused(buf_span(&recorded), "evidence.level");
}

static void a_record_of_another_document(void **state)
{
	_cleanup_buf_ struct buf c;

	(void)state;
	make_with("<another/>", false, NOW + 2, &c);
	assert_refused(buf_span(&c), "evidence.record");
}

/* The parts of a container with others of them written anew. */
static void rewritten(struct span container, struct span record, struct buf *ret)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct asic a;

	assert_int_equal(asic_read(container, &f, &a), 1);
	a.parts[ASIC_RECORD] = record;
	buf_init(ret, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&a, ret), 0);
}

static void the_seal_covers_the_record(void **state)
{
	_cleanup_buf_ struct buf with, without, record, c;

	(void)state;
	make_with(SEALED_DOCUMENT, false, NOW + 2, &with);
	make_with(NULL, false, NOW + 2, &without);
	record_over(SEALED_DOCUMENT, &record);
	rewritten(buf_span(&with), (struct span){ 0 }, &c);
	assert_refused(buf_span(&c), "evidence.coverage");
	buf_done(&c);
	rewritten(buf_span(&without), buf_span(&record), &c);
	assert_refused(buf_span(&c), "evidence.coverage");
	buf_done(&c);
	rewritten(buf_span(&with), span_str("not a record"), &c);
	assert_refused(buf_span(&c), "evidence.record");
}

static void without_anchors_nothing_is_proven(void **state)
{
	struct pki_material *empty = pki_material_new();
	_cleanup_buf_ struct buf c;
	_cleanup_answer_ struct answer a = { 0 };
	const json_t *record;

	(void)state;
	make_with(SEALED_DOCUMENT, true, 0, &c);
	a = verify(buf_span(&c), empty, NOW + 60);
	assert_int_equal(a.valid, 0);
	record = json_object_get(json_object_get(a.report, "evidence"), "record");
	assert_string_equal(json_string_of(record, "indication"), "INDETERMINATE");
	assert_string_equal(evidence(&a, "level"), "XAdES-BASELINE-B");
	pki_material_free(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_a_record),
		cmocka_unit_test(level_b_and_a_record),
		cmocka_unit_test(level_b_alone_is_warned_of),
		cmocka_unit_test(only_who_says_so_is_without_a_time_stamp),
		cmocka_unit_test(a_record_of_another_document),
		cmocka_unit_test(the_seal_covers_the_record),
		cmocka_unit_test(without_anchors_nothing_is_proven),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
