/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One SCGI request: its header, and its body spooled into a sealed memfd while it is
 * hashed; never holds a document in memory of its own, never looks into one.
 */
#ifndef SEALGATE_WEB_REQUEST_H
#define SEALGATE_WEB_REQUEST_H

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/scgi.h"

#define CORRELATION_SIZE 64
#define PATH_SIZE 128

struct request {
	int socket; /* borrowed */
	struct scgi_request scgi;
	uint8_t *buffer;   /* owned: what came with the header */
	struct span ahead; /* octets of the body among it that nobody took yet */
	size_t unread;	   /* octets of the body not taken yet, those included */
	size_t header_len; /* of a header that is too long, or 0 */
	int body;	   /* sealed memfd, or -1 before request_body */
	uint8_t sha256[SHA256_SIZE]; /* of the body; zero after request_octets */
	char sha256_text[SHA256_TEXT_SIZE];
	char correlation[CORRELATION_SIZE];
	char path[PATH_SIZE]; /* of REQUEST_URI without its query; "" when too long */
};

/* Read the header. Return: 1, 0 when the peer closed before the first octet, -EPROTO,
 * -E2BIG (with what scgi_parse_front gives of it, correlation, path and header_len, for
 * an answer that says so, after request_discard), -errno. *r may be used with
 * request_done in every case. */
int request_read(int socket, struct request *r);

/* The same with another limit of the header than SCGI_HEADER_MAX. */
int request_read_up_to(size_t header_max, int socket, struct request *r);

/* Spool and hash the body, of CONTENT_LENGTH octets, into r->body.
 * Return: 1, 0 when it is longer than LIMIT_DOCUMENT (nothing was read), -EPROTO when the
 * peer closed early, -errno. */
int request_body(struct request *r);

/* The same without a digest, of `most` octets at most: for what is proven elsewhere. */
int request_octets(struct request *r, size_t most);

/* Read and forget what is left of the body: nginx must have written all of it before the
 * answer, or it reports a broken connection instead. At most 2 * LIMIT_DOCUMENT octets.
 */
void request_discard(struct request *r);

/* The value of a member of the query: letters, digits and "-_.:" only, as nothing here
 * needs decoding. Return: true when it is there; what does not fit or holds other octets
 * is "". */
bool request_query(const struct request *r, const char *name, char *ret, size_t size);

/* The same of a member that may hold anything printable, percent-encoded (RFC 3986 2.1);
 * what does not fit, is encoded wrongly or holds control characters is "". */
bool request_query_text(
	const struct request *r, const char *name, char *ret, size_t size);

void request_done(struct request *r);

/* The size of the body as announced. */
static inline size_t request_size(const struct request *r)
{
	return r->scgi.content_length;
}

#define _cleanup_request_ _cleanup_(request_done)

#endif
