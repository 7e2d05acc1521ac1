/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What every HTTP request that leaves this machine keeps to; never makes one.
 */
#ifndef SEALGATE_CONNECTORS_HTTP_H
#define SEALGATE_CONNECTORS_HTTP_H

#include "common/buf.h"

#include <curl/curl.h>

struct http_bounds {
	const char *schemes; /* "https", or "http,https" for what is signed itself */
	long connect_ms, whole_ms;
	size_t reply_max;
};

/* Only these schemes, no redirect, no proxy and no password of the environment, bounded
 * in time and size; the reply goes into a buffer whose maximum is reply_max or less. */
CURLcode http_strict(CURL *easy, const struct http_bounds *bounds, struct buf *reply);

/* Is a Content-Type this media type, whatever its parameters? NULL is none. */
bool http_is_type(const char *content_type, const char *wanted);

#endif
