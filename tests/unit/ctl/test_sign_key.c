/* SPDX-License-Identifier: EUPL-1.2 */
/* What is said of a key file that gives no key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/partner/sign_key.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char DIR_OF_TESTS[] = "/tmp/test_sign_key_XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", DIR_OF_TESTS, name);
	return path;
}

/* Both encodings that a passphrase may hide a key in, the key in the clear, and none. */
static int set_up(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char word[] = "word";
	BIO *bio;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(DIR_OF_TESTS));
	f = fopen(in_folder("pkcs8.key"), "w");
	assert_true(PEM_write_PKCS8PrivateKey(
		f, key, EVP_aes_256_cbc(), word, 4, NULL, NULL));
	fclose(f);
	bio = BIO_new_file(in_folder("old.key"), "w");
	assert_true(PEM_write_bio_PrivateKey_traditional(
		bio, key, EVP_aes_256_cbc(), (unsigned char *)word, 4, NULL, NULL));
	BIO_free(bio);
	f = fopen(in_folder("clear.key"), "w");
	assert_true(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	fclose(f);
	f = fopen(in_folder("none.key"), "w");
	fputs("nothing\n", f);
	fclose(f);
	EVP_PKEY_free(key);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const NAMES[] = { "pkcs8.key", "old.key", "clear.key",
		"none.key", "said" };

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		unlink(in_folder(NAMES[i]));
	return rmdir(DIR_OF_TESTS);
}

/* Read the key and compare what came on standard error. */
static void check(const char *name, const char *words)
{
	char said[512] = "", path[256];
	int saved = dup(STDERR_FILENO);
	EVP_PKEY *key;
	FILE *f;

	snprintf(path, sizeof(path), "%s", in_folder(name));
	f = fopen(in_folder("said"), "w+");
	dup2(fileno(f), STDERR_FILENO);
	key = sign_key_read(path);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	fclose(f);
	if (words)
		assert_non_null(strstr(said, words));
	else
		assert_string_equal(said, "");
	assert_true((key != NULL) == (words == NULL));
	EVP_PKEY_free(key);
}

static void a_key_file_is_told_by_its_fault(void **state)
{
	(void)state;
	check("clear.key", NULL);
	check("absent.key", "absent.key: No such file");
	check("none.key", "no private key in PEM");
	check("pkcs8.key", "encrypted");
	check("old.key", "encrypted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_file_is_told_by_its_fault),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
