/* SPDX-License-Identifier: EUPL-1.2 */
/* Nothing that may be a secret counts as public, no two secrets share a name, and an
 * empty one is never kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/appliance/secret_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK "-----BEGIN CERTIFICATE-----\nMIIB+/8=\nAAAA\n-----END CERTIFICATE-----\n"

static char FOLDER[] = "/tmp/sealgate-secrets-XXXXXX";

static bool is_public(const char *text)
{
	return secret_is_public(span_str(text));
}

static void test_certificates_are_public(void **state)
{
	(void)state;
	assert_true(is_public(BLOCK));
	assert_true(is_public(BLOCK BLOCK));
	assert_true(is_public("# who it is\r\n\n" BLOCK "  \n\n# end"));
	assert_true(is_public(
		"-----BEGIN CERTIFICATE-----\r\nMIIB\r\n-----END CERTIFICATE-----"));
}

static void test_all_else_may_be_a_secret(void **state)
{
	static const char *const SECRETS[] = {
		"",
		"# nothing\n",
		"1234\n",
		BLOCK "password = \"p\";\n",
		"password = \"p\";\n" BLOCK,
		"ca = \"" BLOCK "\";\n",
		BLOCK "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		BLOCK "-----BEGIN X-----\nAAAA\n-----END X-----\n",
		"-----BEGIN CERTIFICATE-----\npin: 1\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n",
		BLOCK "-----BEGIN CERTIFICATE-----\nAAAA\n",
		"-----BEGIN CERTIFICATE-----\n" BLOCK,
		BLOCK "-----END CERTIFICATE-----\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(SECRETS) / sizeof(SECRETS[0]); i++)
		if (is_public(SECRETS[i]))
			fail_msg("taken for public: %s", SECRETS[i]);
	assert_false(secret_is_public(span_of(BLOCK "\0", sizeof(BLOCK))));
}

static void test_two_of_one_name(void **state)
{
	(void)state;
	assert_true(secret_clash("credentials/a/b", "credentials/a_b"));
	assert_false(secret_clash("credentials/a/b", "credentials/a-b"));
	assert_false(secret_clash("/a/b", "/a/b")); /* no credential at all */
}

static void test_an_empty_one_is_not_kept(void **state)
{
	char to[64], text[8] = "";
	struct stat st;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(FOLDER));
	snprintf(to, sizeof(to), "%s/to", FOLDER);
	assert_int_equal(secret_keep(span_str(""), to), -ENODATA);
	assert_int_equal(access(to, F_OK), -1);
	assert_int_equal(secret_keep(span_str("sealed"), to), 0);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	f = fopen(to, "r");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, f), 6);
	assert_string_equal(text, "sealed");
	fclose(f);
	unlink(to);
	rmdir(FOLDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates_are_public),
		cmocka_unit_test(test_all_else_may_be_a_secret),
		cmocka_unit_test(test_two_of_one_name),
		cmocka_unit_test(test_an_empty_one_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
