/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/encode.h"
#include "connectors/request.h"

#include <errno.h>
#include <openssl/evp.h>

static const struct request_values VALUES = { .reference = "R<1>",
	.number = "N&1",
	.type = "PHYTO",
	.status = "70",
	.country = "NZ",
	.import_country = "NL",
	.username = "user",
	.key = "secret",
	.client_id = "client",
	.now = 1780660800 };

static int fill(const char *template, const struct request_values *v, struct buf *ret)
{
	char *text = strdup(template);
	struct profile_operation operation = { .template = text };
	int r = request_soap(&operation, v, ret);

	free(text);
	return r;
}

static void test_values_are_escaped(void **state)
{
	struct request_values v = VALUES;
	_cleanup_buf_ struct buf b;

	(void)state;
	buf_init(&b, 4096);
	v.container = span_str("abc");
	assert_int_equal(fill("<a>${reference}|${number}|${file-name}|${container-base64}"
			      "|${client-id}</a>",
				 &v, &b),
		0);
	assert_string_equal(
		b.data, "<a>R&lt;1&gt;|N&amp;1|R&lt;1&gt;.asice|YWJj|client</a>");
}

static void test_unknown_placeholder_is_refused(void **state)
{
	_cleanup_buf_ struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(fill("<a>${password}</a>", &VALUES, &b), -EINVAL);
	buf_done(&b);
	assert_int_equal(fill("<a>${reference</a>", &VALUES, &b), -EINVAL);
	assert_false(request_template_ok("<a>${password}</a>"));
	assert_false(request_template_ok("<a>${reference}${reference</a>"));
	assert_true(request_template_ok(
		"<a>${security}${reference}${number}${type}${status}${country}"
		"${import-country}${file-name}${container-base64}${sealed-base64}"
		"${client-id}${original-number}${original-reference}$</a>"));
}

static char *between(const char *text, const char *from, const char *to)
{
	const char *start = strstr(text, from), *end;

	assert_non_null(start);
	start += strlen(from);
	end = strstr(start, to);
	assert_non_null(end);
	return strndup(start, (size_t)(end - start));
}

/* UsernameToken Profile 1.0, 3.1: the digest is over the nonce's octets, not its base64.
 */
static void test_password_digest(void **state)
{
	_cleanup_(freep) char *nonce = NULL, *digest = NULL, *expected = NULL;
	_cleanup_(freep) uint8_t *raw = NULL;
	_cleanup_buf_ struct buf b, input;
	uint8_t sha1[EVP_MAX_MD_SIZE];
	unsigned int len;
	size_t raw_len;

	(void)state;
	buf_init(&b, 8192);
	buf_init(&input, 256);
	assert_int_equal(fill("${security}", &VALUES, &b), 0);
	nonce = between(b.data, "Base64Binary\">", "<");
	digest = between(b.data, "PasswordDigest\">", "<");
	assert_int_equal(base64_decode(span_str(nonce), &raw, &raw_len), 0);
	assert_int_equal(raw_len, 16);
	buf_add(&input, raw, raw_len);
	buf_add_str(&input, "2026-06-05T12:00:00Zsecret");
	assert_int_equal(
		EVP_Digest(input.data, input.len, sha1, &len, EVP_sha1(), NULL), 1);
	expected = base64_encode(span_of(sha1, len));
	assert_string_equal(digest, expected);
	assert_non_null(
		strstr(b.data, "<wsu:Expires>2026-06-05T12:01:00Z</wsu:Expires>"));
	assert_null(strstr(b.data, "secret"));
}

static void test_no_credentials_no_security(void **state)
{
	struct request_values v = VALUES;
	_cleanup_buf_ struct buf b;

	(void)state;
	v.key = NULL;
	buf_init(&b, 8192);
	assert_int_equal(fill("${security}", &v, &b), -EINVAL);
}

static void test_limit(void **state)
{
	_cleanup_buf_ struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(fill("<a>${reference}</a>${number}", &VALUES, &b), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_escaped),
		cmocka_unit_test(test_unknown_placeholder_is_refused),
		cmocka_unit_test(test_password_digest),
		cmocka_unit_test(test_no_credentials_no_security),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
