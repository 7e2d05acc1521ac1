/* SPDX-License-Identifier: EUPL-1.2 */
/* What is and is not the media type that was asked for; what curl is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connectors/http.h"

#define REPLY "application/timestamp-reply"

static void types(void **state)
{
	(void)state;
	assert_true(http_is_type(REPLY, REPLY));
	assert_true(http_is_type("Application/TimeStamp-Reply; x=y", REPLY));
	assert_true(http_is_type(REPLY " ;x=y", REPLY));
	assert_false(http_is_type(REPLY "x", REPLY));
	assert_false(http_is_type("application/timestamp", REPLY));
	assert_false(http_is_type("", REPLY));
	assert_false(http_is_type(NULL, REPLY));
}

static void a_scheme_outside_of_the_list_is_not_spoken(void **state)
{
	struct http_bounds bounds = { "https", 1000, 1000, 100 };
	CURL *easy = curl_easy_init();
	struct buf reply;

	(void)state;
	buf_init(&reply, 100);
	assert_int_equal(http_strict(easy, &bounds, &reply), CURLE_OK);
	curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:1/");
	assert_int_equal(curl_easy_perform(easy), CURLE_UNSUPPORTED_PROTOCOL);
	curl_easy_setopt(easy, CURLOPT_URL, "file:///etc/hostname");
	assert_int_equal(curl_easy_perform(easy), CURLE_UNSUPPORTED_PROTOCOL);
	bounds.schemes = "nonsense";
	assert_int_not_equal(http_strict(easy, &bounds, &reply), CURLE_OK);
	curl_easy_cleanup(easy);
	buf_done(&reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(a_scheme_outside_of_the_list_is_not_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
