/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/response.h"

#include "common/buf.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define HEADER_MAX 2048

/* The answer when even a problem document could not be made. */
static const char LAST_RESORT[] =
	"{\"code\":\"internal.error\",\"status\":500,\"title\":\"Internal Server Error\","
	"\"type\":\"about:blank\"}";

void response_init(struct response *r)
{
	*r = (struct response){ .body_fd = -1 };
}

static void drop_body(struct response *r)
{
	free(r->body);
	r->body = NULL;
	if (r->body_fd >= 0)
		close(r->body_fd);
	r->body_fd = -1;
}

void response_done(struct response *r)
{
	drop_body(r);
	response_init(r);
}

const char *response_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 400, "Bad Request" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

void response_text(struct response *r, int status, const char *type, char *text)
{
	drop_body(r);
	r->status = text ? status : 0;
	r->type = type;
	r->body = text;
}

void response_json(struct response *r, int status, const char *type, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	json_decref(json);
	response_text(r, status, type, text);
}

void response_fd(struct response *r, int status, const char *type, int fd)
{
	drop_body(r);
	r->status = status;
	r->type = type;
	r->body_fd = fd;
}

/* The header and what is behind it in one piece: the peer is woken once. */
static int send_all(int socket, struct span header, struct span body, int flags)
{
	while (header.len + body.len) {
		struct iovec parts[] = {
			{ (void *)(uintptr_t)header.data, header.len },
			{ (void *)(uintptr_t)body.data, body.len },
		};
		struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
		ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL | flags);
		size_t of_header;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		of_header = (size_t)n < header.len ? (size_t)n : header.len;
		header = span_of(header.data + of_header, header.len - of_header);
		body = span_of(body.data + ((size_t)n - of_header),
			body.len - ((size_t)n - of_header));
	}
	return 0;
}

static int send_file(int socket, int fd, size_t len)
{
	off_t offset = 0;

	while ((size_t)offset < len) {
		ssize_t n = sendfile(socket, fd, &offset, len - (size_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

static int add_headers(const struct response *r, struct buf *b, size_t len)
{
	buf_addf(b, "Status: %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
		r->status, response_phrase(r->status), r->type, len);
	buf_add_str(b, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
	if (r->retry_after)
		buf_addf(b, "Retry-After: %d\r\n", r->retry_after);
	if (r->next_page)
		buf_addf(b, "Link: <?page=%u>; rel=\"next\"\r\n", r->next_page);
	if (*r->language)
		buf_addf(b, "Content-Language: %s\r\n", r->language);
	if (r->allow)
		buf_addf(b, "Allow: %s\r\n", r->allow);
	if (r->status == 202 && *r->id)
		buf_addf(b, "Location: /v1/documents/%s\r\n", r->id);
	if (r->extension && *r->id)
		buf_addf(b, "Content-Disposition: attachment; filename=\"%s.%s\"\r\n",
			r->id, r->extension);
	return buf_add_str(b, "\r\n");
}

static int send_with(const struct response *r, int socket, struct span body)
{
	_cleanup_buf_ struct buf b;
	int e;

	buf_init(&b, HEADER_MAX);
	e = add_headers(r, &b, body.len);
	return e < 0 ? e : send_all(socket, buf_span(&b), body, 0);
}

static int send_with_file(const struct response *r, int socket, size_t len)
{
	_cleanup_buf_ struct buf b;
	int e;

	buf_init(&b, HEADER_MAX);
	e = add_headers(r, &b, len);
	if (e == 0)
		e = send_all(
			socket, buf_span(&b), (struct span){ 0 }, len ? MSG_MORE : 0);
	return e < 0 || len == 0 ? e : send_file(socket, r->body_fd, len);
}

int response_send(const struct response *r, int socket)
{
	static const struct response undecided = {
		.status = 500, .type = TYPE_PROBLEM, .body_fd = -1
	};
	struct stat st;

	if (r->status && r->body)
		return send_with(r, socket, span_str(r->body));
	if (r->status && r->body_fd >= 0 && fstat(r->body_fd, &st) == 0)
		return send_with_file(r, socket, (size_t)st.st_size);
	return send_with(&undecided, socket, span_str(LAST_RESORT));
}
