/* SPDX-License-Identifier: EUPL-1.2 */
/* A download keeps to each of its limits, or is not made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/durable.h"
#include "trustd/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NONE (-1)

/* What the processes of the download and of the server have to say. */
struct seen {
	int set, fail_at; /* options, and which one is refused */
	bool ca_path_cleared;
	char ca[64], protocols[64];
	int asked;
	char first_line[128];
};

static struct seen *seen;

#undef curl_easy_setopt
/* In place of the library's, for the program under test. */
CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	CURLcode (*real)(CURL *, CURLoption, ...);
	void *value;
	va_list rest;

	*(void **)&real = dlsym(RTLD_NEXT, "curl_easy_setopt");
	va_start(rest, option);
	/* a long and a pointer are handed over alike on what we run on */
	value = va_arg(rest, void *);
	va_end(rest);
	if (seen->set++ == seen->fail_at)
		return CURLE_UNKNOWN_OPTION;
	if (option == CURLOPT_CAINFO)
		snprintf(seen->ca, sizeof(seen->ca), "%s", (char *)value);
	if (option == CURLOPT_PROTOCOLS_STR)
		snprintf(seen->protocols, sizeof(seen->protocols), "%s", (char *)value);
	if (option == CURLOPT_CAPATH)
		seen->ca_path_cleared = !value;
	return real(curl, option, value);
}

/* The sanitizer needs more than a download may have. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return 0;
}

struct stage {
	struct sources sources;
	struct fetch_context context;
	struct fetch_result result;
	char url[64];
	int stop[2];
	pid_t server;
};

static void serve(int listener, const char *answer)
{
	for (;;) {
		char request[1024] = "";
		int fd = accept(listener, NULL, NULL);
		ssize_t n = read(fd, request, sizeof(request) - 1);

		if (n > 0) {
			seen->asked++;
			request[strcspn(request, "\r")] = '\0';
			snprintf(seen->first_line, sizeof(seen->first_line), "%.127s",
				request);
		}
		(void)fd_write_all(fd, span_str(answer));
		close(fd);
	}
}

static void start(struct stage *s, const char *answer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 8), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
	s->server = fork();
	if (s->server == 0)
		serve(listener, answer);
	close(listener);
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(seen, MAP_FAILED);
	seen->fail_at = NONE;
	assert_int_equal(pipe(s->stop), 0);
	s->sources.any_address = true;
	s->sources.timeout_s = 20;
	s->sources.max_octets = 16;
	s->context = (struct fetch_context){
		.sources = &s->sources, .ca = "", .stop_fd = s->stop[0]
	};
	s->result.fd = -1;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	if (s->server > 0) {
		kill(s->server, SIGKILL);
		waitpid(s->server, NULL, 0);
	}
	close(s->stop[0]);
	close(s->stop[1]);
	munmap(seen, sizeof(*seen));
	free(s);
	return 0;
}

static enum fetch_outcome outcome(struct stage *s, const char *url, bool ocsp)
{
	int r = ocsp ? fetch_ocsp(&s->context, url, span_str("request"), &s->result)
		     : fetch(&s->context, url, "\"mark\"", &s->result);

	assert_int_equal(r, 0);
	if (s->result.fd >= 0)
		close(s->result.fd);
	return s->result.outcome;
}

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void assert_each_is_set(struct stage *s, bool ocsp)
{
	int all;

	seen->set = 0;
	seen->asked = 0;
	seen->fail_at = NONE;
	assert_int_equal(outcome(s, s->url, ocsp), FETCH_DONE);
	assert_int_equal(seen->asked, 1);
	all = seen->set;
	assert_true(all > 15);
	for (int i = 0; i < all; i++) {
		seen->set = 0;
		seen->fail_at = i;
		assert_int_equal(outcome(s, s->url, ocsp), FETCH_FAILED);
		assert_non_null(strstr(s->result.reason, "libcurl does not take"));
		assert_int_equal(seen->asked, 1);
	}
}

static void test_each_limit_is_set_or_nothing_is_asked(void **state)
{
	struct stage *s = *state;

	start(s, ANSWER);
	s->context.ca = "/nonexistent/ca.pem";
	assert_each_is_set(s, false);
	assert_each_is_set(s, true);
	assert_string_equal(seen->protocols, "http,https");
}

static void test_only_the_authorities_that_are_named_count(void **state)
{
	struct stage *s = *state;
	char url[80];

	start(s, ANSWER);
	assert_int_equal(outcome(s, s->url, false), FETCH_DONE);
	assert_string_equal(seen->ca, "");
	assert_false(seen->ca_path_cleared);
	s->context.ca = "/nonexistent/ca.pem";
	assert_int_equal(outcome(s, s->url, false), FETCH_DONE);
	assert_string_equal(seen->ca, s->context.ca);
	assert_true(seen->ca_path_cleared);
	seen->asked = 0;
	snprintf(url, sizeof(url), "https%s", s->url + strlen("http"));
	assert_int_equal(outcome(s, url, false), FETCH_FAILED);
}

static void test_no_other_protocol(void **state)
{
	static const char *const schemes[] = { "ftp", "gopher", "dict", "telnet",
		"smtp" };
	struct stage *s = *state;
	char url[80];

	start(s, ANSWER);
	assert_int_equal(outcome(s, "file:///proc/self/status", false), FETCH_FAILED);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		snprintf(url, sizeof(url), "%s%s", schemes[i], s->url + strlen("http"));
		assert_int_equal(outcome(s, url, false), FETCH_FAILED);
	}
	assert_int_equal(seen->asked, 0);
}

static void test_a_redirect_is_not_followed(void **state)
{
	struct stage *s = *state;

	start(s, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: "
		 "0\r\n\r\n");
	assert_int_equal(outcome(s, s->url, false), FETCH_FAILED);
	assert_non_null(strstr(s->result.reason, "redirects are not followed"));
	assert_int_equal(seen->asked, 1);
}

/* Neither around it, whatever the environment says, nor to it in any other way. */
static void test_through_the_proxy(void **state)
{
	struct stage *s = *state;

	start(s, ANSWER);
	snprintf(s->sources.proxy, sizeof(s->sources.proxy), "%s", s->url);
	s->sources.any_address = false;
	setenv("no_proxy", "*", 1);
	setenv("NO_PROXY", "*", 1);
	assert_int_equal(outcome(s, "http://crl.example/one", false), FETCH_DONE);
	assert_string_equal(seen->first_line, "GET http://crl.example/one HTTP/1.1");
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
}

static void test_no_more_than_max_octets(void **state)
{
	struct stage *s = *state;

	start(s, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nseventeen octets!");
	assert_int_equal(outcome(s, s->url, false), FETCH_FAILED);
	assert_non_null(strstr(s->result.reason, "longer than max_octets"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_each_limit_is_set_or_nothing_is_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_only_the_authorities_that_are_named_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_other_protocol, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_a_redirect_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_through_the_proxy, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_no_more_than_max_octets, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
