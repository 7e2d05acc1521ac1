/* SPDX-License-Identifier: EUPL-1.2 */
#include "connectors/http.h"

#include <string.h>
#include <strings.h>

static size_t take(char *data, size_t size, size_t count, void *reply)
{
	return buf_add(reply, data, size * count) == 0 ? size * count : 0;
}

/* Set options until one fails. */
#define SET(option, value)                                                               \
	do {                                                                             \
		if (rc == CURLE_OK)                                                      \
			rc = curl_easy_setopt(easy, option, value);                      \
	} while (0)

CURLcode http_strict(CURL *easy, const struct http_bounds *bounds, struct buf *reply)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, bounds->schemes);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, bounds->connect_ms);
	SET(CURLOPT_TIMEOUT_MS, bounds->whole_ms);
	/* The buffer holds without it; with it libcurl may stop before it reads. */
	SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)bounds->reply_max);
	SET(CURLOPT_WRITEFUNCTION, take);
	SET(CURLOPT_WRITEDATA, (void *)reply);
	return rc;
}

bool http_is_type(const char *content_type, const char *wanted)
{
	size_t len = strlen(wanted);

	return content_type && strncasecmp(content_type, wanted, len) == 0 &&
	       strchr("; ", content_type[len]);
}
