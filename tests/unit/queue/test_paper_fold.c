/* SPDX-License-Identifier: EUPL-1.2 */
/* However somebody writes the number of a paper, it is kept and compared in one way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "queue/backend.h"

#include <stdio.h>
#include <string.h>

static void folded(void **state)
{
	char text[DOCUMENT_NUMBER_SIZE], longest[3 * DOCUMENT_NUMBER_SIZE];

	(void)state;
	paper_fold(" \n ab  c-\t1 ", text);
	assert_string_equal(text, "AB C- 1");
	paper_fold("", text);
	assert_string_equal(text, "");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	paper_fold(longest, text);
	assert_int_equal(strlen(text), DOCUMENT_NUMBER_SIZE - 1);
	memset(longest, 'x', DOCUMENT_NUMBER_SIZE - 2);
	snprintf(longest + DOCUMENT_NUMBER_SIZE - 2, 4, " xx");
	paper_fold(longest, text);
	assert_int_equal(strlen(text), DOCUMENT_NUMBER_SIZE - 2);
}

/* A number that is too long is cut between characters, wherever the cut falls. */
static void folded_between_characters(void **state)
{
	static const char *const CHARACTERS[] = { "\xC3\xA9", "\xE2\x82\xAC",
		"\xF0\x9F\x8C\xBE" };
	char text[DOCUMENT_NUMBER_SIZE], longest[3 * DOCUMENT_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t before = 0; before < 8; before++) {
			_cleanup_json_ json_t *read = NULL;
			size_t n = before;

			memset(longest, 'x', n);
			while (n + 5 < sizeof(longest))
				n += (size_t)snprintf(
					longest + n, 5, "%s", CHARACTERS[i]);
			paper_fold(longest, text);
			read = json_string(text); /* NULL for what is no UTF-8 */
			assert_non_null(read);
			assert_true(strlen(text) + strlen(CHARACTERS[i]) >=
				    DOCUMENT_NUMBER_SIZE);
		}
	memset(longest, 'x', DOCUMENT_NUMBER_SIZE - 3);
	snprintf(longest + DOCUMENT_NUMBER_SIZE - 3, 5, " \xC3\xA9");
	paper_fold(longest, text);
	assert_int_equal(strlen(text), DOCUMENT_NUMBER_SIZE - 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folded),
		cmocka_unit_test(folded_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
