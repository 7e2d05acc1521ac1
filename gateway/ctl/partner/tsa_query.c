/* SPDX-License-Identifier: EUPL-1.2 */
#include "ctl/partner/tsa_query.h"

#include "common/buf.h"
#include "common/digest.h"
#include "connectors/http.h"
#include "pki/token.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>

#define REPLY_MAX (64u * 1024)
#define CONNECT_MS 5000L
#define QUERY_MS 15000L
#define REPLY_TYPE "application/timestamp-reply"

static struct curl_slist *make_headers(void)
{
	/* Without Expect, or a small query would wait for leave to be sent. */
	static const char *const LINES[] = { "Content-Type: application/timestamp-query",
		"Accept: " REPLY_TYPE, "Expect:" };
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		struct curl_slist *more = curl_slist_append(list, LINES[i]);

		if (!more) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = more;
	}
	return list;
}

static bool set_up(CURL *curl, const char *url, struct curl_slist *headers,
	struct span query, struct buf *reply)
{
	static const struct http_bounds BOUNDS = { "http,https", CONNECT_MS, QUERY_MS,
		REPLY_MAX };

	return http_strict(curl, &BOUNDS, reply) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)query.data) ==
		       CURLE_OK &&
	       curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)query.len) == CURLE_OK;
}

/* Return: 0, or -EIO with a reason. */
static int judge(CURL *curl, CURLcode code, char **ret_reason)
{
	const char *type = NULL;
	long status = 0;
	int n;

	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	}
	if (status == 200 && http_is_type(type, REPLY_TYPE))
		return 0;
	if (code != CURLE_OK)
		n = asprintf(ret_reason, "%s", curl_easy_strerror(code));
	else
		n = asprintf(ret_reason, "HTTP status %ld, content type %.80s", status,
			type ? type : "absent");
	if (n < 0)
		*ret_reason = NULL;
	return -EIO;
}

static int post(const char *url, struct span query, struct buf *reply, char **ret_reason)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = make_headers();
	CURLcode code = CURLE_FAILED_INIT;
	int r;

	if (curl && headers && set_up(curl, url, headers, query, reply))
		code = curl_easy_perform(curl);
	r = judge(curl, code, ret_reason);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return r;
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
