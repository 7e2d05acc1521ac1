/* SPDX-License-Identifier: EUPL-1.2 */
/* Hexadecimal, base64, digests and document ids. */
#include "common/digest.h"
#include "common/encode.h"
#include "common/id.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_hex(void **state)
{
	const uint8_t data[] = { 0x00, 0x7f, 0x80, 0xff };
	uint8_t back[4] = { 0 };
	char text[9];

	(void)state;
	hex_encode(data, 4, text);
	assert_string_equal(text, "007f80ff");
	assert_int_equal(hex_decode("007F80fF", back, 4), 0);
	assert_memory_equal(back, data, 4);
	assert_int_equal(hex_decode("007f80f", back, 4), -EINVAL);
	assert_int_equal(hex_decode("007f80ff0", back, 4), -EINVAL);
	assert_int_equal(hex_decode("007g80ff", back, 4), -EINVAL);
	assert_int_equal(hex_decode("", back, 0), 0);
}

static void round_trip(const char *plain, const char *encoded)
{
	char *text = base64_encode(span_str(plain));
	uint8_t *data;
	size_t len;

	assert_string_equal(text, encoded);
	assert_int_equal(base64_decode(span_str(encoded), &data, &len), 0);
	assert_true(span_equal(span_of(data, len), span_str(plain)));
	assert_int_equal(data[len], '\0');
	free(data);
	free(text);
}

/* RFC 4648 section 10. */
static void test_base64_vectors(void **state)
{
	(void)state;
	round_trip("", "");
	round_trip("f", "Zg==");
	round_trip("fo", "Zm8=");
	round_trip("foo", "Zm9v");
	round_trip("foob", "Zm9vYg==");
	round_trip("fooba", "Zm9vYmE=");
	round_trip("foobar", "Zm9vYmFy");
}

static void test_base64_white_space(void **state)
{
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(base64_decode(span_str(" Zm9v\r\n\tYg = =\n"), &data, &len), 0);
	assert_true(span_equal(span_of(data, len), span_str("foob")));
	free(data);
}

static void test_base64_refused(void **state)
{
	static const char *const BAD[] = { "Z", "Zg",
		"Zg=", "Zg===", "Zh==", "Zi==", "Zk==", "Zo==", "Zm9=", "=",
		"====", "Z===", "Zm9vYg==Zg==", "Zm9v=", "Zm-v", "Zm_v", "Zm9v\v",
		"Zm9v!", "Zg=a" };

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		uint8_t *data = NULL;
		size_t len;

		if (base64_decode(span_str(BAD[i]), &data, &len) != -EINVAL)
			fail_msg("accepted: %s", BAD[i]);
	}
	assert_int_equal(
		base64_decode(span_of("Zm9v\0", 5), &(uint8_t *){ NULL }, &(size_t){ 0 }),
		-EINVAL);
}

static void test_sha256(void **state)
{
	char text[SHA256_TEXT_SIZE];

	(void)state;
	assert_int_equal(digest_sha256_text(span_str("abc"), text), 0);
	assert_string_equal(
		text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(digest_sha256_text(span_str(""), text), 0);
	assert_string_equal(
		text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_id(void **state)
{
	char a[DOCUMENT_ID_SIZE], b[DOCUMENT_ID_SIZE];

	(void)state;
	assert_int_equal(id_new(a), 0);
	assert_int_equal(id_new(b), 0);
	assert_true(id_valid(a));
	assert_true(id_valid(b));
	assert_string_not_equal(a, b);
	/* The time is the front: ids of this century begin alike and sort by time. */
	assert_memory_equal(a, "0", 1);
	assert_true(memcmp(a, b, 10) <= 0);
}

static void test_id_invalid(void **state)
{
	(void)state;
	assert_true(id_valid("01JZ0000000000000000000000"));
	assert_false(id_valid(""));
	assert_false(id_valid("01JZ000000000000000000000"));
	assert_false(id_valid("01JZ00000000000000000000000"));
	assert_false(id_valid("01jz0000000000000000000000"));
	assert_false(id_valid("01JI0000000000000000000000"));
	assert_false(id_valid("01JZ00000000000000000000/."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_base64_white_space),
		cmocka_unit_test(test_base64_refused),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_id_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
