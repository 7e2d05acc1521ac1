/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One HTTPS request of the command line under a client certificate; never follows a
 * redirect, never uses a proxy, never speaks plain HTTP.
 */
#ifndef SEALGATE_CTL_HTTP_CLIENT_H
#define SEALGATE_CTL_HTTP_CLIENT_H

#include "common/buf.h"
#include "common/span.h"

struct http_identity {
	const char *ca; /* PEM files */
	const char *cert;
	const char *key; /* or the PKCS#11 URI of one on a token */
};

struct http_request {
	const char *method; /* "GET", "POST" */
	const char *url;
	const char *content_type; /* NULL without a body */
	struct span body;
	size_t response_max;
	long timeout_s;
};

struct http_response {
	long status;
	char content_type[128]; /* "" when the server said none */
	struct buf body;
};

void http_response_done(struct http_response *r);

/* Ask. *ret_error is one line for people that the caller frees.
 * Return: 0 with whatever status, -EINVAL (the address or a file of the identity is not
 * as it must be: what the caller named), -EFBIG (body over response_max), -ENOMEM, -EIO.
 */
int http_client(const struct http_identity *identity, const struct http_request *request,
	struct http_response *ret_response, char **ret_error);

#endif
