/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/tsa_query.h"

#include "common/buf.h"
#include "common/digest.h"
#include "pki/token.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>

#define REPLY_MAX (64u * 1024)
#define CONNECT_SECONDS 5L
#define QUERY_SECONDS 15L

static size_t keep(char *data, size_t size, size_t n, void *to)
{
	return buf_add(to, data, size * n) < 0 ? 0 : size * n;
}

static bool set_options(CURL *curl, const char *url, struct curl_slist *headers,
	struct span query, struct buf *reply)
{
	return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT, QUERY_SECONDS) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)query.data) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)query.len) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply) == CURLE_OK;
}

static int post(const char *url, struct span query, struct buf *reply, char **ret_reason)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/timestamp-query");
	CURLcode code = CURLE_FAILED_INIT;
	long status = 0;

	if (curl && headers && set_options(curl, url, headers, query, reply))
		code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code == CURLE_OK && status == 200)
		return 0;
	if ((code != CURLE_OK ? asprintf(ret_reason, "%s", curl_easy_strerror(code))
			      : asprintf(ret_reason, "HTTP status %ld", status)) < 0)
		*ret_reason = NULL;
	return -EIO;
}

int tsa_query(const char *url, struct span octets, uint8_t **ret_token, size_t *ret_len,
	char **ret_reason)
{
	_cleanup_(freep) uint8_t *query = NULL;
	_cleanup_buf_ struct buf reply;
	uint8_t digest[SHA256_SIZE];
	uint64_t nonce;
	size_t len;
	int r;

	buf_init(&reply, REPLY_MAX);
	*ret_reason = NULL;
	if (digest_sha256(octets, digest) < 0 ||
		RAND_bytes((unsigned char *)&nonce, sizeof(nonce)) != 1)
		return -EIO;
	nonce &= INT64_MAX;
	r = token_request(digest, nonce, &query, &len);
	if (r == 0)
		r = post(url, span_of(query, len), &reply, ret_reason);
	if (r < 0)
		return r;
	r = token_response(
		buf_span(&reply), digest, nonce, ret_token, ret_len, ret_reason);
	return r == 1 ? 0 : r == 0 ? -EBADMSG : r;
}
