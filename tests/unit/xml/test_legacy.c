/* SPDX-License-Identifier: EUPL-1.2 */
/* Old encodings, held against the converters of the C library. */
#include "xml/legacy.h"

#include "common/buf.h"
#include "common/limits.h"
#include "xml/node.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The text of the only element, or NULL when it is refused with xml.encoding. */
static char *read_text(const char *encoding, const char *octets)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;
	char *text;
	int r;

	assert_true(asprintf(&text, "<?xml version='1.0' encoding='%s'?><a>%s</a>",
			    encoding, octets) > 0);
	r = legacy_read(span_str(text), &f, &doc);
	free(text);
	assert_true(r >= 0);
	if (r == 0) {
		assert_true(findings_have(&f, "xml.encoding"));
		assert_int_not_equal(f.errors, 0);
		return NULL;
	}
	assert_int_equal(f.errors, 0);
	assert_true(findings_have(&f, "xml.encoding"));
	return xml_text(xmlDocGetRootElement(doc));
}

static void like_iconv(const char *encoding)
{
	iconv_t way = iconv_open("UTF-8", encoding);

	assert_ptr_not_equal(way, (iconv_t)-1);
	for (unsigned int i = 0x80; i < 0x100; i++) {
		char octets[] = { 'x', (char)(uint8_t)i, 'y', '\0' }, want[16] = "";
		char *in = octets, *out = want, *got = read_text(encoding, octets);
		size_t in_left = 3, out_left = sizeof(want) - 1;

		if (iconv(way, &in, &in_left, &out, &out_left) == (size_t)-1) {
			assert_null(got);
			iconv(way, NULL, NULL, NULL, NULL);
		} else {
			assert_string_equal(got, want);
		}
		free(got);
	}
	iconv_close(way);
}

static void every_octet(void **state)
{
	static const char *const NAMES[] = { "ISO-8859-1", "ISO-8859-2", "ISO-8859-15",
		"windows-1250", "windows-1252", "US-ASCII", "iso-8859-2" };

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		like_iconv(NAMES[i]);
}

/* What could be read as other characters than were meant. */
static void others(void **state)
{
	static const char *const NAMES[] = { "UTF-16", "UTF-7", "Shift_JIS", "EBCDIC-US",
		"ISO-2022-JP", "ISO-8859-3", "ISO-8859-1 ", "" };

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		assert_null(read_text(NAMES[i], "x"));
}

static void expect_code(struct span data, const char *code)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_xml_doc_ xmlDoc *doc = NULL;

	assert_int_equal(legacy_read(data, &f, &doc), *code ? 0 : 1);
	if (*code && !findings_have(&f, code))
		fail_msg("%s instead of %s", f.list[0].reason->code, code);
	if (!*code)
		assert_int_equal(f.count, 0);
}

/* All else is as it was, after the conversion as before. */
static void rules_stay(void **state)
{
	static const char HEAD[] = "<?xml version='1.0' encoding='ISO-8859-1'?>";
	struct buf large;

	(void)state;
	expect_code(span_str("<a>\xc3\xa9</a>"), "");
	expect_code(span_str("<a>\xe9</a>"), "xml.encoding");
	expect_code(span_str("<?xml version='1.0' encoding='UTF-8'?><a>\xe9</a>"),
		"xml.encoding");
	expect_code(
		span_str("\xef\xbb\xbf<?xml version='1.0' encoding='ISO-8859-1'?><a/>"),
		"xml.encoding");
	expect_code(span_str("<?xml version='1.1' encoding='ISO-8859-1'?><a/>"),
		"xml.version");
	expect_code(
		span_str("<?xml version='1.0' encoding='ISO-8859-1'?><!DOCTYPE a><a/>"),
		"xml.doctype");
	expect_code(span_str("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</b>"),
		"xml.not-wellformed");
	expect_code(span_str("<?xml version='1.0' encoding='ISO-8859-1"),
		"xml.not-wellformed");
	buf_init(&large, 2 * (size_t)LIMIT_DOCUMENT);
	buf_add_str(&large, HEAD);
	buf_add_str(&large, "<a>");
	while (large.len < LIMIT_DOCUMENT * 2 / 3)
		buf_add_str(&large, "\xe9\xe9\xe9\xe9\xe9\xe9\xe9\xe9");
	buf_add_str(&large, "</a>");
	expect_code(buf_span(&large), "xml.size");
	buf_done(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_octet),
		cmocka_unit_test(others),
		cmocka_unit_test(rules_stay),
	};

	xml_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
