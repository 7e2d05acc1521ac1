/* SPDX-License-Identifier: EUPL-1.2 */
/* Where a call-back may lead: an address that policy names, or a name outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forward/forward.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static CURLcode connect_to(const char *host, int port)
{
	CURL *curl = curl_easy_init();
	char url[128];
	CURLcode code;

	assert_non_null(curl);
	snprintf(url, sizeof(url), "http://%s:%d/", host, port);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
	egress_guard(curl);
	code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	return code;
}

static void test_names_do_not_lead_inside(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port;

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 8), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
	assert_int_equal(connect_to("127.0.0.1", port), CURLE_OK);
	assert_int_equal(connect_to("localhost", port), CURLE_COULDNT_CONNECT);
	close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_do_not_lead_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
