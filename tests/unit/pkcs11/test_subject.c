/* SPDX-License-Identifier: EUPL-1.2 */
/* Subjects of certificate requests, as people type them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pkcs11/subject.h"
#include "pki/certificate.h"

#include <string.h>

#define EIGHT "12345678"
#define SIXTY_FOUR EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT

static void subjects_that_are_taken(void **state)
{
	static const struct {
		const char *text, *name;
	} GOOD[] = {
		{ "CN=a", "CN=a" },
		{ "C=EU,O=Gate,CN=Seal 1", "CN=Seal 1,O=Gate,C=EU" },
		{ "/C=EU/O=Gate/CN=Seal 1", "CN=Seal 1,O=Gate,C=EU" },
		{ "/CN=a, b", "CN=a\\, b" },
		{ "O=Food\\, Feed,CN=a\\\\b", "CN=a\\\\b,O=Food\\, Feed" },
		{ "OU=a,OU=b,CN=c", "CN=c,OU=b,OU=a" },
		{ "CN=a=b, O=c", "O=c,CN=a=b" },
		{ "organizationIdentifier=VATBE-1,serialNumber=7,CN=\xc3\xa9",
			"CN=\xc3\xa9,serialNumber=7,organizationIdentifier=VATBE-1" },
		{ "CN=" SIXTY_FOUR, "CN=" SIXTY_FOUR },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
		char why[SUBJECT_WHY_SIZE];
		_cleanup_(X509_NAME_freep) X509_NAME *name =
			subject_parse(GOOD[i].text, why);
		_cleanup_(freep) char *text = name ? pki_name_text(name) : NULL;

		if (!text)
			fail_msg("%s: %s", GOOD[i].text, why);
		assert_string_equal(text, GOOD[i].name);
	}
}

static void subjects_that_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} BAD[] = {
		{ "", "CN is missing" },
		{ "O=Gate", "CN is missing" },
		{ "CN=a,CN=b", "CN is there twice" },
		{ "CN=a,O", "O is no NAME=VALUE" },
		{ "CN=a,,O=b", " is no NAME=VALUE" },
		{ "CN=Food, Feed", "Feed is no NAME=VALUE" },
		{ "CN=", "CN is empty" },
		{ "CN=a\tb", "CN is empty, or not one line" },
		{ "CN=a\\", "ends with a backslash" },
		{ "C=eu,CN=a", "C is two capital letters" },
		{ "C=EUR,CN=a", "C is two capital letters" },
		{ "C=\xc3\xa9,CN=a", "C is two capital letters" },
		{ "XX=a,CN=b", "XX is none of C" },
		{ "2.5.4.3=a", "2.5.4.3 is none of C" },
		{ "emailAddress=a@b,CN=c", "emailAddress is none of C" },
		{ "CN=\xff", "too long, or not UTF-8" },
		{ "CN=" SIXTY_FOUR "5", "too long, or not UTF-8" },
		{ "CN=" SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR SIXTY_FOUR
				SIXTY_FOUR SIXTY_FOUR,
			"it is too long" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		char why[SUBJECT_WHY_SIZE];

		assert_null(subject_parse(BAD[i].text, why));
		if (!strstr(why, BAD[i].why))
			fail_msg("%s: %s", BAD[i].text, why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subjects_that_are_taken),
		cmocka_unit_test(subjects_that_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
