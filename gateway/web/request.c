/* SPDX-License-Identifier: EUPL-1.2 */
#include "web/request.h"

#include "common/durable.h"
#include "common/encode.h"
#include "common/id.h"
#include "common/limits.h"
#include "common/memfd.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>

#define READ_SIZE 65536u
#define AROUND_HEADER 16u /* of a netstring, and a little of the body */

static ssize_t read_some(int fd, void *data, size_t len)
{
	ssize_t n;

	do
		n = read(fd, data, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* nginx's own id; anything that is not of its form is replaced, so that it may stand in
 * logs and answers. */
static void set_correlation(struct request *r)
{
	const char *given = scgi_get(&r->scgi, "CORRELATION_ID");
	size_t len = strlen(given);
	char id[DOCUMENT_ID_SIZE];

	if (len > 0 && len < sizeof(r->correlation) &&
		strspn(given, "0123456789abcdefABCDEFGHIJKLMNOPQRSTUVWXYZ-") == len)
		memcpy(r->correlation, given, len + 1);
	else if (id_new(id) == 0)
		memcpy(r->correlation, id, sizeof(id));
}

static void set_path(struct request *r)
{
	const char *uri = scgi_get(&r->scgi, "REQUEST_URI");
	size_t len = strcspn(uri, "?");

	if (len >= sizeof(r->path))
		return;
	memcpy(r->path, uri, len);
	r->path[len] = '\0';
}

/* A header that is too long: what can be read of it, so that who sent it is told, and how
 * much comes yet, which is read and forgotten like a body. Return: -E2BIG, or -EPROTO and
 * other errors, after which nothing is told. */
static int read_front(struct request *r, size_t have, size_t size)
{
	size_t start;
	ssize_t n = 1;
	int e;

	while (have < size &&
		(n = read_some(r->socket, r->buffer + have, size - have)) > 0)
		have += (size_t)n;
	if (n <= 0)
		return n < 0 ? (int)n : -EPROTO;
	e = scgi_parse_front(span_of(r->buffer, have), &r->scgi, &start);
	if (e < 0)
		return e == -E2BIG ? -EPROTO : e;
	r->header_len = start;
	if (have > start + r->scgi.content_length)
		return -EPROTO;
	r->unread = start + r->scgi.content_length - have;
	set_correlation(r);
	set_path(r);
	return -E2BIG;
}

int request_read_up_to(size_t header_max, int socket, struct request *r)
{
	const size_t size = header_max + AROUND_HEADER;
	size_t have = 0, used = 0;
	int e = 0;

	*r = (struct request){ .socket = socket, .body = -1 };
	r->buffer = malloc(size);
	if (!r->buffer)
		return -ENOMEM;
	while (e == 0) {
		ssize_t n;

		if (have == size)
			return -E2BIG;
		n = read_some(socket, r->buffer + have, size - have);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return have ? -EPROTO : 0;
		have += (size_t)n;
		e = scgi_parse_up_to(
			header_max, span_of(r->buffer, have), &r->scgi, &used);
		if (e == -E2BIG)
			return read_front(r, have, header_max);
	}
	if (e < 0)
		return e;
	r->unread = r->scgi.content_length;
	r->ahead = span_of(r->buffer + used, have - used);
	if (r->ahead.len > r->unread)
		return -EPROTO;
	set_correlation(r);
	set_path(r);
	return 1;
}

int request_read(int socket, struct request *r)
{
	return request_read_up_to(SCGI_HEADER_MAX, socket, r);
}

/* The next octets of the body, from what came with the header first.
 * Return: their number, 0 at the end, -EPROTO when the peer closed early, -errno. */
static ssize_t next_octets(struct request *r, uint8_t *buffer, struct span *ret_data)
{
	size_t want = r->unread < READ_SIZE ? r->unread : READ_SIZE;
	ssize_t n;

	if (r->ahead.len) {
		*ret_data = r->ahead;
		r->ahead.len = 0;
	} else if (want == 0) {
		return 0;
	} else {
		n = read_some(r->socket, buffer, want);
		if (n <= 0)
			return n == 0 ? -EPROTO : n;
		*ret_data = span_of(buffer, (size_t)n);
	}
	r->unread -= ret_data->len;
	return (ssize_t)ret_data->len;
}

static int spool(struct request *r, int fd, EVP_MD_CTX *hash, uint8_t *buffer)
{
	struct span data;
	ssize_t n;

	while ((n = next_octets(r, buffer, &data)) > 0) {
		int e = fd_write_all(fd, data);

		if (e < 0)
			return e;
		if (hash && !EVP_DigestUpdate(hash, data.data, data.len))
			return -EIO;
	}
	if (n < 0)
		return (int)n;
	return !hash || EVP_DigestFinal_ex(hash, r->sha256, NULL) ? memfd_seal(fd) : -EIO;
}

static int spool_body(struct request *r, size_t most, EVP_MD_CTX *hash)
{
	_cleanup_(freep) uint8_t *buffer = NULL;
	_cleanup_(closep) int fd = -1;
	int e;

	if (request_size(r) > most)
		return 0;
	/* most bodies have come with the header */
	if (r->ahead.len < r->unread && !(buffer = malloc(READ_SIZE)))
		return -ENOMEM;
	fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	e = spool(r, fd, hash, buffer);
	if (e < 0)
		return e;
	r->body = take_fd(&fd);
	return 1;
}

int request_body(struct request *r)
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	int e = -EIO;

	if (hash && digest_begin(hash) == 0)
		e = spool_body(r, LIMIT_DOCUMENT, hash);
	EVP_MD_CTX_free(hash);
	if (e == 1)
		hex_encode(r->sha256, SHA256_SIZE, r->sha256_text);
	return e;
}

int request_octets(struct request *r, size_t most)
{
	return spool_body(r, most, NULL);
}

void request_discard(struct request *r)
{
	_cleanup_(freep) uint8_t *buffer = r->unread ? malloc(READ_SIZE) : NULL;
	size_t forgotten = 0;
	struct span data;
	ssize_t n;

	if (!buffer)
		return;
	while (forgotten < 2u * LIMIT_DOCUMENT && (n = next_octets(r, buffer, &data)) > 0)
		forgotten += (size_t)n;
}

void request_done(struct request *r)
{
	scgi_done(&r->scgi);
	free(r->buffer);
	if (r->body >= 0)
		close(r->body);
	*r = (struct request){ .socket = -1, .body = -1 };
}

/* The value of a member of the query, encoded as it came. */
static bool query_value(const struct request *r, const char *name, struct span *ret)
{
	const char *p = scgi_get(&r->scgi, "QUERY_STRING");
	size_t len = strlen(name);

	for (; *p; p += strcspn(p, "&"), p += *p == '&') {
		if (strncmp(p, name, len) != 0 || p[len] != '=')
			continue;
		*ret = span_of((const uint8_t *)p + len + 1, strcspn(p + len + 1, "&"));
		return true;
	}
	return false;
}

bool request_query(const struct request *r, const char *name, char *ret, size_t size)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.:";
	struct span value;

	ret[0] = '\0';
	if (!query_value(r, name, &value))
		return false;
	if (value.len < size && strspn((const char *)value.data, allowed) >= value.len) {
		memcpy(ret, value.data, value.len);
		ret[value.len] = '\0';
	}
	return true;
}

/* Take one octet off the front, decoded. Return: 1, 0 for what is none. */
static int next_octet(struct span *text, uint8_t *ret)
{
	char digits[3] = { 0 };
	size_t n = text->data[0] == '%' ? 3 : 1;

	if (n > text->len)
		return 0;
	*ret = text->data[0];
	if (n == 3) {
		memcpy(digits, text->data + 1, 2);
		if (hex_decode(digits, ret, 1) < 0)
			return 0;
	}
	*text = span_of(text->data + n, text->len - n);
	return *ret >= 0x20 && *ret != 0x7f;
}

bool request_query_text(const struct request *r, const char *name, char *ret, size_t size)
{
	struct span value;
	size_t n = 0;

	ret[0] = '\0';
	if (!query_value(r, name, &value))
		return false;
	while (value.len && n + 1 < size) {
		uint8_t octet;

		if (!next_octet(&value, &octet)) {
			n = 0;
			break;
		}
		ret[n++] = (char)octet;
	}
	ret[value.len ? 0 : n] = '\0';
	return true;
}
