/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An HTTP server for tests that answers every request by a function, on a loopback port
 * of the kernel's choice; never more than one connection at a time.
 */
#ifndef SEALGATE_TESTS_SEAL_HTTP_H
#define SEALGATE_TESTS_SEAL_HTTP_H

#include "common/span.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define HTTP __attribute__((unused)) static inline

struct http {
	int socket;
	char url[64];
	pthread_t thread;
	/* Writes the whole answer to fd. */
	void (*answer)(struct http *h, int fd, struct span body);
	void *context;
	int requests;
};

/* Read one request with its Content-Length. Return: body length or -1. */
HTTP ssize_t http_read(int fd, char *data, size_t size, char **ret_body)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, data + len, size - 1 - len)) > 0) {
		char *end, *header;

		len += (size_t)n;
		data[len] = '\0';
		end = memmem(data, len, "\r\n\r\n", 4);
		header = strcasestr(data, "\r\nContent-Length:");
		if (!end || !header)
			continue;
		*ret_body = end + 4;
		if (len - (size_t)(*ret_body - data) >= strtoul(header + 17, NULL, 10))
			return (ssize_t)strtoul(header + 17, NULL, 10);
	}
	return -1;
}

HTTP void *http_serve(void *arg)
{
	struct http *h = arg;
	static char data[65536];
	int fd;

	while ((fd = accept(h->socket, NULL, NULL)) >= 0) {
		char *body;
		ssize_t len = http_read(fd, data, sizeof(data), &body);

		if (len >= 0) {
			h->requests++;
			h->answer(h, fd, span_of(body, (size_t)len));
		}
		close(fd);
	}
	return NULL;
}

HTTP void http_open(struct http *h)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);

	h->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->socket, (struct sockaddr *)&sa, len), 0);
	assert_int_equal(listen(h->socket, 8), 0);
	assert_int_equal(getsockname(h->socket, (struct sockaddr *)&sa, &len), 0);
	snprintf(h->url, sizeof(h->url), "http://127.0.0.1:%u/tsa", ntohs(sa.sin_port));
	assert_int_equal(pthread_create(&h->thread, NULL, http_serve, h), 0);
}

HTTP void http_close(struct http *h)
{
	shutdown(h->socket, SHUT_RDWR);
	pthread_join(h->thread, NULL);
	close(h->socket);
}

HTTP void http_reply(
	int fd, const char *status, const char *type, const void *data, size_t len)
{
	dprintf(fd,
		"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		status, type, len);
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data = (const char *)data + n;
		len -= (size_t)n;
	}
}

#endif
