/* SPDX-License-Identifier: EUPL-1.2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/id.h"
#include "common/limits.h"
#include "common/memfd.h"
#include "web/request.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

struct writing {
	int socket;
	const char *data;
	size_t len, step;
};

static void *writer(void *arg)
{
	struct writing *w = arg;

	for (size_t at = 0; at < w->len;) {
		size_t n = w->len - at < w->step ? w->len - at : w->step;
		ssize_t sent = send(w->socket, w->data + at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		at += (size_t)sent;
	}
	shutdown(w->socket, SHUT_WR);
	return NULL;
}

static struct writing writing;
static pthread_t thread;

/* Have data arrive in pieces of `step` octets. Return: the reading end. */
static int arrive(const char *data, size_t len, size_t step)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	writing = (struct writing){ pair[1], data, len, step };
	assert_int_equal(pthread_create(&thread, NULL, writer, &writing), 0);
	return pair[0];
}

static void arrived(int socket)
{
	close(socket);
	pthread_join(thread, NULL);
	close(writing.socket);
}

static size_t message(char *to, const char *length, const char *more, size_t more_len,
	const char *body, size_t body_len)
{
	char header[1024];
	size_t n = (size_t)snprintf(header, sizeof(header),
		"CONTENT_LENGTH%c%s%cSCGI%c1%c", 0, length, 0, 0, 0);
	size_t at;

	memcpy(header + n, more, more_len);
	n += more_len;
	at = (size_t)snprintf(to, 16, "%zu:", n);
	memcpy(to + at, header, n);
	at += n;
	to[at++] = ',';
	memcpy(to + at, body, body_len);
	return at + body_len;
}

#define URI(text) "REQUEST_URI\0" text

static void test_body_in_pieces(void **state)
{
	static const size_t steps[] = { 1, 7, 4096 };
	char data[2048], hex[SHA256_TEXT_SIZE];
	size_t len =
		message(data, "5", URI("/v1/x?y"), sizeof(URI("/v1/x?y")), "hello", 5);

	(void)state;
	digest_sha256_text(span_str("hello"), hex);
	for (size_t i = 0; i < 3; i++) {
		int socket = arrive(data, len, steps[i]);
		struct request r;
		struct span body;

		assert_int_equal(request_read(socket, &r), 1);
		assert_string_equal(r.path, "/v1/x");
		assert_true(id_valid(r.correlation)); /* none was given */
		assert_int_equal(request_body(&r), 1);
		assert_string_equal(r.sha256_text, hex);
		assert_int_equal(memfd_map(r.body, 16, &body), 0); /* sealed */
		assert_true(span_equal(body, span_str("hello")));
		memfd_unmap(&body);
		request_done(&r);
		arrived(socket);
	}
}

/* What is proven elsewhere is kept as it came, up to its own bound, and not digested. */
static void test_octets_without_a_digest(void **state)
{
	char data[2048];
	size_t len = message(data, "5", "", 0, "hello", 5);
	struct request r;
	struct span body;
	int socket;

	(void)state;
	socket = arrive(data, len, 4096);
	assert_int_equal(request_read(socket, &r), 1);
	assert_int_equal(request_octets(&r, 4), 0);
	assert_int_equal(r.body, -1);
	assert_int_equal(request_octets(&r, 5), 1);
	assert_string_equal(r.sha256_text, "");
	assert_int_equal(memfd_map(r.body, 5, &body), 0);
	assert_true(span_equal(body, span_str("hello")));
	memfd_unmap(&body);
	request_done(&r);
	arrived(socket);
}

static void expect_broken(const char *data, size_t len, int error)
{
	int socket = arrive(data, len, 4096);
	struct request r;

	assert_int_equal(request_read(socket, &r), error);
	request_done(&r);
	arrived(socket);
}

static void test_malformed(void **state)
{
	char data[2048];
	size_t len;

	(void)state;
	expect_broken("", 0, 0);
	expect_broken("GET / HTTP/1.1\r\n\r\n", 18, -EPROTO);
	expect_broken("12:", 3, -EPROTO);
	expect_broken("99999:", 6, -EPROTO);
	len = message(data, "-1", "", 0, "", 0);
	expect_broken(data, len, -EPROTO);
	len = message(data, "05", "", 0, "hello", 5);
	expect_broken(data, len, -EPROTO);
	len = message(data, "3", "", 0, "hello", 5);
	expect_broken(data, len, -EPROTO);
	len = message(data, "5",
		"CONTENT_LENGTH\0"
		"7",
		17, "hello", 5);
	expect_broken(data, len, -EPROTO);
}

/* Longer than what is read of a header: who sent it, and where to, is known all the same,
 * and all of it is taken before the answer. */
static void test_too_long(void **state)
{
	static const char FRONT[] = "CORRELATION_ID\0c0ffee\0REQUEST_URI\0/v1/x\0LONG\0";
	static const size_t lengths[] = { SCGI_HEADER_MAX + 1, SCGI_HEADER_MAX + 9,
		SCGI_HEADER_MAX + 40, 2 * SCGI_HEADER_MAX, 900000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *data = malloc(lengths[i] + 64), rest;
		size_t at = (size_t)snprintf(data, 64, "%zu:CONTENT_LENGTH%c5%cSCGI%c1%c",
			       lengths[i], 0, 0, 0, 0),
		       start, end;
		struct request r;
		int socket;

		start = strlen("65537") + 1 + (lengths[i] > 99999);
		end = start + lengths[i];
		memcpy(data + at, FRONT, sizeof(FRONT) - 1);
		at += sizeof(FRONT) - 1;
		memset(data + at, 'x', end - at);
		data[end - 1] = '\0';
		memcpy(data + end, ",hello", 6);
		socket = arrive(data, end + 6, 4096);
		assert_int_equal(request_read(socket, &r), -E2BIG);
		assert_string_equal(r.correlation, "c0ffee");
		assert_string_equal(r.path, "/v1/x");
		assert_int_equal(r.header_len, end + 1);
		assert_true(strlen(scgi_get(&r.scgi, "LONG")) > 60000);
		request_discard(&r);
		assert_int_equal(read(socket, &rest, 1), 0);
		request_done(&r);
		arrived(socket);
		free(data);
	}
}

static void test_short_body(void **state)
{
	char data[2048];
	size_t len = message(data, "6", "", 0, "hello", 5);
	int socket = arrive(data, len, 4096);
	struct request r;

	(void)state;
	assert_int_equal(request_read(socket, &r), 1);
	assert_int_equal(request_body(&r), -EPROTO);
	assert_int_equal(r.body, -1);
	request_done(&r);
	arrived(socket);
}

static void test_correlation(void **state)
{
	static const struct {
		const char *given;
		bool taken;
	} cases[] = { { "c0ffee", true }, { "01ARZ3NDEKTSV4RRFFQ69G5FAV", true },
		{ "a\r\nb", false }, { "\"", false }, { "", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123",
			false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char data[2048], more[256] = "CORRELATION_ID";
		size_t n = strlen(cases[i].given);
		struct request r;
		size_t len;
		int socket;

		memcpy(more + 15, cases[i].given, n + 1);
		len = message(data, "0", more, 16 + n, "", 0);
		socket = arrive(data, len, 4096);
		assert_int_equal(request_read(socket, &r), 1);
		assert_int_equal(
			strcmp(r.correlation, cases[i].given) == 0, cases[i].taken);
		assert_true(*r.correlation);
		request_done(&r);
		arrived(socket);
	}
}

static void test_discard_reads_all(void **state)
{
	size_t size = 3000000, len;
	char *data = malloc(size + 256), *zeros = calloc(1, size);
	struct request r;
	char octet;
	int socket;

	(void)state;
	len = message(data, "3000000", "", 0, zeros, size);
	socket = arrive(data, len, 65536);
	assert_int_equal(request_read(socket, &r), 1);
	request_discard(&r);
	assert_int_equal(r.unread, 0);
	assert_int_equal(read(socket, &octet, 1), 0);
	request_done(&r);
	arrived(socket);
	free(data);
	free(zeros);
}

static void test_too_large_is_not_read(void **state)
{
	char data[2048];
	size_t len = message(data, "10485761", "", 0, "hello", 5);
	int socket = arrive(data, len, 4096);
	struct request r;

	(void)state;
	assert_int_equal(request_read(socket, &r), 1);
	assert_int_equal(request_body(&r), 0);
	assert_int_equal(r.unread, LIMIT_DOCUMENT + 1);
	request_done(&r);
	arrived(socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_in_pieces),
		cmocka_unit_test(test_octets_without_a_digest),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_short_body),
		cmocka_unit_test(test_correlation),
		cmocka_unit_test(test_discard_reads_all),
		cmocka_unit_test(test_too_large_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
