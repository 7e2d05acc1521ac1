/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/clock.h"
#include "intake/http.h"
#include "intake/problem.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void test_xml_types(void **state)
{
	static const char *const good[] = { "application/xml", "text/xml",
		"Application/XML", "application/xml; charset=utf-8",
		"text/xml;charset=UTF-8", "text/xml ; charset=\"utf-8\"",
		"application/xml;" };
	static const char *const bad[] = { "", ";", "xml", "application/xml2",
		"application/xm", "application/xhtml+xml",
		"application/xml; charset=utf-16", "application/xml; version=1",
		"application/xml, text/xml", "application/xml charset=utf-8",
		"text/xml; charset=utf-8; x=1" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(http_is_xml(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(http_is_xml(bad[i]));
}

static void test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool xml;
	} cases[] = {
		{ "", false },
		{ "*/*", false },
		{ "application/json", false },
		{ "application/xml", true },
		{ "text/xml", true },
		{ "TEXT/XML", true },
		{ "application/*", false },
		{ "text/*", true },
		{ "application/json, application/xml", false },
		{ "application/json;q=0.9, application/xml", true },
		{ "application/xml;q=0.5, */*;q=0.6", false },
		{ "application/xml;q=0.5, */*;q=0.4", true },
		{ "application/xml;q=0", false },
		{ "application/xml;q=0, text/xml;q=0.001", true },
		{ "application/xml;q=nonsense", false },
		{ "application/xml;q=2", false },
		{ "application/xml;level=1;q=1.000", true },
		{ ",,application/xml,,", true },
		{ "application/json;q=0, */*", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (http_prefers_xml(cases[i].accept) != cases[i].xml)
			fail_msg("Accept: %s", cases[i].accept);
}

static void test_date(void **state)
{
	int64_t t = 0;

	(void)state;
	assert_int_equal(http_date("Sun, 06 Nov 1994 08:49:37 GMT", &t), 0);
	assert_int_equal(t, 784111777);
	assert_true(http_date("", &t) < 0);
	assert_true(http_date("Sun, 06 Nov 1994 08:49:37 GMT+1", &t) < 0);
	assert_true(http_date("784111777", &t) < 0);
}

/* The exchange as far as the table of routes needs it. */
static void expect(const char *method, const char *path, int status, const char *allow)
{
	struct request request = { .socket = -1, .body = -1 };
	struct response response;
	struct exchange x = { .request = &request, .response = &response };

	response_init(&response);
	snprintf(request.path, sizeof(request.path), "%s", path);
	request.scgi.pairs[0].name = "REQUEST_METHOD";
	request.scgi.pairs[0].value = method;
	request.scgi.pair_count = 1;
	http_dispatch(&x);
	if (response.status != status)
		fail_msg("%s %s: %d", method, path, response.status);
	if (allow)
		assert_string_equal(response.allow, allow);
	else
		assert_null(response.allow);
	response_done(&response);
}

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"

static void test_routes(void **state)
{
	static const char *const nowhere[] = { "", "/", "/v1", "/v1/", "/v1/outcomes/",
		"/v1/documents/", "/v1/documents//receipt", "/V1/documents",
		"/v1//documents", "/v1/documents/" ID "/",
		"/v1/documents/" ID "/document", "/v1/documents/" ID "x/receipt",
		"/v1/documents/01ARZ3NDEKTSV4RRFFQ69G5FA",
		"/v1/documents/01arz3ndektsv4rrffq69g5fav", "/v1/documents/../status",
		"/v1/%64ocuments", "/v1/status/" };

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		expect("GET", nowhere[i], 404, NULL);
		expect("POST", nowhere[i], 404, NULL);
	}
	expect("GET", "/v1/documents", 405, "POST");
	expect("PUT", "/v1/documents", 405, "POST");
	expect("DELETE", "/v1/documents/" ID, 405, "GET");
	expect("HEAD", "/v1/status", 405, "GET");
	expect("POST", "/v1/documents/" ID "/receipt", 405, "GET");
	expect("POST", "/v1/outcomes", 405, "GET");
	expect("GET", "/v1/outcomes/acknowledgement", 405, "POST");
	expect("", "/v1/status", 405, "GET");
	expect("get", "/v1/status", 405, "GET");
}

static size_t send_and_read(const struct response *r, char *text, size_t size)
{
	int pair[2];
	ssize_t n;
	size_t len = 0;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(response_send(r, pair[0]), 0);
	close(pair[0]);
	while ((n = read(pair[1], text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(pair[1]);
	text[len] = '\0';
	return len;
}

static void test_undecided_response(void **state)
{
	struct response r;
	char text[1024];

	(void)state;
	response_init(&r);
	send_and_read(&r, text, sizeof(text));
	assert_non_null(strstr(text, "Status: 500 Internal Server Error\r\n"));
	assert_non_null(strstr(text, "application/problem+json"));
	response_text(&r, 202, TYPE_JSON, NULL); /* memory ran out */
	send_and_read(&r, text, sizeof(text));
	assert_non_null(strstr(text, "Status: 500 "));
	response_done(&r);
}

static void test_unknown_reason_is_no_success(void **state)
{
	struct request request = { .socket = -1, .body = -1 };
	struct response response;
	struct exchange x = { .request = &request, .response = &response };

	(void)state;
	response_init(&response);
	problem(&x, "no.such-reason", NULL, NULL);
	assert_int_equal(response.status, 500);
	response_done(&response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xml_types),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_undecided_response),
		cmocka_unit_test(test_unknown_reason_is_no_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
