/* SPDX-License-Identifier: EUPL-1.2 */
/* A whole container, altered in every way that a file can be: none is taken as evidence,
 * and a reason says what was seen. */
#include "evidence/asic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "verified.h"
#include "zipped.h"

/* Refused, and the first error says where and what. */
static void assert_reason(struct span container, const char *code)
{
	_cleanup_answer_ struct answer a = verify(container, MATERIAL, NOW + 60);
	const struct finding *f = a.findings.list;

	assert_int_equal(a.valid, 0);
	assert_string_equal(json_string_of(a.report, "indication"), "TOTAL-FAILED");
	assert_true(a.findings.count > 0);
	assert_string_equal(f->reason->code, code);
	assert_true(f->message && f->message[0] && f->where);
}

static void every_octet_altered(void **state)
{
	static const uint8_t masks[] = { 0x01, 0x20, 0x80, 0xff };
	_cleanup_buf_ struct buf c;

	(void)state;
	make(&SEALED.plan, &c);
	for (size_t i = 0; i < c.len; i++)
		for (size_t m = 0; m < sizeof(masks); m++) {
			_cleanup_findings_ struct findings f = { 0 };
			struct asic a;

			c.data[i] = (char)(c.data[i] ^ masks[m]);
			if (asic_read(buf_span(&c), &f, &a) != 0 || f.count != 1)
				fail_msg("octet %zu, mask %x", i, masks[m]);
			if (i % 97 == 0 && m == 0)
				assert_reason(buf_span(&c), f.list[0].reason->code);
			c.data[i] = (char)(c.data[i] ^ masks[m]);
		}
}

static void assert_form(const struct zipped *z)
{
	_cleanup_buf_ struct buf b;

	buf_init(&b, LIMIT_CONTAINER);
	zipped_write(z, &b);
	assert_int_equal(b.error, 0);
	assert_reason(buf_span(&b), "evidence.form");
}

/* The container as a list of files, which written again is the container. */
static struct zipped files_of(const struct buf *c)
{
	_cleanup_buf_ struct buf again;
	struct zipped z;

	zipped_read(buf_span(c), &z);
	assert_int_equal(z.count, 6);
	buf_init(&again, LIMIT_CONTAINER);
	zipped_write(&z, &again);
	assert_int_equal(again.len, c->len);
	assert_memory_equal(again.data, c->data, c->len);
	return z;
}

static void every_file_added(void **state)
{
	static const char *const names[] = { "extra.txt", "META-INF/signatures1.xml",
		"META-INF/evidencerecord.ers", "document.xml", "mimetype",
		"../document.xml", "Document.xml" };
	_cleanup_buf_ struct buf c;
	struct zipped z;

	(void)state;
	make(&SEALED.plan, &c);
	z = files_of(&c);
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		for (size_t at = 0; at <= z.count; at++) {
			struct zipped more = z;

			memmove(&more.files[at + 1], &more.files[at],
				(z.count - at) * sizeof(z.files[0]));
			more.count++;
			(void)snprintf(more.files[at].name, sizeof(more.files[at].name),
				"%s", names[n]);
			more.files[at].content = span_of("x", 1);
			assert_form(&more);
		}
}

static void every_file_removed(void **state)
{
	_cleanup_buf_ struct buf c;
	struct zipped z;

	(void)state;
	make(&SEALED.plan, &c);
	z = files_of(&c);
	for (size_t i = 0; i < z.count; i++) {
		struct zipped less = z;

		less.count--;
		memmove(&less.files[i], &less.files[i + 1],
			(less.count - i) * sizeof(z.files[0]));
		assert_form(&less);
	}
}

static void every_file_renamed(void **state)
{
	static const char *const names[] = { "x", "DOCUMENT.XML", "a/../mimetype",
		"document.xml ", "/document.xml" };
	_cleanup_buf_ struct buf c;
	struct zipped z;

	(void)state;
	make(&SEALED.plan, &c);
	z = files_of(&c);
	for (size_t i = 0; i < z.count; i++)
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			struct zipped other = z;

			(void)snprintf(other.files[i].name, sizeof(other.files[i].name),
				"%s", names[n]);
			assert_form(&other);
		}
}

/* Two files in each other's place, and two contents under each other's name. What is
 * right in form then is refused for what it says. */
static void every_pair_swapped(void **state)
{
	_cleanup_buf_ struct buf c;
	struct zipped z;

	(void)state;
	make(&SEALED.plan, &c);
	z = files_of(&c);
	for (size_t i = 0; i < z.count; i++)
		for (size_t j = i + 1; j < z.count; j++) {
			struct zipped place = z, content = z;
			_cleanup_buf_ struct buf b;

			place.files[i] = z.files[j];
			place.files[j] = z.files[i];
			assert_form(&place);
			content.files[i].content = z.files[j].content;
			content.files[j].content = z.files[i].content;
			buf_init(&b, LIMIT_CONTAINER);
			zipped_write(&content, &b);
			{
				_cleanup_answer_ struct answer a =
					verify(buf_span(&b), MATERIAL, NOW + 60);

				assert_int_equal(a.valid, 0);
				assert_true(a.findings.errors > 0);
				assert_string_equal(
					json_string_of(a.report, "indication"),
					"TOTAL-FAILED");
			}
		}
}

/* Everything made anew, right in every step, by somebody else: other keys, other
 * authority, other time-stamps, the same names. */
static void made_whole_by_another(void **state)
{
	_cleanup_buf_ struct buf c;
	struct sealed sealed;
	struct house other;

	(void)state;
	house_open(&other, NOW);
	sealed_plan(&sealed, &other);
	sealed_make(&other, &sealed.plan, other.seal_key, NOW + 1, &c);
	{
		_cleanup_answer_ struct answer a =
			verify(buf_span(&c), MATERIAL, NOW + 60);

		assert_int_equal(a.valid, 0);
		assert_string_equal(
			json_string_of(a.report, "indication"), "INDETERMINATE");
		assert_string_equal(json_string_of(a.report, "sub_indication"),
			"NO_CERTIFICATE_CHAIN_FOUND");
		assert_true(a.findings.errors > 0);
	}
	sealed_done(&sealed);
	house_done(&other);
}

/* The same by somebody who has a certificate of the same authority, for another use. */
static void made_whole_by_a_neighbour(void **state)
{
	struct container_plan plan = SEALED.plan;
	_cleanup_buf_ struct buf c;

	(void)state;
	plan.signer = HOUSE_OF_TESTS.tsa;
	sealed_make(&HOUSE_OF_TESTS, &plan, HOUSE_OF_TESTS.tsa_key, NOW + 1, &c);
	{
		_cleanup_answer_ struct answer a =
			verify(buf_span(&c), MATERIAL, NOW + 60);

		assert_int_equal(a.valid, 0);
		assert_true(findings_have(&a.findings, "evidence.signer"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_octet_altered),
		cmocka_unit_test(every_file_added),
		cmocka_unit_test(every_file_removed),
		cmocka_unit_test(every_file_renamed),
		cmocka_unit_test(every_pair_swapped),
		cmocka_unit_test(made_whole_by_another),
		cmocka_unit_test(made_whole_by_a_neighbour),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
