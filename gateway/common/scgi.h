/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * SCGI requests: a netstring of header pairs, then exactly CONTENT_LENGTH octets; reads
 * what nginx writes and nothing looser, never guesses a length. (SCGI: "A Simple Common
 * Gateway Interface alternative", protocol of 2008.)
 */
#ifndef SEALGATE_COMMON_SCGI_H
#define SEALGATE_COMMON_SCGI_H

#include "common/span.h"

#define SCGI_HEADER_MAX 65536u
#define SCGI_PAIRS_MAX 128u

struct scgi_request {
	char *header; /* owned; names and values point into it */
	struct {
		const char *name;
		const char *value;
	} pairs[SCGI_PAIRS_MAX];
	size_t pair_count;
	size_t content_length;
};

/* Parse the header netstring at the start of data ("LEN:...,"); CONTENT_LENGTH must come
 * first and SCGI must be "1"; duplicate names are refused. *ret_used is where the body
 * starts. Return: 1 parsed, 0 more octets are needed, -EPROTO malformed, -E2BIG over a
 * limit. */
int scgi_parse(struct span data, struct scgi_request *ret_request, size_t *ret_used);

/* The same with another limit than SCGI_HEADER_MAX, of at most 999999. */
int scgi_parse_up_to(size_t header_max, struct span data,
	struct scgi_request *ret_request, size_t *ret_used);

/* What stands at the front of a header that is over the limit and may go on behind data:
 * to say so, and for nothing else. The last pair may be cut off. *ret_len: where the body
 * starts. Return: 0, -EPROTO malformed, -E2BIG too many pairs, -ENOMEM. */
int scgi_parse_front(struct span data, struct scgi_request *ret_request, size_t *ret_len);

void scgi_done(struct scgi_request *r);

/* The value of a header, or "" when absent. */
const char *scgi_get(const struct scgi_request *r, const char *name);

#endif
