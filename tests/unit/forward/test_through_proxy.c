/* SPDX-License-Identifier: EUPL-1.2 */
/* Where a proxy is named nothing goes without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "common/instance.h"
#include "forward/forward.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/sealgate-proxy-XXXXXX";
static char conf[64];
static bool takes; /* libcurl a proxy */

/* In the place of libcurl's, as when it has no memory for the proxy's name. */
#undef curl_easy_setopt
CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	CURLcode (*real)(CURL *, CURLoption, ...);
	void *next = dlsym(RTLD_NEXT, "curl_easy_setopt");
	va_list values;
	void *value;

	memcpy(&real, &next, sizeof(real));
	va_start(values, option);
	value = va_arg(values, void *);
	va_end(values);
	if (option == CURLOPT_PROXY && *(const char *)value && !takes)
		return CURLE_OUT_OF_MEMORY;
	return real(curl, option, value);
}

static void what_libcurl_does_not_take(void **state)
{
	static const struct profile profile = { .timeout_s = 2 };
	static const struct credentials none;
	struct daemon daemon = { .name = "forward", .socket = -1, .stop_fd = -1 };
	struct courier c = {
		.daemon = &daemon, .profile = &profile, .credentials = &none
	};
	struct destination_answer answer;
	char *error = NULL;

	(void)state;
	assert_int_equal(instance_open(folder, &daemon.instance, &error), 0);
	c.curl = curl_easy_init();
	assert_true(
		exchange(&c, "https://127.0.0.1:1/", NULL, span_str("x"), &answer) < 0);
	buf_done(&answer.body);
	takes = true;
	assert_int_equal(
		exchange(&c, "https://127.0.0.1:1/", NULL, span_str("x"), &answer), 0);
	assert_int_equal(answer.outcome, EXCHANGE_NOT_SENT);
	buf_done(&answer.body);
	curl_easy_cleanup(c.curl);
	instance_done(&daemon.instance);
}

/* Withdrawn since it was queued, and never sent: no attempt is made. */
static void what_was_withdrawn_is_not_pushed(void **state)
{
	static const struct profile profile = {
		.timeout_s = 2, .url = "https://127.0.0.1:1/", .information = "advance"
	};
	static const struct credentials none;
	struct daemon daemon = { .name = "forward", .socket = -1, .stop_fd = -1 };
	struct courier c = {
		.daemon = &daemon, .profile = &profile, .credentials = &none
	};
	struct queue_claim claim = { .document = { .state = DOCUMENT_WITHDRAWN } };
	struct delivery_content content = { .wanted = span_str("container") };
	struct delivery_attempt a;
	char *error = NULL;

	(void)state;
	takes = true;
	assert_int_equal(instance_open(folder, &daemon.instance, &error), 0);
	c.curl = curl_easy_init();
	deliver_push(&c, &claim, &content, &a);
	assert_int_equal(a.state, DELIVERY_DEFERRED); /* nobody is there */
	claim.ended = 1;
	deliver_push(&c, &claim, &content, &a);
	assert_int_equal(a.state, DELIVERY_EXPIRED);
	assert_true(a.absent);
	assert_string_equal(a.detail, "not there, and withdrawn meanwhile");
	curl_easy_cleanup(c.curl);
	instance_done(&daemon.instance);
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(conf, sizeof(conf), "%s/sealgate.conf", folder);
	return durable_write(
		conf, span_str("forward = { proxy = \"http://127.0.0.1:1\"; };\n"), 0600);
}

static int clear(void **state)
{
	(void)state;
	unlink(conf);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_libcurl_does_not_take),
		cmocka_unit_test(what_was_withdrawn_is_not_pushed),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
