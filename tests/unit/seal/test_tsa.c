/* SPDX-License-Identifier: EUPL-1.2 */
#include "seal/tsa.h"
#include "seal/validation.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
/* cmocka wants the above */
#include <cmocka.h>

#include "http.h"

#define REPLY "application/timestamp-reply"

static struct daemon DAEMON = { .name = "seal", .socket = -1, .stop_fd = -1 };

static const char *mode;
static char seen[64];

static void answer(struct http *h, int fd, struct span body)
{
	static char large[TSA_REPLY_MAX + 1];

	(void)h;
	snprintf(seen, sizeof(seen), "%.*s", (int)body.len, (const char *)body.data);
	if (strcmp(mode, "good") == 0)
		http_reply(fd, "200 OK", REPLY, "token", 5);
	else if (strcmp(mode, "parameter") == 0)
		http_reply(fd, "200 OK", REPLY "; charset=binary", "token", 5);
	else if (strcmp(mode, "type") == 0)
		http_reply(fd, "200 OK", "text/html", "token", 5);
	else if (strcmp(mode, "longer type") == 0)
		http_reply(fd, "200 OK", REPLY "x", "token", 5);
	else if (strcmp(mode, "error") == 0)
		http_reply(fd, "503 Busy", REPLY, "token", 5);
	else if (strcmp(mode, "403") == 0)
		http_reply(fd, "403 Forbidden", "text/html", "no", 2);
	else if (strcmp(mode, "404") == 0)
		http_reply(fd, "404 Not Found", "text/html", "no", 2);
	else if (strcmp(mode, "407") == 0)
		http_reply(fd, "407 Who", "text/html", "no", 2);
	else if (strcmp(mode, "large") == 0)
		http_reply(fd, "200 OK", REPLY, large, sizeof(large));
	else if (strcmp(mode, "largest") == 0)
		http_reply(fd, "200 OK", REPLY, large, sizeof(large) - 1);
	else if (strcmp(mode, "endless") == 0) {
		dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Type: " REPLY "\r\n\r\n");
		while (send(fd, large, sizeof(large), MSG_NOSIGNAL) > 0)
			;
	} else if (strcmp(mode, "redirect") == 0) {
		dprintf(fd,
			"HTTP/1.1 307 Go\r\nLocation: %s\r\nContent-Length: 0\r\n"
			"Connection: close\r\n\r\n",
			h->url);
	} else if (strcmp(mode, "silent") == 0) {
		char c;

		(void)!read(fd, &c, 1); /* until the asker goes away */
	}
}

static bool lasting;

static const char *proxy = "";

static int ask_url(
	const char *url, const char *as, char *reason, struct buf *reply, int ms)
{
	_cleanup_(tsa_freep) struct tsa *t = tsa_new(url, proxy, ms, &DAEMON);
	int r;

	mode = as;
	assert_non_null(t);
	buf_init(reply, TSA_REPLY_MAX);
	r = tsa_ask(t, span_str("query"), reply, &lasting, reason, 240);
	if (r == 0)
		assert_string_not_equal(reason, "");
	return r;
}

static int ask(struct http *h, const char *as, char *reason)
{
	_cleanup_buf_ struct buf reply;
	int r = ask_url(h->url, as, reason, &reply, 5000);

	if (r == 1 && strcmp(as, "largest") != 0)
		assert_string_equal(reply.data, "token");
	return r;
}

static void replies_are_judged_by_their_shape(void **state)
{
	struct http h = { .answer = answer };
	char reason[240] = "";

	(void)state;
	http_open(&h);
	assert_int_equal(ask(&h, "good", reason), 1);
	assert_string_equal(seen, "query");
	assert_int_equal(ask(&h, "parameter", reason), 1);
	assert_int_equal(ask(&h, "largest", reason), 1);
	assert_int_equal(ask(&h, "type", reason), 0);
	assert_non_null(strstr(reason, "text/html"));
	assert_int_equal(ask(&h, "longer type", reason), 0);
	assert_true(lasting);
	assert_int_equal(ask(&h, "error", reason), 0);
	assert_false(lasting);
	assert_non_null(strstr(reason, "503"));
	assert_int_equal(ask(&h, "nothing", reason), 0);
	assert_false(lasting);
	http_close(&h);
}

static void as_by_a_proxy(struct http *h, const char *as, bool wanted)
{
	char reason[240] = "";
	_cleanup_buf_ struct buf reply;

	proxy = h->url;
	assert_int_equal(
		ask_url("http://tsa.example/", as, reason, &reply, 5000) == 1, 0);
	proxy = "";
	assert_true(lasting == wanted);
	if (!strstr(reason, wanted ? as : h->url))
		fail_msg("%s", reason);
}

/* By plain http nobody can tell whose refusal it is: no person is called for it. */
static void a_proxys_refusal_is_not_the_authoritys(void **state)
{
	struct http h = { .answer = answer };
	char reason[240] = "";

	(void)state;
	http_open(&h);
	assert_int_equal(ask(&h, "403", reason), 0);
	assert_true(lasting);
	as_by_a_proxy(&h, "403", false);
	as_by_a_proxy(&h, "407", false);
	as_by_a_proxy(&h, "error", false);
	as_by_a_proxy(&h, "404", true);
	/* a page that says so, or the way to one */
	as_by_a_proxy(&h, "type", false);
	as_by_a_proxy(&h, "redirect", false);
	assert_int_equal(ask(&h, "type", reason), 0);
	assert_true(lasting);
	http_close(&h);
}

static void size_and_time_are_bounded(void **state)
{
	struct http h = { .answer = answer };
	_cleanup_buf_ struct buf reply;
	char reason[240] = "";

	(void)state;
	http_open(&h);
	assert_int_equal(ask(&h, "large", reason), 0);
	assert_int_equal(ask(&h, "endless", reason), 0);
	assert_non_null(strstr(reason, "larger"));
	assert_int_equal(ask_url(h.url, "silent", reason, &reply, 300), 0);
	http_close(&h);
}

static void redirects_are_not_followed(void **state)
{
	struct http h = { .answer = answer };
	char reason[240] = "";

	(void)state;
	http_open(&h);
	assert_int_equal(ask(&h, "redirect", reason), 0);
	assert_int_equal(h.requests, 1);
	assert_non_null(strstr(reason, "307"));
	http_close(&h);
}

static void other_schemes_are_refused(void **state)
{
	static const char *const urls[] = { "file:///etc/hostname", "ftp://127.0.0.1/",
		"dict://127.0.0.1:1/x", "gopher://127.0.0.1:1/", "ldap://127.0.0.1/", "",
		":" };
	char reason[240] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		_cleanup_buf_ struct buf reply;

		assert_int_equal(ask_url(urls[i], "good", reason, &reply, 1000), 0);
	}
}

static void the_daemons_end_aborts(void **state)
{
	struct http h = { .answer = answer };
	_cleanup_buf_ struct buf reply;
	char reason[240] = "";

	(void)state;
	http_open(&h);
	DAEMON.stop_fd = eventfd(1, EFD_CLOEXEC);
	assert_int_equal(ask_url(h.url, "silent", reason, &reply, 60000), 0);
	close(take_fd(&DAEMON.stop_fd));
	http_close(&h);
}

static void reports_tell_wrong_from_unproven(void **state)
{
	char reason[240] = "";

	(void)state;
	assert_int_equal(
		validation_of_report(
			span_str("{\"indication\":\"INDETERMINATE\",\"sub_indication\":"
				 "\"TRY_LATER\",\"findings\":[]}"),
			reason, sizeof(reason)),
		VALIDATION_UNPROVEN);
	assert_non_null(strstr(reason, "TRY_LATER"));
	assert_int_equal(
		validation_of_report(
			span_str("{\"indication\":\"TOTAL-FAILED\",\"findings\":[{"
				 "\"severity\":\"warning\",\"message\":\"a\"},{"
				 "\"severity\":\"error\",\"message\":\"broken\"}]}"),
			reason, sizeof(reason)),
		VALIDATION_FAILED);
	assert_non_null(strstr(reason, "broken"));
	assert_int_equal(
		validation_of_report(span_str("nonsense"), reason, sizeof(reason)),
		VALIDATION_FAILED);
	assert_int_equal(
		validation_of_report(span_str("{\"indication\":\"TOTAL-PASSED\"}"),
			reason, sizeof(reason)),
		VALIDATION_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_judged_by_their_shape),
		cmocka_unit_test(a_proxys_refusal_is_not_the_authoritys),
		cmocka_unit_test(size_and_time_are_bounded),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(other_schemes_are_refused),
		cmocka_unit_test(the_daemons_end_aborts),
		cmocka_unit_test(reports_tell_wrong_from_unproven),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
