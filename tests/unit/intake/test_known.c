/* SPDX-License-Identifier: EUPL-1.2 */
/* What is remembered of good certificates, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake/known.h"

#include <stdio.h>
#include <string.h>

#define AT 1780660800

static struct scgi_request asked(const char *verify, const char *certificate)
{
	return (struct scgi_request){ .pair_count = 2,
		.pairs = { { "CLIENT_VERIFY", verify },
			{ "CLIENT_CERTIFICATE", certificate } } };
}

static bool knows(
	struct known *k, const char *verify, const char *certificate, int64_t at)
{
	struct scgi_request q = asked(verify, certificate);
	char sha256[SHA256_TEXT_SIZE] = "";
	int64_t until = 0;
	bool found = known_find(k, &q, WEB_REVOCATION_IF_PRESENT, at, sha256, &until);

	/* another demand is another question */
	assert_false(known_find(k, &q, WEB_REVOCATION_REQUIRED, at, sha256, &until));
	assert_int_equal(found, until != 0);
	assert_int_equal(found, *sha256 != '\0');
	return found;
}

static void add(struct known *k, const char *certificate, int64_t at)
{
	struct scgi_request q = asked("SUCCESS", certificate);
	char sha256[SHA256_TEXT_SIZE];

	memset(sha256, 'a', sizeof(sha256) - 1);
	sha256[sizeof(sha256) - 1] = '\0';
	known_add(k, &q, WEB_REVOCATION_IF_PRESENT, at, sha256, at + 86400);
}

static void test_this_second_only(void **state)
{
	struct known k;

	(void)state;
	known_init(&k);
	assert_false(knows(&k, "SUCCESS", "kenya", AT));
	add(&k, "kenya", AT);
	assert_true(knows(&k, "SUCCESS", "kenya", AT));
	assert_false(knows(&k, "SUCCESS", "kenya", AT + 1));
	assert_false(knows(&k, "SUCCESS", "kenya", AT - 1));
	known_done(&k);
}

static void test_the_same_words_only(void **state)
{
	struct known k;

	(void)state;
	known_init(&k);
	add(&k, "kenya", AT);
	assert_false(knows(&k, "SUCCESS", "kenyA", AT));
	assert_false(knows(&k, "SUCCESS", "kenya ", AT));
	assert_false(knows(&k, "", "kenya", AT));
	assert_false(knows(&k, "FAILED:expired", "kenya", AT));
	assert_false(knows(&k, "SUCCESSkenya", "", AT));
	known_done(&k);
}

/* Zeroed memory knows nobody, not even at time 0. */
static void test_nothing_is_known_at_first(void **state)
{
	struct known k;

	(void)state;
	known_init(&k);
	assert_false(knows(&k, "SUCCESS", "kenya", 0));
	add(&k, "kenya", 0);
	assert_false(knows(&k, "SUCCESS", "kenya", 0));
	assert_false(knows(&k, "", "", 0));
	known_done(&k);
}

/* More than there is room for push the oldest out; the same again takes no room. */
static void test_room(void **state)
{
	struct known k;
	char name[16];

	(void)state;
	known_init(&k);
	add(&k, "first", AT);
	for (int i = 0; i < KNOWN_MAX; i++)
		add(&k, "second", AT);
	assert_true(knows(&k, "SUCCESS", "first", AT));
	for (int i = 0; i < KNOWN_MAX; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		add(&k, name, AT);
		assert_true(knows(&k, "SUCCESS", name, AT));
	}
	assert_false(knows(&k, "SUCCESS", "first", AT));
	assert_true(knows(&k, "SUCCESS", "c0", AT));
	known_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_second_only),
		cmocka_unit_test(test_the_same_words_only),
		cmocka_unit_test(test_nothing_is_known_at_first),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
