/* SPDX-License-Identifier: EUPL-1.2 */
#include "common/deflated.h"

#include "common/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void comes_back(void **state)
{
	static const char *const TEXTS[] = { "", "a",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		_cleanup_(freep) char *text = deflated_text(span_str(TEXTS[i]));
		_cleanup_(freep) uint8_t *octets = NULL;
		size_t len;

		assert_non_null(text);
		assert_int_equal(deflated_read(text, 100, &octets, &len), 0);
		assert_int_equal(len, strlen(TEXTS[i]));
		assert_string_equal((const char *)octets, TEXTS[i]);
	}
}

static void what_is_not_packed(void **state)
{
	static const char *const TEXTS[] = { "*", "QQ==", "", "eJxLBAAAYgBi" };
	_cleanup_(freep) char *text = deflated_text(span_str("abc"));
	char more[100];
	uint8_t *octets = NULL;
	size_t len, n;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(deflated_read(TEXTS[i], 100, &octets, &len), -EBADMSG);
	/* something behind it: the padding of the base64 has to go first */
	n = strcspn(text, "=");
	memcpy(more, text, n);
	memset(more + n, 'A', sizeof(more) - n);
	more[(n + 7) / 4 * 4] = '\0';
	assert_int_equal(deflated_read(more, 100, &octets, &len), -EBADMSG);
	assert_null(octets);
}

static void never_beyond_the_bound(void **state)
{
	char large[10000];
	_cleanup_(freep) char *text = NULL;
	uint8_t *octets = NULL;
	size_t len;

	(void)state;
	memset(large, 'x', sizeof(large));
	text = deflated_text(span_of((const uint8_t *)large, sizeof(large)));
	assert_int_equal(deflated_read(text, sizeof(large) - 1, &octets, &len), -E2BIG);
	assert_null(octets);
	assert_int_equal(deflated_read(text, sizeof(large), &octets, &len), 0);
	free(octets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(what_is_not_packed),
		cmocka_unit_test(never_beyond_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
