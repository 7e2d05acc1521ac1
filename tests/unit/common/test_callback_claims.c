/* SPDX-License-Identifier: EUPL-1.2 */
/* What is signed of a call-back, octet for octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/callback_claims.h"

#include "common/encode.h"
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct callback_claims CLAIMS = { .instance = "Gate \xC3\xA9\"",
	.test = true,
	.partner = "nz-mpi",
	.cursor = INT64_MAX,
	.sha256 = HEX64,
	.size = 512,
	.time = 1780000000,
	.certificate_sha256 = HEX64 };

static char *decoded(const char *text, size_t len)
{
	char *copy = strndup(text, len);
	uint8_t *data;
	size_t n;

	assert_int_equal(base64url_decode(copy, &data, &n), 0);
	free(copy);
	return (char *)data;
}

static void in_one_form(void **state)
{
	_cleanup_(freep) char *input = NULL, *header = NULL, *claims = NULL,
			      *again = NULL;
	_cleanup_json_ json_t *tree = NULL;
	const char *dot;

	(void)state;
	assert_int_equal(callback_signing_input(&CLAIMS, &input), 0);
	dot = strchr(input, '.');
	assert_non_null(dot);
	header = decoded(input, (size_t)(dot - input));
	claims = decoded(dot + 1, strlen(dot + 1));
	assert_string_equal(header, "{\"alg\":\"ES256\",\"kid\":\"" HEX64
				    "\",\"typ\":\"sealgate-callback+jwt\"}");
	tree = json_read(span_str(claims), strlen(claims));
	assert_non_null(tree);
	again = json_canonical(tree);
	assert_string_equal(claims, again);
	assert_string_equal(json_string_of(tree, "aud"), "nz-mpi");
	assert_string_equal(json_string_of(tree, "iss"), CLAIMS.instance);
	assert_string_equal(json_string_of(tree, "jti"), "nz-mpi-9223372036854775807");
	assert_string_equal(json_string_of(tree, "cursor"), "9223372036854775807");
	assert_string_equal(json_string_of(tree, "sha256"), HEX64);
	assert_int_equal(json_integer_value(json_object_get(tree, "size")), 512);
	assert_int_equal(json_integer_value(json_object_get(tree, "iat")), 1780000000);
	assert_int_equal(json_integer_value(json_object_get(tree, "callback")), 1);
	assert_non_null(strstr(json_string_of(tree, "notice"), "TEST"));
	/* nothing by which a receipt or a statement is told */
	assert_null(json_object_get(tree, "receipt"));
	assert_null(json_object_get(tree, "statement"));
}

static void production_says_nothing_of_tests(void **state)
{
	struct callback_claims c = CLAIMS;
	_cleanup_(freep) char *input = NULL, *claims = NULL;

	(void)state;
	c.test = false;
	assert_int_equal(callback_signing_input(&c, &input), 0);
	claims = decoded(strchr(input, '.') + 1, strlen(strchr(input, '.') + 1));
	assert_null(strstr(claims, "TEST"));
	assert_non_null(strstr(claims, "\"test\":false"));
}

static void a_rehearsal_says_so(void **state)
{
	struct callback_claims c = CLAIMS;
	_cleanup_(freep) char *input = NULL, *claims = NULL, *again = NULL;
	_cleanup_json_ json_t *tree = NULL;

	(void)state;
	c.sandbox = true;
	assert_int_equal(callback_signing_input(&c, &input), 0);
	claims = decoded(strchr(input, '.') + 1, strlen(strchr(input, '.') + 1));
	tree = json_read(span_str(claims), strlen(claims));
	again = json_canonical(tree);
	assert_string_equal(claims, again);
	assert_true(json_is_true(json_object_get(tree, "sandbox")));
	assert_int_equal(strncmp(json_string_of(tree, "notice"), "SANDBOX:", 8), 0);
	/* the cursors of rehearsals are others */
	assert_string_equal(
		json_string_of(tree, "jti"), "sandbox:nz-mpi-9223372036854775807");
}

static void longest_id(void **state)
{
	char name[PARTNER_NAME_SIZE], id[CALLBACK_ID_SIZE];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	callback_id(name, true, INT64_MAX, id);
	assert_int_equal(strncmp(id, "sandbox:aaa", 11), 0);
	assert_string_equal(
		id + strlen("sandbox:") + sizeof(name) - 1, "-9223372036854775807");
}

static void assembled(void **state)
{
	static const uint8_t SIGNATURE[CALLBACK_SIGNATURE_SIZE] = { 0 };
	_cleanup_(freep) char *jws = NULL;

	(void)state;
	assert_int_equal(callback_assemble("a.b", SIGNATURE, &jws), 0);
	assert_int_equal(strlen(jws), 4 + 86);
	assert_int_equal(strncmp(jws, "a.b.AAAA", 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_one_form),
		cmocka_unit_test(production_says_nothing_of_tests),
		cmocka_unit_test(a_rehearsal_says_so),
		cmocka_unit_test(longest_id),
		cmocka_unit_test(assembled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
