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

/* Wherever it stands, also across what is read at once. */
static void test_a_private_key_is_found(void **state)
{
	static const char mark[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
	static const size_t places[] = { 0, 1, 16340, 16360, 16383, 16384, 40000, 65500 };
	char template[] = "/tmp/sealgate-lies-XXXXXX";
	static char octets[65536];
	int fd = mkstemp(template);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t len = places[i] + sizeof(mark) - 1;

		if (len > sizeof(octets))
			len = sizeof(octets);
		memset(octets, '-', sizeof(octets));
		assert_int_equal(pwrite(fd, octets, sizeof(octets), 0), sizeof(octets));
		assert_int_equal(secret_lies_in(template), 0);
		memcpy(octets + places[i], mark, len - places[i]);
		assert_int_equal(pwrite(fd, octets, sizeof(octets), 0), sizeof(octets));
		/* the last one is cut short by the end */
		assert_int_equal(secret_lies_in(template), places[i] != 65500);
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(secret_lies_in(template), 0);
	close(fd);
	unlink(template);
	assert_int_equal(secret_lies_in(template), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates_are_public),
		cmocka_unit_test(test_all_else_may_be_a_secret),
		cmocka_unit_test(test_two_of_one_name),
		cmocka_unit_test(test_an_empty_one_is_not_kept),
		cmocka_unit_test(test_a_private_key_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
