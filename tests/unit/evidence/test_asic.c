/* SPDX-License-Identifier: EUPL-1.2 */
#include "evidence/asic.h"

#include "common/digest.h"
#include "common/limits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the four above */
#include <cmocka.h>

#define PYTHON "/usr/bin/python3"

#define SMALL_PARTS                                                                      \
	[ASIC_DOCUMENT] = { (const uint8_t *)"<a>\r\n</a>", 9 },                         \
	[ASIC_REPORT] = { (const uint8_t *)"{\"r\":1}", 7 },                             \
	[ASIC_RECEIPT] = { (const uint8_t *)"{}", 2 },                                   \
	[ASIC_SIGNATURES] = { (const uint8_t *)"<s/>", 4 }
static const struct asic SMALL = { { SMALL_PARTS } };
static const struct asic WITH_RECORD = {
	{ SMALL_PARTS, [ASIC_RECORD] = { (const uint8_t *)"0", 1 } }
};

static void write_small(struct buf *b)
{
	buf_init(b, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&SMALL, b), 0);
}

/* The reader's answer and, when it refuses, that it says where and why. */
static int read_octets(const void *data, size_t len)
{
	_cleanup_findings_ struct findings f = { 0 };
	struct asic a = { 0 };
	int r = asic_read(span_of(data, len), &f, &a);

	if (r == 0) {
		assert_int_equal(f.count, 1);
		assert_int_equal(f.errors, 1);
		assert_string_not_equal(f.list[0].reason->code, "internal.reason");
		assert_true(strlen(f.list[0].where) > strlen("offset "));
		assert_null(a.parts[0].data);
	} else {
		assert_int_equal(f.count, 0);
	}
	return r;
}

static void parts_come_back(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf b;
	struct asic a;

	(void)state;
	write_small(&b);
	assert_int_equal(asic_read(buf_span(&b), &f, &a), 1);
	for (int i = 0; i < ASIC_PARTS; i++)
		assert_true(span_equal(a.parts[i], SMALL.parts[i]));
}

/* Every choice of the parts that may be absent. */
static void optional_parts_come_back(void **state)
{
	static const char *const NAMES[] = { "record.ers", "document-parallel.xml",
		"document-counter.xml" };

	(void)state;
	for (size_t choice = 0; choice < 8; choice++) {
		_cleanup_findings_ struct findings f = { 0 };
		struct asic given = SMALL, a;
		_cleanup_buf_ struct buf b;

		for (size_t i = 0; i < 3; i++)
			if (choice & 1u << i)
				given.parts[ASIC_RECORD + i] = span_str("0");
		buf_init(&b, LIMIT_CONTAINER);
		assert_int_equal(asic_write(&given, &b), 0);
		assert_int_equal(asic_read(buf_span(&b), &f, &a), 1);
		for (int i = 0; i < ASIC_PARTS; i++)
			assert_true(span_equal(a.parts[i], given.parts[i]));
		/* Its local and its central header, and the manifest. */
		for (size_t i = 0; i < 3; i++) {
			const char *at = b.data;
			size_t found = 0, n = strlen(NAMES[i]);

			while ((at = memmem(at,
					b.len - (size_t)(at - (const char *)b.data),
					NAMES[i], n)) != NULL) {
				found++;
				at += n;
			}
			assert_int_equal(found, choice & 1u << i ? 3 : 0);
		}
	}
}

static void a_record_comes_back(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf b;
	struct asic a;

	(void)state;
	buf_init(&b, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&WITH_RECORD, &b), 0);
	assert_int_equal(asic_read(buf_span(&b), &f, &a), 1);
	for (int i = 0; i < ASIC_PARTS; i++)
		assert_true(span_equal(a.parts[i], WITH_RECORD.parts[i]));
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 1;
		assert_int_equal(read_octets(b.data, b.len), 0);
		b.data[i] ^= 1;
	}
}

static void empty_parts_come_back(void **state)
{
	_cleanup_buf_ struct buf b;
	static const struct asic empty;

	(void)state;
	buf_init(&b, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&empty, &b), 0);
	assert_int_equal(read_octets(b.data, b.len), 1);
}

/* EN 319 162-1 A.1: magic numbers at fixed offsets. */
static void mimetype_is_where_the_standard_wants_it(void **state)
{
	_cleanup_buf_ struct buf b;

	(void)state;
	write_small(&b);
	assert_memory_equal(b.data, "PK\3\4", 4);
	assert_memory_equal(b.data + 28, "\0\0", 2);
	assert_memory_equal(b.data + 30, "mimetype", 8);
	assert_memory_equal(b.data + 38, "application/vnd.etsi.asic-e+zip", 31);
}

static void equal_parts_give_equal_octets(void **state)
{
	_cleanup_buf_ struct buf a, b;

	(void)state;
	write_small(&a);
	buf_init(&b, LIMIT_CONTAINER);
	buf_add_str(&b, "before");
	assert_int_equal(asic_write(&SMALL, &b), 0);
	assert_true(span_equal(buf_span(&a), span_of(b.data + 6, b.len - 6)));
}

/* Containers live for decades: no version may write or read another form. */
static void the_form_does_not_drift(void **state)
{
	static const char MANIFEST[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<manifest:manifest manifest:version=\"1.2\" xmlns:manifest="
		"\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\">\n"
		"<manifest:file-entry manifest:full-path=\"/\" manifest:media-type="
		"\"application/vnd.etsi.asic-e+zip\"/>\n"
		"<manifest:file-entry manifest:full-path=\"document.xml\" "
		"manifest:media-type=\"application/xml\"/>\n"
		"<manifest:file-entry manifest:full-path=\"report.json\" "
		"manifest:media-type=\"application/json\"/>\n"
		"<manifest:file-entry manifest:full-path=\"receipt.json\" "
		"manifest:media-type=\"application/json\"/>\n"
		"</manifest:manifest>\n";
	char sha256[SHA256_TEXT_SIZE];
	_cleanup_buf_ struct buf b;

	(void)state;
	write_small(&b);
	assert_non_null(memmem(b.data, b.len, MANIFEST, sizeof(MANIFEST) - 1));
	assert_int_equal(digest_sha256_text(buf_span(&b), sha256), 0);
	assert_string_equal(sha256,
		"e1c81e5c60527c76856634c0bf2e9975cda4342aab5b3aa17cb8f3017d98b639");
}

static void every_bit_counts(void **state)
{
	_cleanup_buf_ struct buf b;

	(void)state;
	write_small(&b);
	for (size_t i = 0; i < b.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			b.data[i] ^= (char)(1 << bit);
			if (read_octets(b.data, b.len) != 0)
				fail_msg("octet %zu, bit %d", i, bit);
			b.data[i] ^= (char)(1 << bit);
		}
	assert_int_equal(read_octets(b.data, b.len), 1);
}

static void every_length_but_one_is_refused(void **state)
{
	_cleanup_buf_ struct buf b;

	(void)state;
	write_small(&b);
	for (size_t len = 0; len < b.len; len++) {
		char *copy = malloc(len ? len : 1); /* so that ASan sees a read past it */

		memcpy(copy, b.data, len);
		assert_int_equal(read_octets(copy, len), 0);
		free(copy);
	}
	buf_add(&b, "", 1);
	assert_int_equal(read_octets(b.data, b.len), 0);
}

static void every_octet_added_or_removed_is_refused(void **state)
{
	_cleanup_buf_ struct buf b;
	char *copy;

	(void)state;
	write_small(&b);
	copy = malloc(b.len + 1);
	for (size_t at = 0; at < b.len; at++) {
		memcpy(copy, b.data, at);
		copy[at] = 'x';
		memcpy(copy + at + 1, b.data + at, b.len - at);
		assert_int_equal(read_octets(copy, b.len + 1), 0);
		memcpy(copy + at, b.data + at + 1, b.len - at - 1);
		assert_int_equal(read_octets(copy, b.len - 1), 0);
	}
	free(copy);
}

static void swapped_parts_are_seen_by_size_only(void **state)
{
	_cleanup_buf_ struct buf b;
	struct asic swapped = SMALL;

	(void)state;
	swapped.parts[ASIC_REPORT] = SMALL.parts[ASIC_RECEIPT];
	swapped.parts[ASIC_RECEIPT] = SMALL.parts[ASIC_REPORT];
	buf_init(&b, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&swapped, &b), 0);
	assert_int_equal(
		read_octets(b.data, b.len), 1); /* whose part it is, the seal says */
}

static void the_finding_names_the_field(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf b;
	struct asic a;

	(void)state;
	write_small(&b);
	b.data[8] = 8; /* method of mimetype: deflated */
	assert_int_equal(asic_read(buf_span(&b), &f, &a), 0);
	assert_true(findings_have(&f, "evidence.form"));
	assert_string_equal(f.list[0].where, "offset 8");
	assert_non_null(strstr(f.list[0].message, "mimetype"));
	assert_non_null(strstr(f.list[0].message, "method"));
}

static void limits_hold(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	_cleanup_buf_ struct buf b;
	struct asic a = SMALL, out;
	uint8_t *large = calloc(1, LIMIT_CONTAINER + 1);

	(void)state;
	assert_non_null(large);
	a.parts[ASIC_RECEIPT] = span_of(large, LIMIT_RECEIPT);
	buf_init(&b, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&a, &b), 0);
	assert_int_equal(read_octets(b.data, b.len), 1);
	buf_done(&b);
	a.parts[ASIC_RECEIPT].len++;
	assert_int_equal(asic_write(&a, &b), -E2BIG);
	assert_int_equal(asic_read(span_of(large, LIMIT_CONTAINER + 1), &f, &out), 0);
	assert_true(findings_have(&f, "evidence.size"));
	free(large);
}

/* A size that the header only claims: there are octets enough behind it. */
static void a_part_over_its_limit_is_named(void **state)
{
	_cleanup_findings_ struct findings f = { 0 };
	uint8_t *large = calloc(1, 2 * LIMIT_RECEIPT);
	struct asic a = SMALL, out;
	_cleanup_buf_ struct buf b;
	char *header;

	(void)state;
	assert_non_null(large);
	a.parts[ASIC_SIGNATURES] = span_of(large, 2 * LIMIT_RECEIPT);
	buf_init(&b, LIMIT_CONTAINER);
	assert_int_equal(asic_write(&a, &b), 0);
	header = memmem(b.data, b.len, "receipt.json", 12);
	header[-30 + 22] = 1; /* 65537 octets */
	header[-30 + 23] = 0;
	header[-30 + 24] = 1;
	assert_int_equal(asic_read(buf_span(&b), &f, &out), 0);
	assert_true(findings_have(&f, "evidence.size"));
	free(large);
}

static void a_full_buffer_is_an_error(void **state)
{
	(void)state;
	for (size_t max = 0; max < 400; max += 7) {
		_cleanup_buf_ struct buf b;

		buf_init(&b, max);
		assert_int_equal(asic_write(&SMALL, &b), -E2BIG);
	}
}

/* What others have to be able to read, without knowing the form. */
static const char JUDGE[] =
	"import sys, zipfile\n"
	"z = zipfile.ZipFile(sys.argv[1])\n"
	"assert z.testzip() is None\n"
	"i = z.infolist()\n"
	"assert [e.filename for e in i] == ['mimetype', 'document.xml', 'report.json',"
	" 'receipt.json', 'META-INF/manifest.xml', 'META-INF/signatures001.xml']\n"
	"assert all(e.compress_type == 0 and not e.extra and not e.comment for e in i)\n"
	"assert z.read('document.xml') == b'<a>\\r\\n</a>' and z.read('report.json') "
	"==\\\n"
	" b'{\"r\":1}' and z.read('META-INF/signatures001.xml') == b'<s/>'\n"
	"assert z.read('mimetype') == b'application/vnd.etsi.asic-e+zip'\n"
	"import xml.etree.ElementTree as t\n"
	"n = '{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}'\n"
	"m = t.fromstring(z.read('META-INF/manifest.xml'))\n"
	"p = [e.get(n + 'full-path') for e in m]\n"
	"assert p == ['/', 'document.xml', 'report.json', 'receipt.json'], p\n";

static void python_reads_it(void **state)
{
	_cleanup_buf_ struct buf b;
	char path[] = "/tmp/test_asic_XXXXXX", script[] = "/tmp/test_asic_XXXXXX";
	char *command;
	int fd = mkstemp(path), judge = mkstemp(script);

	(void)state;
	assert_true(fd >= 0 && judge >= 0);
	write_small(&b);
	assert_int_equal(write(fd, b.data, b.len), b.len);
	assert_int_equal(write(judge, JUDGE, sizeof(JUDGE) - 1), sizeof(JUDGE) - 1);
	assert_true(asprintf(&command, PYTHON " %s %s", script, path) > 0);
	assert_int_equal(access(PYTHON, X_OK) == 0 ? system(command) : 0, 0);
	free(command);
	close(fd);
	close(judge);
	unlink(path);
	unlink(script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_back),
		cmocka_unit_test(optional_parts_come_back),
		cmocka_unit_test(a_record_comes_back),
		cmocka_unit_test(empty_parts_come_back),
		cmocka_unit_test(mimetype_is_where_the_standard_wants_it),
		cmocka_unit_test(equal_parts_give_equal_octets),
		cmocka_unit_test(the_form_does_not_drift),
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(every_length_but_one_is_refused),
		cmocka_unit_test(every_octet_added_or_removed_is_refused),
		cmocka_unit_test(swapped_parts_are_seen_by_size_only),
		cmocka_unit_test(the_finding_names_the_field),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(a_part_over_its_limit_is_named),
		cmocka_unit_test(a_full_buffer_is_an_error),
		cmocka_unit_test(python_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
